import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Profile } from "../../../src/index.js";
import { type Sandbox, startSandbox } from "../../../src/sandbox/index.js";
import { PROFILES } from "../../support/partner.js";
import { make } from "./certificates.js";
import { Folder } from "./patients.js";

const COMMAND = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
const MODULE = fileURLToPath(new URL("partner.mjs", import.meta.url));

let bank: Sandbox;
let folder: Folder;
beforeAll(async () => {
  [bank, folder] = await Promise.all([startSandbox(), Folder.make()]);
});
afterAll(async () => {
  await Promise.all([bank.close(), folder.remove()]);
});

async function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { PATH = "", NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  const plain = Object.fromEntries(
    Object.entries(rest).filter(([name]) => !/^(MINNA_|LC_|LANG|HTTPS?_PROXY)/i.test(name)),
  );
  const options = { env: { ...plain, PATH, LANG: "en_US.UTF-8", ...env }, timeout: 30_000 };
  return promisify(execFile)(process.execPath, [COMMAND, "doctor", ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

test.each<Profile>([...PROFILES])("a file of variables for a healthy bank: %s", async profile => {
  const file = await folder.environment(await folder.connection(bank, profile));
  const { code, stdout, stderr } = await doctor([file]);
  expect(stderr).toBe("");
  expect(stdout).toContain(", 0 problems, ");
  expect(stdout).toContain(`x5t#S256 `);
  expect(stdout).not.toContain("✖");
  expect(code).toBe(0);
});

describe("what is broken", () => {
  test("is called by the name of the variable, and by that of the option", async () => {
    const variables = await folder.connection(bank, "fapi2-security");
    const file = await folder.environment({ ...variables, MINNA_PROFILE: "fapi3" });
    const { stdout } = await doctor(["--offline", file]);
    expect(stdout).toContain("MINNA_PROFILE (profile): expected one of fapi1-advanced");
  });

  test("is found at the bank, too: a client that it does not know", async () => {
    const variables = await folder.connection(bank, "fapi2-security");
    const file = await folder.environment({ ...variables, MINNA_CLIENT_ID: "partner-fapi9" });
    expect((await doctor([file])).stdout).toContain("[push.refused]");
    const { code, stdout } = await doctor(["--no-push", file]);
    expect(stdout).toContain("Not tried (--no-push): whether the bank knows this clientId");
    expect(code).toBe(0);
  });

  test("comes first, with what to do, in the language of who asks; exit code 1", async () => {
    const variables = await folder.connection(bank, "fapi2-security");
    const file = await folder.environment({
      ...variables,
      MINNA_KEY_FILE: await folder.write("other.pem", make({ name: "x" }).key),
    });
    const english = await doctor([file]);
    expect(english.code).toBe(1);
    expect(english.stdout).toMatch(
      /^minna-baas doctor .*\n\nFirst:\n {2}✖ .*other\.pem: The key does not belong.*\[certificate\.key-match\]\n {6}Why: .*\n {6}Do: /,
    );
    expect(english.stdout).toContain("Not looked at: first, the client certificate must be in order.");
    const japanese = await doctor(["--lang", "ja", file]);
    expect(japanese.stdout).toMatch(/最初に直すところ:\n {2}✖ .*秘密鍵が、/);
    expect(japanese.stdout).toContain("問題 1、");
    const ascii = await doctor(["--offline", file], { LANG: "C", LC_ALL: "C", TZ: "UTC" });
    expect(ascii.stdout).toContain("  x ");
    expect(ascii.stdout).not.toMatch(/[✔✖–]/);
  });

  test("is JSON for programs, and all of it is there", async () => {
    const variables = await folder.connection(bank, "fapi2-security");
    const file = await folder.environment({ ...variables, MINNA_ISSUER: `${bank.issuer}/` });
    const { code, stdout } = await doctor(["--json", file]);
    const report = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(report).toMatchObject({ file, healthy: false, counts: { problem: 1 } });
    const wrong = report.findings.find(({ status }: { status: string }) => status === "problem");
    expect(wrong).toMatchObject({
      group: "discovery",
      id: "discovery.issuer",
      fix: expect.stringContaining(bank.issuer),
    });
    for (const { id, group, found } of report.findings) {
      expect(id === group || String(id).match(/^[a-z]+\.[a-z-]+$/)).toBeTruthy();
      expect(found).not.toBe("");
    }
  });
});

describe("a module", () => {
  const options = () => JSON.stringify({ ...bank.client("fapi1-advanced"), api: { baseUrl: bank.apiBaseUrl } });

  test("is examined with its store, and does not keep the process", async () => {
    const { code, stdout, stderr } = await doctor([MODULE], { MINNA_TEST_OPTIONS: options() });
    expect(stderr).toBe("");
    expect(stdout).toContain("[store.persistent]");
    expect(code).toBe(0);
  });

  test("shows no secret, whatever is wrong", async () => {
    const canary = {
      ...bank.client("fapi1-advanced"),
      certificate: { ...bank.client("fapi1-advanced").certificate, passphrase: "CANARY-passphrase" },
      issuer: "https://user:CANARY-issuer@localhost/",
      sealing: { keys: [{ kid: "k", key: "CANARY-sealing" }] },
      redirectUri: "https://partner.example/?token=CANARY-token",
      clientSecret: "CANARY-secret",
    };
    const env = {
      MINNA_TEST_OPTIONS: JSON.stringify(canary),
      MINNA_TEST_DATABASE: "postgres://u:CANARY-database@127.0.0.1:1/x",
      HTTPS_PROXY: "http://u:CANARY-proxy@proxy.example",
    };
    const healthyButStore = { ...env, MINNA_TEST_OPTIONS: options() };
    for (const args of [[MODULE], ["--json", MODULE], ["--lang", "ja", MODULE]]) {
      for (const one of [env, healthyButStore]) {
        const { code, stdout, stderr } = await doctor(args, one);
        expect(code).toBe(1);
        expect(stdout + stderr).not.toMatch(/CANARY|PRIVATE KEY/);
        expect(stdout + stderr).not.toContain(bank.client("fapi1-advanced").signing.key.d);
      }
    }
  }, 60_000);

  test.each([
    ["that is never there", "setInterval(() => {}, 1000); export const options = await new Promise(() => {});"],
    ["that is promised, and never there", "export const options = new Promise(() => setInterval(() => {}, 1000));"],
  ])("%s is not waited for", async (_, content) => {
    const file = join(folder.path, "hangs.mjs");
    await writeFile(file, content);
    const { code, stderr } = await doctor(["--timeout", "1", file]);
    expect(stderr).toContain("can't be loaded (TIMEOUT)");
    expect(code).toBe(2);
  });

  test("may promise its options, and talk: JSON stays JSON", async () => {
    const file = join(folder.path, "talks.mjs");
    await writeFile(file, "console.log('hello'); export const options = Promise.resolve({ clientId: 'c' });");
    const { stdout, stderr } = await doctor(["--json", "--offline", file]);
    expect(stderr).toBe("hello\n");
    const subjects = JSON.parse(stdout).findings.map(({ subject }: { subject?: string }) => subject);
    expect(subjects).toContain("issuer");
    expect(subjects).not.toContain("clientId");
  });

  test("that throws is not quoted", async () => {
    const file = join(folder.path, "throws.mjs");
    await writeFile(file, "throw new Error('CANARY')");
    const { code, stdout, stderr } = await doctor([file]);
    expect(stderr).toContain("can't be loaded (Error)");
    expect(stdout + stderr).not.toContain("CANARY");
    expect(code).toBe(2);
  });
});

test.each<[string[], string]>([
  [[], "doctor needs one file"],
  [["a.env", "b.env"], "doctor needs one file"],
  [["--timeout", "0", "a.env"], "--timeout must be"],
  [["--lang", "fr", "a.env"], "--lang must be"],
  [["--nonsense"], "Unknown option"],
  [["missing.env"], "missing.env can't be read (ENOENT)"],
])("ends with 2 for %j", async (args, reason) => {
  const { code, stdout, stderr } = await doctor(args);
  expect(stderr).toContain(reason);
  expect(stdout).toBe("");
  expect(code).toBe(2);
});

test("a path that is relative is looked for where the command runs, and beside the file for a hint", async () => {
  const variables = await folder.connection(bank, "fapi2-security");
  const file = await folder.environment({ ...variables, MINNA_CERT_FILE: "cert.pem" });
  const { stdout } = await doctor(["--offline", file]);
  expect(stdout).toContain(`There is such a file beside ${file}`);
  await rm(file);
});
