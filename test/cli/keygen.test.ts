import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { CompactEncrypt, compactDecrypt, importJWK, type JWK } from "jose";
import { describe, expect, onTestFinished, test } from "vitest";
import { writeFiles } from "../../src/cli/keygen/folder.js";
import { keygenOptions } from "../../src/cli/keygen/options.js";
import { UsageError } from "../../src/cli/usage.js";
import { MinnaClient, optionsFromEnvironment } from "../../src/index.js";
import { startSandbox } from "../../src/sandbox/index.js";
import { COMMAND, home, keygen, made, read, SUBJECT } from "./keygen-home.js";

async function jwks(...path: string[]): Promise<JWK[]> {
  return JSON.parse(await read(...path)).keys;
}

async function modeOf(...path: string[]): Promise<number> {
  return (await stat(join(home, ...path))).mode & 0o777;
}

function refusal(...args: string[]): string {
  try {
    keygenOptions(args);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "nothing was wrong";
}

describe("minna-baas keygen", () => {
  test("makes keys that the SDK signs with, and a set that the bank accepts", async () => {
    await made("keys");
    const keys = await jwks("keys", "jwks.json");
    const bank = await startSandbox({ signingKeys: keys });
    onTestFinished(() => bank.close());
    const { certificate, issuer, clientId, redirectUri, api } = bank.client("fapi1-advanced");
    for (const [name, text] of Object.entries(certificate)) await writeFile(join(home, name), text);
    const options = optionsFromEnvironment({
      MINNA_PROFILE: "fapi1-advanced",
      MINNA_ISSUER: issuer,
      MINNA_CLIENT_ID: clientId,
      MINNA_REDIRECT_URI: redirectUri,
      MINNA_API_BASE_URL: api.baseUrl,
      MINNA_CERT_FILE: join(home, "cert"),
      MINNA_KEY_FILE: join(home, "key"),
      MINNA_CA_FILE: join(home, "ca"),
      MINNA_SIGNING_FILE: join(home, "keys/signing.jwk.json"),
    });
    const minna = new MinnaClient(options);
    onTestFinished(() => minna.close());
    expect((await minna.publicJwks()).keys).toEqual(keys);
    const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
    const { id } = await minna.links.complete(await bank.approve(authorizationUrl), { transaction });
    expect(await minna.link(id).accounts.list()).not.toEqual([]);
  });

  test.each(["RSA-OAEP-256", "ECDH-ES"])("makes a key that opens what is encrypted to it with %s", async alg => {
    await made("keys", "--alg", "ES256", "--encryption", alg, "--kid", "2026-11");
    const [signing, encryption] = await jwks("keys", "jwks.json");
    expect(signing).toMatchObject({ kid: "2026-11", use: "sig", alg: "ES256", crv: "P-256" });
    expect(encryption).toMatchObject({ kid: "2026-11-enc", use: "enc", alg });
    const sealed = await new CompactEncrypt(Buffer.from("ﾎﾝ"))
      .setProtectedHeader({ alg, enc: "A256GCM" })
      .encrypt(await importJWK(encryption!));
    const key = await importJWK(JSON.parse(await read("keys/decryption.jwk.json")));
    expect(String(Buffer.from((await compactDecrypt(sealed, key)).plaintext))).toBe("ﾎﾝ");
    const variables = Object.fromEntries(
      ["PROFILE", "ISSUER", "CLIENT_ID", "REDIRECT_URI", "API_BASE_URL", "CERT_FILE", "KEY_FILE"].map(name => [
        `MINNA_${name}`,
        "x",
      ]),
    );
    const options = optionsFromEnvironment({
      ...variables,
      MINNA_DECRYPTION_FILE: join(home, "keys/decryption.jwk.json"),
    });
    expect(await (options.decryption as () => unknown)()).toMatchObject({ keys: [{ alg, kid: "2026-11-enc" }] });
  });

  test("gives away the public members only, and names a key by its thumbprint", async () => {
    await made("keys", "--encryption", "ECDH-ES");
    const [rsa, ec] = await jwks("keys", "jwks.json");
    expect(Object.keys(rsa!).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
    expect(Object.keys(ec!).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
    // RFC 7638 section 3.2: the required members, in the order of their names.
    const thumbprint = createHash("sha256")
      .update(JSON.stringify({ e: rsa!.e, kty: "RSA", n: rsa!.n }))
      .digest("base64url");
    expect(rsa!.kid).toBe(thumbprint);
    expect(Buffer.from(rsa!.n!, "base64url")).toHaveLength(3072 / 8);
  });

  test("is for its owner only, whatever the umask, and prints no key", async () => {
    const args = ["keys", "--encryption", "ECDH-ES", ...SUBJECT];
    const shell = ["-c", 'umask 0733; exec "$@"', "sh", process.execPath, COMMAND, "keygen", ...args];
    const { stdout } = await promisify(execFile)("sh", shell, { cwd: home });
    expect(await modeOf("keys")).toBe(0o700);
    const files = (await readdir(join(home, "keys"))).sort();
    const secret = ["decryption.jwk.json", "key.pem", "signing.jwk.json"];
    expect(files).toEqual([".gitignore", "jwks.json", "request.csr", ...secret].sort());
    for (const name of files)
      expect([name, await modeOf("keys", name)]).toEqual([name, secret.includes(name) ? 0o600 : 0o644]);
    expect(await read("keys/.gitignore")).toBe("*\n");
    const { d, p } = JSON.parse(await read("keys/signing.jwk.json"));
    for (const text of [d, p, JSON.parse(await read("keys/decryption.jwk.json")).d]) expect(stdout).not.toContain(text);
    expect(stdout).not.toContain("PRIVATE");
    expect(stdout).not.toContain((await read("keys/key.pem")).split("\n")[1]);
  });

  test("says what to register, what to keep and what to set, in Japanese too", async () => {
    const text = await made("keys", ...SUBJECT);
    const [key] = await jwks("keys", "jwks.json");
    for (const said of [key!.kid, "keys/jwks.json", "keys/request.csr", "MINNA_SIGNING_FILE=keys/signing.jwk.json"]) {
      expect(text).toContain(said);
    }
    expect(text).toContain("MINNA_CERT_FILE=keys/cert.pem");
    const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, "keygen", "鍵", "--lang", "ja"], {
      cwd: home,
    });
    expect(stdout).toContain("銀行に登録するもの(公開情報)\n  鍵/jwks.json");
    expect(stdout).toContain("minna-baas keygen 鍵 --no-signing --subject");
  });

  test("overwrites nothing, and writes nothing where one file is there", async () => {
    await made("keys");
    const before = await read("keys/signing.jwk.json");
    const again = await keygen("keys", "--encryption", "ECDH-ES");
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toContain("keys/jwks.json is there already");
    expect(await read("keys/signing.jwk.json")).toBe(before);
    expect((await readdir(join(home, "keys"))).sort()).toEqual([".gitignore", "jwks.json", "signing.jwk.json"]);
    // The certificate may come later, into the same folder; not beside one that is there.
    await made("keys", "--no-signing", ...SUBJECT);
    expect((await keygen("keys", "--no-signing", ...SUBJECT)).stderr).toContain("keys/key.pem is there already");
    await mkdir(join(home, "trap"), { mode: 0o700 });
    await symlink("/nowhere", join(home, "trap/signing.jwk.json"));
    expect((await keygen("trap")).stderr).toContain("trap/signing.jwk.json is there already");
    expect(await readdir(join(home, "trap"))).toEqual(["signing.jwk.json"]);
  });

  test("writes all of its files, or none", async () => {
    const file = { name: "a", text: "a", secret: true };
    await expect(writeFiles(join(home, "keys"), [file, { ...file, text: "b" }])).rejects.toThrow("EEXIST");
    expect(await readdir(join(home, "keys"))).toEqual([]);
  });

  test("takes an empty folder for itself, and refuses one that others see or version control would", async () => {
    await mkdir(join(home, "empty"), { mode: 0o755 });
    await made("empty", "--alg", "ES256");
    expect(await modeOf("empty")).toBe(0o700);
    await mkdir(join(home, "used"));
    await writeFile(join(home, "used/other"), "");
    await chmod(join(home, "used"), 0o755);
    expect((await keygen("used")).stderr).toContain("Others may look into used");
    await chmod(join(home, "used"), 0o700);
    expect((await keygen("used")).stderr).toContain("no .gitignore that keeps all of it out");
    expect(await readdir(join(home, "used"))).toEqual(["other"]);
    expect((await keygen("used/other")).stderr).toContain("used/other is no folder");
    expect((await keygen("missing/keys")).stderr).toContain("no folder to make missing/keys in");
    expect(await readdir(home)).not.toContain("missing");
  });

  test("changes keys without a break: the one in use signs until the bank has the new one", async () => {
    await made("old", "--alg", "ES256", "--kid", "2025-11", "--encryption", "ECDH-ES");
    const kept = ["--keep", "old/signing.jwk.json", "--keep", "old/decryption.jwk.json"];
    await made("new", "--alg", "ES256", "--kid", "2026-11", "--encryption", "ECDH-ES", ...kept);
    const kids = async (name: string) => (await jwks("new", name)).map(({ kid }) => kid);
    expect(await kids("signing.jwk.json")).toEqual(["2025-11", "2026-11"]);
    expect(await kids("signing.next.jwk.json")).toEqual(["2026-11", "2025-11"]);
    expect(await kids("decryption.jwk.json")).toEqual(["2026-11-enc", "2025-11-enc"]);
    expect(await kids("jwks.json")).toEqual(["2026-11", "2026-11-enc", "2025-11", "2025-11-enc"]);
    expect(await read("new/jwks.json")).not.toContain('"d"');
    // The next time, the one that has been replaced goes.
    await made("newer", "--alg", "ES256", "--kid", "2027-11", "--keep", "new/signing.next.jwk.json");
    expect((await jwks("newer/jwks.json")).map(({ kid }) => kid)).toEqual(["2027-11", "2026-11"]);
    const same = await keygen("same", "--alg", "ES256", "--kid", "2025-11", ...kept);
    expect([same.code, same.stderr]).toEqual([
      2,
      expect.stringContaining("--kid must be an id that no key in use has"),
    ]);
    expect(await readdir(home)).not.toContain("same");
  });

  test.each([
    ["missing.json", undefined, "it can't be read (ENOENT)"],
    ["broken.json", "{ SECRET", "it is no JSON"],
    ["empty.json", '{ "keys": [] }', "it holds no keys"],
    ["nameless.json", '{ "kty": "oct", "k": "SECRET" }', "has no alg or no kid"],
    ["public.json", '{ "kty": "oct", "k": "SECRET", "alg": "ES256", "kid": "1" }', "is not private, or broken"],
  ])("keeps no key of %s", async (name, text, reason) => {
    if (text !== undefined) await writeFile(join(home, name), text);
    const { code, stderr } = await keygen("keys", "--keep", name);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${name}: `)]);
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain("SECRET");
  });

  test.each([
    [[], "needs the folder"],
    [["a", "b"], "no other argument"],
    [["a", "--nonsense"], "Unknown option '--nonsense'"],
    [["a", "--lang", "fr"], "--lang must be ja or en"],
    [["a", "--alg", "RS256"], "--alg must be PS256 or ES256"],
    [["a", "--encryption", "RSA1_5"], "--encryption must be RSA-OAEP-256 or ECDH-ES"],
    [["a", "--kid", "a b"], "--kid must be up to 64 letters"],
    [["a", "--no-signing"], "leaves nothing to make"],
    [["a", "--no-signing", "--alg", "ES256"], "excludes --no-signing"],
    [["a", "--no-signing", "--kid", "1", ...SUBJECT], "--kid is for signing and decryption keys"],
    [["a", "--no-signing", "--keep", "1", ...SUBJECT], "--keep is for signing and decryption keys"],
    [["a", "--csr"], "--csr is for the certificate: it needs --subject"],
    [["a", "--self-signed"], "--self-signed is for the certificate"],
    [["a", "--dns", "a.example"], "--dns is for the certificate"],
    [["a", "--rsa", "2048"], "--rsa is for the certificate"],
    [["a", "--days", "3"], "--days is for the certificate"],
    [["a", "--csr", "--self-signed", ...SUBJECT], "exclude each other"],
    [["a", "--days", "3", ...SUBJECT], "--days is for --self-signed"],
    [["a", "--self-signed", "--days", "0", ...SUBJECT], "--days must be a number from 1 to"],
    [["a", "--rsa", "1024", ...SUBJECT], "--rsa must be 2048 or 3072"],
    [["a", "--dns", "*.example", ...SUBJECT], "--dns must be a host name"],
    [["a", "--dns", "かもめ.example", ...SUBJECT], "--dns must be a host name"],
    [["a", "--subject", ""], "can't be read at its end"],
    [["a", "--subject", "CN=a,O=Kamome, Inc."], 'can\'t be read at "Inc."'],
    [["a", "--subject", 'O="Kamome, Inc."'], "write \\, for a comma"],
    [["a", "--subject", "CN=a,"], "can't be read at its end"],
    [["a", "--subject", "CN= "], "CN has no value"],
    [["a", "--subject", "XX=a"], "XX is none of CN"],
    [["a", "--subject", "3.1=a"], "3.1 is none of CN"],
    [["a", "--subject", "C=Japan"], "C must have at most 2"],
    [["a", "--subject", "C=jp"], "C must be two capital letters"],
    [["a", "--subject", `O=${"株".repeat(65)}`], "O must have at most 64"],
    [["a", "--subject", "serialNumber=1_2"], "serialNumber may have letters"],
    [["a", "--subject", "emailAddress=株@a.example"], "emailAddress must be in ASCII"],
    [["a", "--subject", "CN=#0400"], "CN must be text"],
    [["a", "--subject", "CN=\\E6"], "CN is not UTF-8"],
    [["a", "--subject", "CN=a\\0Ab"], "CN has a control character"],
  ])("says what is wrong with %j", (args, reason) => {
    expect(refusal(...args)).toContain(reason);
  });
});
