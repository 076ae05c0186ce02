import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { faultChance } from "../../src/cli/sandbox/chance.js";
import { writeConnection } from "../../src/cli/sandbox/connection-files.js";
import { obey } from "../../src/cli/sandbox/console.js";
import { sandboxIntroduction } from "../../src/cli/sandbox/introduction.js";
import { runSandbox } from "../../src/cli/sandbox.js";
import { FAULT_NAMES, startSandbox } from "../../src/sandbox/index.js";
import { Partner } from "./partner.js";

describe("minna-baas", () => {
  const argv = process.argv;
  beforeEach(() => {
    vi.stubEnv("LC_ALL", "en_US.UTF-8");
  });
  afterEach(() => {
    process.argv = argv;
    process.exitCode = undefined;
    vi.unstubAllEnvs();
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

  const again = (...args: string[]) => {
    vi.restoreAllMocks();
    vi.resetModules();
    return run(...args);
  };

  it.each([[[]], [["--help"]]])("says what it can do: %o", async args => {
    const { out, code } = await run(...args);
    expect(out).toMatch(/^Usage: minna-baas <command>/);
    expect(out).toContain("sandbox");
    expect(code).toBe(0);
  });

  it("lets nothing that somebody pasted steer the terminal", async () => {
    const { err, code } = await run("explain", "zz\u001b]0;owned\u0007\u202e\u009b2J");
    expect(err).toMatch(/^minna-baas: no code is called zz\?\]0;owned\?\?\?2J;/);
    expect(code).toBe(2);
  });

  it("says its version, and the help of a command", async () => {
    expect((await run("--version")).out).toMatch(/^\d+\.\d+\.\d+/);
    vi.resetModules();
    const { out } = await run("sandbox", "--help");
    for (const option of [
      "--redirect-uri URL",
      "--write FOLDER",
      "--state FOLDER",
      "--json",
      "--lang ja|en",
      "--encrypt",
      "--fault NAME",
      "--chance SEED:NAME=ODDS",
    ])
      expect(out).toContain(option);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    for (const fault of FAULT_NAMES) expect(out.split(/\s+/)).toContain(fault);
  });

  describe.each(["sandbox", "keygen", "doctor", "explain", "migrate", "reseal"])("the help of %s", command => {
    it.each(["ja", "en"] as const)("is there in %s, and fits a terminal", async language => {
      const { out, code } = await run(command, "--help", "--lang", language);
      expect(code).toBe(0);
      expect(out).toMatch(
        { ja: new RegExp(`^使い方: minna-baas ${command} `), en: new RegExp(`^Usage: minna-baas ${command} `) }[
          language
        ],
      );
      expect(/\p{Script=Hiragana}/u.test(out)).toBe(language === "ja");
      const wide = out.split("\n").filter(line => columns(line) > 100);
      expect(wide).toEqual([]);
      const { out: inEnglish } = await again(command, "--help");
      expect(optionsIn(out)).toEqual(optionsIn(inEnglish));
    });
  });

  it.each([[["--help", "--lang", "ja"]], [["--lang", "ja"]], [["--lang=ja", "--help"]]])(
    "speaks Japanese where it is told to: %o",
    async args => {
      const { out, code } = await run(...args);
      expect(out).toMatch(/^使い方: minna-baas <コマンド>[\s\S]*開発用の銀行/);
      expect(code).toBe(0);
    },
  );

  it("speaks the language of the environment", async () => {
    vi.stubEnv("LC_ALL", "ja_JP.UTF-8");
    expect((await run("doctor", "--help")).out).toMatch(/^使い方: minna-baas doctor/);
    expect((await again("doctor", "--help", "--lang", "en")).out).toMatch(/^Usage: minna-baas doctor/);
  });

  it.each([
    [["nonsense"], "nonsense というコマンドはありません"],
    [["doctor", "--nonsense"], "--nonsense というオプションはありません"],
    [["sandbox", "--port"], "の値がありません"],
    [["sandbox", "--json=yes"], "に値は指定できません"],
    [["sandbox", "--port", "-1"], "の値が - で始まっています"],
    [["sandbox", "extra"], "余分な引数があります: extra"],
    [["sandbox", "--port", "http"], "--port にはポート番号を指定してください"],
    [["keygen"], "鍵を置くフォルダーを 1 つだけ指定してください"],
    [["keygen", "keys", "--subject", "CN"], '"CN" を解釈できません'],
    [["migrate"], "--print を指定してください"],
    [["reseal"], "モジュールを 1 つだけ指定してください"],
    [["explain", "xyzzy"], "xyzzy というコードはありません"],
  ])("says in Japanese what is wrong with %o", async ([command = "", ...args], reason) => {
    const { err, code } = await run(command, "--lang", "ja", ...args);
    expect(err).toContain(reason);
    expect(err).toMatch(/\n使い方: npx minna-baas --help\n$/);
    expect(code).toBe(2);
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
    [["--port", "9444"], "--port and --mtls-port must differ, and both are 9444"],
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
    [["--lang", "fr"], "--lang must be ja or en"],
    [["--write", ""], "--write must be the path of a folder"],
    [["--state", ""], "--state must be the path of a folder"],
    [["--write", `it's "quoted"`], "can't be written into an environment file"],
  ])("sandbox refuses %o", async (args, reason) => {
    await expect(runSandbox(args)).rejects.toThrow(reason);
  });

  it("reads faults by chance", () => {
    expect(faultChance("7:api-429=0.25,debit-409=1,debit-returned=0")).toEqual({
      seed: 7,
      odds: { "api-429": 0.25, "debit-409": 1, "debit-returned": 0 },
    });
  });

  it("writes keys for their owner only, and touches nothing that is as it should be", async () => {
    const parent = await mkdtemp(join(tmpdir(), "minna-baas-"));
    const folder = join(parent, "connection");
    await using sandbox = await startSandbox();
    const decryption = await sandbox.encryptFor("fapi2-security", { alg: "ECDH-ES" });
    const profiles = ["fapi1-advanced", "fapi2-security"] as const;
    const connection = { sandbox, profiles, redirectUri: "http://localhost:3000/bank/callback" };
    const decryptions = new Map([["fapi2-security", decryption]] as const);
    await writeConnection(folder, { ...connection, decryption: decryptions });
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const key = join(folder, "fapi1-advanced", "key.pem");
    for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const { mode } = await stat(join(file.parentPath, file.name));
      expect(mode & 0o777).toBe(file.isDirectory() ? 0o700 : 0o600);
    }
    expect(await readFile(key, "utf8")).toBe(sandbox.client("fapi1-advanced").certificate.key);
    const jwks = JSON.parse(await readFile(join(folder, "fapi2-security", "decryption.jwks.json"), "utf8"));
    expect(jwks).toEqual({ keys: decryption.keys.map(({ key: jwk }) => jwk) });
    expect(jwks.keys[0]).toMatchObject({ alg: "ECDH-ES", kid: expect.any(String), d: expect.any(String) });
    const signing = JSON.parse(await readFile(join(folder, "fapi1-advanced", "signing.jwk.json"), "utf8"));
    expect(signing).toMatchObject({ alg: "PS256", kid: sandbox.client("fapi1-advanced").signing.kid });
    const env = parseEnv(await readFile(join(folder, "fapi2-security.env"), "utf8"));
    expect(env).toMatchObject({
      MINNA_PROFILE: "fapi2-security",
      MINNA_ISSUER: sandbox.issuer,
      MINNA_DECRYPTION_FILE: join(folder, "fapi2-security", "decryption.jwks.json"),
    });

    const written = (await stat(key)).mtimeMs;
    await writeFile(join(folder, "ca.pem"), "changed");
    await writeConnection(folder, { ...connection, decryption: new Map() });
    expect((await stat(key)).mtimeMs).toBe(written);
    expect(await readFile(join(folder, "ca.pem"), "utf8")).toBe(sandbox.ca);
    expect(await readFile(join(folder, "fapi2-security.env"), "utf8")).not.toContain("MINNA_DECRYPTION_FILE");
    await expect(stat(join(folder, "fapi2-security", "decryption.jwks.json"))).rejects.toThrow(/ENOENT/);
    await rm(parent, { recursive: true });
  });

  it.each([
    ["ja", "■ アプリの起動", "続行してください"],
    ["en", "Start your app", "Your browser will warn"],
  ] as const)("says what to do in %s", async (language, title, warning) => {
    await using sandbox = await startSandbox();
    const connection = {
      sandbox,
      profiles: ["fapi2-security", "fapi1-advanced"] as const,
      redirectUri: "http://localhost:3000/bank/callback",
      decryption: new Map(),
    };
    const text = sandboxIntroduction(connection, ".minna bank", language, { faults: [], chance: undefined });
    for (const part of [title, warning, "sandbox-hanako", "1,500,000", `MINNA_ISSUER='${sandbox.issuer}'`, "ca.pem"]) {
      expect(text).toContain(part);
    }
    expect(text).toContain("node --env-file='.minna bank/fapi2-security.env' app.js");
    const without = sandboxIntroduction(connection, undefined, language, {
      faults: ["api-429", "debit-409"],
      chance: { seed: 7, odds: { "api-html-error": 0.1, "api-echo-missing": 0.05 } },
    });
    const seed = { ja: "確率、シード 7", en: "by chance, seed 7" }[language];
    const faults = `${{ ja: "■ 起こす異常", en: "Faults on" }[language]}: `;
    expect(text).not.toContain(faults);
    expect(without).toContain(`\n${faults}api-429, debit-409, api-html-error=0.1, api-echo-missing=0.05 (${seed})\n\n`);
    expect(without).toContain({ ja: "時刻は日本時間", en: "times in Japan (JST)" }[language]);
    expect(without).not.toContain("MINNA_KEY_FILE");
    expect(without).toContain("--write .minna-bank");
  });

  it("takes faults while it runs", async () => {
    await using sandbox = await startSandbox();
    expect(obey("fault api-429", sandbox, "en")).toBe("api-429 is on.");
    const partner = new Partner(sandbox, "fapi2-security");
    expect((await partner.call("/accounts", { token: "t" })).status).toBe(429);
    expect(obey("faults", sandbox, "en")).toMatch(/So far:\n {2}api-429 \(1\)$/);
    expect(obey(" off  api-429 ", sandbox, "ja")).toContain("api-429");
    expect((await partner.call("/accounts", { token: "t" })).status).toBe(401);
    obey("fault api-429", sandbox, "ja");
    obey("off", sandbox, "ja");
    expect((await partner.call("/accounts", { token: "t" })).status).toBe(401);
    expect(obey("fault nonsense", sandbox, "en")).toMatch(/^no fault is called nonsense/);
    expect(obey("customers", sandbox, "en")).toContain("sandbox-taro");
    for (const line of ["fault", "help", "fault api-429 twice"])
      expect(obey(line, sandbox, "en")).toMatch(/^There are:/);
    expect(obey("", sandbox, "en")).toBe("");
    await partner.close();
  });
});

/** Of a terminal: what is Japanese takes two. */
function columns(line: string): number {
  return [...line].reduce((sum, letter) => sum + (/[\u3000-\u9fff\uff00-\uff60]/.test(letter) ? 2 : 1), 0);
}

function optionsIn(help: string): string[] {
  return [...new Set(help.match(/--[a-z][a-z-]+/g))].sort();
}
