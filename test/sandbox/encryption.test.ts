import { constants, createDecipheriv, createPrivateKey, privateDecrypt } from "node:crypto";
import {
  type CryptoKey,
  compactDecrypt,
  compactVerify,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  importJWK,
  type JWK,
} from "jose";
import * as oidc from "openid-client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type RegisteredDecryption, type Sandbox, type SandboxProfile, startSandbox } from "../../src/sandbox/index.js";
import { Partner } from "./partner.js";

describe("responses for a client that has registered an encryption key", () => {
  let sandbox: Sandbox;
  let signing: Partner;
  let registered: RegisteredDecryption;
  beforeAll(async () => {
    sandbox = await startSandbox();
    signing = new Partner(sandbox, "fapi2-message-signing");
    registered = await sandbox.encryptFor("fapi2-message-signing");
  });
  afterEach(() => sandbox.faults.off());
  afterAll(async () => {
    await signing.close();
    await sandbox.close();
  });

  const jarm = async (): Promise<string> => {
    const callback = await sandbox.approve((await signing.begin()).url);
    return new URL(callback).searchParams.get("response") ?? "";
  };
  /** The ID Token as it comes from the token endpoint, where encrypted JARM is taken for granted. */
  const idToken = async (): Promise<string> => {
    const { url, checks } = await signing.begin();
    const response = new URL(await sandbox.approve(url)).searchParams.get("response") ?? "";
    const { mtls_endpoint_aliases: at = {} } = (await signing.configuration()).serverMetadata();
    const form = {
      grant_type: "authorization_code",
      client_id: signing.client.clientId,
      redirect_uri: signing.client.redirectUri,
      code: String(decodeJwt(await decrypted(response, registered))["code"]),
      code_verifier: String(checks.pkceCodeVerifier),
    };
    return (await signing.call(String(at.token_endpoint), { form })).json.id_token;
  };
  const jwks = async () => createLocalJWKSet((await signing.call(`${sandbox.issuer}/jwks`)).json);

  it("are signed, then encrypted", async () => {
    expect(registered).toMatchObject({
      keys: [{ alg: "RSA-OAEP-256", kid: expect.any(String), key: { kty: "RSA", d: expect.any(String), use: "enc" } }],
      responses: ["idToken", "authorizationResponse"],
    });
    for (const token of [await jarm(), await idToken()]) {
      const { kid } = registered.keys[0]!;
      expect(decodeProtectedHeader(token)).toEqual({ alg: "RSA-OAEP-256", enc: "A256GCM", cty: "JWT", kid });
      await compactVerify(await decrypted(token, registered), await jwks(), { algorithms: ["ES256"] });
    }
  });

  it("are announced, and come to nobody else", async () => {
    const plain = new Partner(sandbox, "fapi2-security");
    const { id_token: token = "" } = await plain.link();
    expect(decodeProtectedHeader(token).alg).toBe("ES256");
    expect((await plain.configuration()).serverMetadata()).toMatchObject({
      id_token_encryption_alg_values_supported: ["RSA-OAEP-256", "ECDH-ES"],
      id_token_encryption_enc_values_supported: ["A256GCM"],
      authorization_encryption_alg_values_supported: ["RSA-OAEP-256", "ECDH-ES"],
      authorization_encryption_enc_values_supported: ["A256GCM"],
    });
    await plain.close();
  });

  it("do not exist where the profile signs none", async () => {
    const impossible = sandbox.encryptFor("fapi2-security", { responses: ["authorizationResponse"] });
    await expect(impossible).rejects.toThrow(RangeError);
  });

  it("jarm-plain-when-encryption-registered", async () => {
    sandbox.faults.on("jarm-plain-when-encryption-registered");
    const response = await jarm();
    await compactVerify(response, await jwks(), { algorithms: ["ES256"] });
  });

  it("id-token-plain-when-encryption-registered", async () => {
    sandbox.faults.on("id-token-plain-when-encryption-registered");
    await compactVerify(await idToken(), await jwks(), { algorithms: ["ES256"] });
  });

  it("id-token-encrypted: also where ID Tokens are not registered for it", async () => {
    const profile: SandboxProfile = "fapi2-security";
    const plain = new Partner(sandbox, profile);
    const received = async () => decodeProtectedHeader((await plain.link()).id_token ?? "");
    sandbox.faults.on("id-token-encrypted");
    expect((await received()).alg).toBe("ES256");
    const { keys } = await sandbox.encryptFor(profile, { responses: [] });
    await decryptWith(plain, keys);
    expect(await received()).toEqual({ alg: "RSA-OAEP-256", enc: "A256GCM", cty: "JWT", kid: keys[0]?.kid });
    sandbox.faults.off();
    expect((await received()).alg).toBe("ES256");
    await plain.close();
  });

  it.each([
    ["jarm-encrypted-rsa15", jarm],
    ["id-token-encrypted-rsa15", idToken],
  ] as const)("%s", async (name, receive) => {
    sandbox.faults.on(name);
    const token = await receive();
    const { kid, key } = registered.keys[0]!;
    expect(decodeProtectedHeader(token)).toEqual({ alg: "RSA1_5", enc: "A256GCM", cty: "JWT", kid });
    await compactVerify(decryptedWithRsa15(token, key), await jwks(), { algorithms: ["ES256"] });
  });

  it("jarm-encrypted-unknown-key", async () => {
    sandbox.faults.on("jarm-encrypted-unknown-key");
    const response = await jarm();
    expect(decodeProtectedHeader(response)).toMatchObject({ alg: "RSA-OAEP-256", cty: "JWT" });
    expect(decodeProtectedHeader(response).kid).not.toBe(registered.keys[0]?.kid);
    await expect(decrypted(response, registered)).rejects.toMatchObject({ code: "ERR_JWE_DECRYPTION_FAILED" });
  });

  it("can be false inside: the faults of signed ones come with encryption", async () => {
    sandbox.faults.on("jarm-aud-wrong");
    sandbox.faults.on("jarm-signature-bad");
    const inside = await decrypted(await jarm(), registered);
    expect(decodeJwt(inside).aud).toBe("another-partner");
    await expect(compactVerify(inside, await jwks())).rejects.toThrow(/signature verification failed/);
  });

  it.each(["jarm-encrypted-rsa15", "jarm-encrypted-unknown-key"] as const)(
    "%s strikes without a registration too",
    async name => {
      const profile: SandboxProfile = "fapi1-advanced";
      sandbox.faults.on(name);
      const partner = new Partner(sandbox, profile);
      const callback = await sandbox.approve((await partner.begin()).url);
      expect(decodeProtectedHeader(new URL(callback).searchParams.get("response") ?? "").enc).toBe("A256GCM");
      await partner.close();
    },
  );
});

describe("a partner with encryption keys", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(() => sandbox.close());

  it.each([
    ["fapi1-advanced", "RSA-OAEP-256"],
    ["fapi1-advanced", "ECDH-ES"],
    ["fapi2-security", "ECDH-ES"],
    ["fapi2-message-signing", "ECDH-ES"],
  ] as const)("reads what the bank sends by %s with %s", async (profile, alg) => {
    const partner = new Partner(sandbox, profile);
    const { keys } = await sandbox.encryptFor(profile, { alg });
    await decryptWith(partner, keys);
    const tokens = await partner.link();
    expect(decodeProtectedHeader(tokens.id_token ?? "")).toMatchObject({ alg, kid: keys[0]?.kid });
    expect(tokens.claims?.aud).toBe(partner.client.clientId);
    expect((await partner.refresh(tokens.refresh_token ?? "")).claims?.sub).toBe(tokens.claims?.sub);
    await partner.close();
  });

  it("gets what it registered last, encrypted to its newest key", async () => {
    const partner = new Partner(sandbox, "fapi2-message-signing");
    const first = await sandbox.encryptFor("fapi2-message-signing", { alg: "ECDH-ES" });
    const second = await sandbox.encryptFor("fapi2-message-signing", { alg: "ECDH-ES", responses: ["idToken"] });
    expect(second.keys.map(({ kid }) => kid)).toEqual([expect.any(String), ...first.keys.map(({ kid }) => kid)]);
    expect(second.responses).toEqual(["idToken"]);
    await decryptWith(partner, second.keys);
    const { url, checks } = await partner.begin();
    const callback = await sandbox.approve(url);
    expect(decodeProtectedHeader(new URL(callback).searchParams.get("response") ?? "").alg).toBe("ES256");
    const { id_token: token = "" } = await partner.complete(callback, checks);
    expect(decodeProtectedHeader(token).kid).toBe(second.keys[0]?.kid);
    await partner.close();
  });
});

type Keys = RegisteredDecryption["keys"];

async function decryptWith(partner: Partner, keys: Keys): Promise<void> {
  const imported = keys.map(async ({ key, alg, kid }) => ({ key: (await importJWK(key, alg)) as CryptoKey, alg, kid }));
  oidc.enableDecryptingResponses(await partner.configuration(), ["A256GCM"], ...(await Promise.all(imported)));
}

async function decrypted(token: string, { keys }: RegisteredDecryption): Promise<string> {
  const { key, alg } = keys[0]!;
  const { plaintext } = await compactDecrypt(token, await importJWK(key, alg));
  return Buffer.from(plaintext).toString();
}

/** By hand, as jose has no RSA1_5; without the padding, which not every Node takes off. */
function decryptedWithRsa15(token: string, key: JWK): string {
  const [header = "", ...parts] = token.split(".");
  const [wrapped, iv, ciphertext, tag] = parts.map(part => Buffer.from(part, "base64url"));
  const privateKey = createPrivateKey({ key: { ...key }, format: "jwk" });
  const padded = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, wrapped!);
  expect([...padded.subarray(0, 2)]).toEqual([0, 2]);
  const decipher = createDecipheriv("aes-256-gcm", padded.subarray(-32), iv!).setAAD(Buffer.from(header));
  decipher.setAuthTag(tag!);
  return Buffer.concat([decipher.update(ciphertext!), decipher.final()]).toString();
}
