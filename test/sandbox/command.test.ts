import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { faultChance } from "../../src/cli/chance.js";
import { writeConnection } from "../../src/cli/connection-files.js";
import { runSandbox } from "../../src/cli/sandbox.js";
import { FAULT_NAMES, startSandbox } from "../../src/sandbox/index.js";

describe("minna-baas", () => {
  const argv = process.argv;
  afterEach(() => {
    process.argv = argv;
    process.exitCode = undefined;
    vi.restoreAllMocks();
    vi.resetModules();
  });

  const run = async (...args: string[]) => {
    const said = { out: "", err: "" };
    for (const [stream, name] of [
      [process.stdout, "out"],
      [process.stderr, "err"],
    ] as const) {
      vi.spyOn(stream, "write").mockImplementation(text => {
        said[name] += text;
        return true;
      });
    }
    process.argv = ["node", "minna-baas", ...args];
    await import("../../src/cli/main.js");
    await vi.waitFor(() => expect(said.out + said.err).not.toBe(""));
    return { ...said, code: process.exitCode ?? 0 };
  };

  it.each([[[]], [["--help"]]])("says what it can do: %o", async args => {
    const { out, code } = await run(...args);
    expect(out).toMatch(/^Usage: minna-baas <command>/);
    expect(out).toContain("sandbox");
    expect(code).toBe(0);
  });

  it("says its version, and the help of a command", async () => {
    expect((await run("--version")).out).toMatch(/^\d+\.\d+\.\d+/);
    vi.resetModules();
    const { out } = await run("sandbox", "--help");
    for (const option of ["--redirect-uri URL", "--encrypt", "--fault NAME", "--chance SEED:NAME=ODDS"])
      expect(out).toContain(option);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    for (const fault of FAULT_NAMES) expect(out.split(/\s+/)).toContain(fault);
  });

  it.each([
    [["nonsense"], "there is no command nonsense"],
    [["sandbox", "--nonsense"], "Unknown option '--nonsense'"],
    [["sandbox", "extra"], "extra"],
  ])("ends with 2 for %o", async (args, reason) => {
    const { err, code } = await run(...args);
    expect(err).toContain(reason);
    expect(code).toBe(2);
  });

  it.each([
    [["--port", "http"], "--port must be a port number"],
    [["--mtls-port", "70000"], "--mtls-port must be a port number"],
    [["--redirect-uri", "nowhere"], "--redirect-uri must be"],
    [
      ["--fault", "nonsense"],
      /^no fault is called nonsense; there are:\n {2}server-certificate-un.*\n\n {2}tls-.*page-row/s,
    ],
    [["--chance", "api-429=0.5"], "--chance must be SEED:NAME=ODDS"],
    [["--chance", "1:api-429=1.5"], "the odds of api-429 must be from 0 to 1"],
    [["--chance", "1:api-429"], "the odds of api-429 must be from 0 to 1"],
    [["--chance", "1:nonsense=0.5"], "no fault is called nonsense"],
    [["--access-token-seconds", "0"], "--access-token-seconds must be a number of seconds"],
    [["--refresh-token-retry-seconds", "soon"], "--refresh-token-retry-seconds must be a number of seconds"],
    [["--encrypt"], "--encrypt needs --write"],
  ])("sandbox refuses %o", async (args, reason) => {
    await expect(runSandbox(args)).rejects.toThrow(reason);
  });

  it("reads faults by chance", () => {
    expect(faultChance("7:api-429=0.25,debit-409=1,debit-returned=0")).toEqual({
      seed: 7,
      odds: { "api-429": 0.25, "debit-409": 1, "debit-returned": 0 },
    });
  });

  it("writes keys for their owner only, and never over a folder", async () => {
    const parent = await mkdtemp(join(tmpdir(), "minna-baas-"));
    const folder = join(parent, "connection");
    await using sandbox = await startSandbox();
    const decryption = await sandbox.encryptFor("fapi2-security", { alg: "ECDH-ES" });
    await writeConnection(
      folder,
      sandbox,
      ["fapi1-advanced", "fapi2-security"],
      new Map([["fapi2-security", decryption]]),
    );
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const key = join(folder, "fapi1-advanced", "key.pem");
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect(await readFile(key, "utf8")).toBe(sandbox.client("fapi1-advanced").certificate.key);
    const options = JSON.parse(await readFile(join(folder, "fapi2-security", "options.json"), "utf8"));
    expect(options).toMatchObject({ profile: "fapi2-security", issuer: sandbox.issuer });
    expect(JSON.parse(await readFile(join(folder, "fapi2-security", "decryption.json"), "utf8"))).toEqual(decryption);
    await expect(stat(join(folder, "fapi1-advanced", "decryption.json"))).rejects.toThrow(/ENOENT/);
    await expect(writeConnection(folder, sandbox, [])).rejects.toThrow(/EEXIST/);
    await rm(parent, { recursive: true });
  });
});
