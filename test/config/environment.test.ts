import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, onTestFinished, test } from "vitest";
import { ConfigurationError, MinnaClient, optionsFromEnvironment } from "../../src/index.js";

const COMPLETE = {
  MINNA_PROFILE: "fapi2-security",
  MINNA_ISSUER: "https://auth.bank.example",
  MINNA_CLIENT_ID: "partner-1",
  MINNA_REDIRECT_URI: "https://partner.example/bank/callback",
  MINNA_CERT_FILE: "cert.pem",
  MINNA_KEY_FILE: "key.pem",
  MINNA_API_BASE_URL: "https://api.bank.example/v1",
};

async function fileWith(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "minna-environment-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "keys.json");
  await writeFile(file, text);
  return file;
}

async function jwk(kid: string): Promise<Record<string, unknown>> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: "ES256", kid };
}

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ option }) => option);
    throw error;
  }
  return [];
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error("nothing was thrown"),
    error => error,
  );
}

describe("options from the environment", () => {
  test("are those of the profile", () => {
    expect(optionsFromEnvironment(COMPLETE)).toEqual({
      profile: "fapi2-security",
      issuer: "https://auth.bank.example",
      clientId: "partner-1",
      redirectUri: "https://partner.example/bank/callback",
      certificate: { certFile: "cert.pem", keyFile: "key.pem" },
      api: { baseUrl: "https://api.bank.example/v1" },
    });
    expect(
      optionsFromEnvironment({
        ...COMPLETE,
        MINNA_KEY_PASSPHRASE: "p",
        MINNA_CA_FILE: "ca.pem",
        MINNA_ANNOUNCED_IN: "2026-03",
      }),
    ).toMatchObject({
      certificate: { certFile: "cert.pem", keyFile: "key.pem", passphrase: "p", caFile: "ca.pem" },
      announcedIn: "2026-03",
    });
  });

  test("make a client, which checks what they hold", () => {
    expect(problemsOf(() => new MinnaClient(optionsFromEnvironment(COMPLETE)))).toEqual([]);
    const wrong = { ...COMPLETE, MINNA_PROFILE: "fapi3", MINNA_ISSUER: "http://auth.bank.example" };
    expect(problemsOf(() => new MinnaClient(optionsFromEnvironment(wrong)))).toEqual(["profile", "issuer"]);
  });

  test("name every variable that is missing or empty, and no value", () => {
    expect(problemsOf(() => optionsFromEnvironment({}))).toEqual(Object.keys(COMPLETE));
    expect(problemsOf(() => optionsFromEnvironment({ ...COMPLETE, MINNA_CLIENT_ID: "" }))).toEqual(["MINNA_CLIENT_ID"]);
  });

  test.each(["fapi1-advanced", "fapi2-message-signing"])("ask for a signing key in %s", MINNA_PROFILE => {
    expect(problemsOf(() => optionsFromEnvironment({ ...COMPLETE, MINNA_PROFILE }))).toEqual(["MINNA_SIGNING_FILE"]);
  });

  test("are those of this process by default", () => {
    expect(problemsOf(() => optionsFromEnvironment())).toContain("MINNA_ISSUER");
  });
});

describe("keys from a file", () => {
  const signed = (file: string) =>
    new MinnaClient(optionsFromEnvironment({ ...COMPLETE, MINNA_PROFILE: "fapi1-advanced", MINNA_SIGNING_FILE: file }));

  test("may be one, or a set of which the first signs", async () => {
    const [one, other] = [await jwk("one"), await jwk("other")];
    const kids = async (text: string) => (await signed(await fileWith(text)).publicJwks()).keys.map(({ kid }) => kid);
    expect(await kids(JSON.stringify(one))).toEqual(["one"]);
    expect(await kids(JSON.stringify({ keys: [other, one] }))).toEqual(["other", "one"]);
  });

  test.each([
    ["no JSON", "secret-text", "no JSON object"],
    ["a list", "[]", "no JSON object"],
    ["a set without keys", '{"keys":"secret-text"}', "without a list of keys"],
  ])("that are %s are refused by the name of the variable", async (_, text, found) => {
    const error = await rejection(signed(await fileWith(text)).publicJwks());
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain("MINNA_SIGNING_FILE");
    expect(error.message).toContain(found);
    expect(error.message).not.toContain("secret-text");
  });

  test("that can't be read say why", async () => {
    const error = await rejection(signed("/nowhere/signing.jwk.json").publicJwks());
    expect(error.message).toContain("MINNA_SIGNING_FILE: expected a file with a private JWK, or a JWK Set");
    expect(error.message).toContain("ENOENT");
  });

  test("for encrypted responses are found in theirs", async () => {
    const { privateKey } = await generateKeyPair("ECDH-ES", { extractable: true });
    const file = await fileWith(JSON.stringify({ ...(await exportJWK(privateKey)), alg: "ECDH-ES", kid: "enc-1" }));
    const minna = new MinnaClient(optionsFromEnvironment({ ...COMPLETE, MINNA_DECRYPTION_FILE: file }));
    expect((await minna.publicJwks()).keys).toMatchObject([{ kid: "enc-1", use: "enc" }]);
  });
});
