import { generateKeyPairSync, type KeyObject, sign, webcrypto } from "node:crypto";
import { compactVerify, importJWK, type JWK } from "jose";
import { describe, expect, test } from "vitest";
import { configure } from "../../src/config/configurations.js";
import type { Signer } from "../../src/config/signing.js";
import { SigningError } from "../../src/errors.js";
import { everythingShown, problemsOf, rejection } from "../support/errors.js";
import { validOptions } from "../support/options.js";

// FAPI 2.0 Message Signing allows all three algorithms.
const PROFILE = "fapi2-message-signing";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const ed = generateKeyPairSync("ed25519").privateKey;
const KEYS = { PS256: rsa, ES256: ec, EdDSA: ed } as const;
const ALGORITHMS = ["PS256", "ES256", "EdDSA"] as const;
const WEB_CRYPTO = {
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  EdDSA: { name: "Ed25519" },
} as const;

function signerOf(signing: Readonly<Record<string, unknown>>, profile: string = PROFILE): Signer {
  return configure(validOptions({ profile, signing: { kid: "k-1", ...signing } })).all[0].signing.given![0]!;
}

function problems(signing: unknown, profile: string = PROFILE): string[] {
  return problemsOf(() => configure(validOptions({ profile, signing }))).map(
    ({ option, found }) => `${option}: ${found}`,
  );
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function jwk(key: KeyObject): JWK {
  return key.export({ format: "jwk" }) as JWK;
}

async function cryptoKey(alg: (typeof ALGORITHMS)[number], extractable: boolean): Promise<webcrypto.CryptoKey> {
  const der = KEYS[alg].export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", der, WEB_CRYPTO[alg], extractable, ["sign"]);
}

/** The signature verifies with the key that would be published. */
async function expectToSign(signer: Signer, publicJwk: JWK = signer.publicJwk!): Promise<void> {
  const encode = (text: string) => Buffer.from(text).toString("base64url");
  const input = `${encode(JSON.stringify({ alg: signer.alg }))}.${encode("payload")}`;
  const signature = Buffer.from(await signer.sign(Buffer.from(input))).toString("base64url");
  const key = await importJWK(publicJwk, signer.alg);
  await compactVerify(`${input}.${signature}`, key, { algorithms: [signer.alg] });
}

describe.each(ALGORITHMS)("a key for %s", alg => {
  test.each<[string, () => unknown]>([
    ["PEM", () => pem(KEYS[alg])],
    ["bytes of PEM", () => Buffer.from(pem(KEYS[alg]))],
    ["a JWK", () => jwk(KEYS[alg])],
    ["a JWK with its alg", () => ({ ...jwk(KEYS[alg]), alg, kid: "another", use: "sig" })],
    ["a KeyObject", () => KEYS[alg]],
    ["a CryptoKey", () => cryptoKey(alg, true)],
    ["a CryptoKey that can't be exported", () => cryptoKey(alg, false)],
  ])("signs as %s", async (_, make) => {
    const signer = signerOf({ alg, key: await make() });
    await expectToSign(signer);
    expect(signer.publicJwk).toMatchObject({ alg, kid: "k-1", use: "sig" });
  });

  test("is published without its private half", () => {
    for (const key of [pem(KEYS[alg]), jwk(KEYS[alg])]) {
      const published = signerOf({ alg, key }).publicJwk!;
      for (const member of ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]) expect(published).not.toHaveProperty(member);
      expect(Object.isFrozen(published)).toBe(true);
    }
  });
});

describe("a key that does not fit", () => {
  test.each<[string, unknown, string[]]>([
    ["RS256 as alg", { key: pem(rsa), alg: "RS256", kid: "k" }, ['signing.alg: "RS256"']],
    ["none as alg", { key: pem(rsa), alg: "none", kid: "k" }, ['signing.alg: "none"']],
    ["no alg", { key: pem(rsa), kid: "k" }, ["signing.alg: nothing"]],
    [
      "a JWK made for RS256",
      { key: { ...jwk(rsa), alg: "RS256" }, alg: "PS256", kid: "k" },
      ["signing.key: a key for RS256"],
    ],
    ["an EC key for PS256", { key: pem(ec), alg: "PS256", kid: "k" }, ["signing.key: a key of type ec on prime256v1"]],
    ["an RSA key for ES256", { key: pem(rsa), alg: "ES256", kid: "k" }, ["signing.key: a key of type rsa"]],
    ["an RSA key for EdDSA", { key: pem(rsa), alg: "EdDSA", kid: "k" }, ["signing.key: a key of type rsa"]],
    ["no kid", { key: pem(ec), alg: "ES256" }, ["signing.kid: nothing"]],
    ["an empty kid", { key: pem(ec), alg: "ES256", kid: "" }, ["signing.kid: an empty string"]],
    ["no key", { alg: "ES256", kid: "k" }, ["signing.key: nothing"]],
    ["text that is none", { key: "key.pem", alg: "ES256", kid: "k" }, ["signing.key: text that is not"]],
    [
      "a key and a signer",
      { key: pem(ec), sign: () => {}, alg: "ES256", kid: "k" },
      ["signing.key: an unknown option"],
    ],
    ["a signer that is none", { sign: "kms", alg: "ES256", kid: "k" }, ["signing.sign: a string"]],
    ["a misspelt option", { key: pem(ec), alg: "ES256", kid: "k", keyId: "k" }, ["signing.keyId: an unknown option"]],
    ["the PEM alone", pem(ec), ["signing: a string"]],
  ])("is refused: %s", (_, signing, expected) => {
    expect(problems(signing)).toEqual(expected);
  });

  test("is refused: a key of PKCS #1 v1.5", async () => {
    const der = rsa.export({ type: "pkcs8", format: "der" });
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    const key = await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
    expect(problems({ key, alg: "PS256", kid: "k" })).toEqual(["signing.key: a key for RS256"]);
  });

  test("is refused: RSA-PSS with another hash", async () => {
    const der = rsa.export({ type: "pkcs8", format: "der" });
    const algorithm = { name: "RSA-PSS", hash: "SHA-512" };
    const key = await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
    expect(problems({ key, alg: "PS256", kid: "k" })).toHaveLength(1);
  });

  test("is refused: P-384 for ES256, in each form", async () => {
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    const algorithm = { name: "ECDSA", namedCurve: "P-384" };
    const der = p384.export({ type: "pkcs8", format: "der" });
    const imported = await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
    for (const key of [pem(p384), jwk(p384), imported]) {
      expect(problems({ key, alg: "ES256", kid: "k" })).toEqual(["signing.key: a key of type ec on secp384r1"]);
    }
  });

  test("is refused: RSA with 1024 bits, in the process and outside of it", () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    expect(problems({ key: pem(privateKey), alg: "PS256", kid: "k" })).toEqual(["signing.key: one of 1024 bits"]);
    const external = { sign: () => new Uint8Array(), publicKey: jwk(publicKey), alg: "PS256", kid: "k" };
    expect(problems(external)).toEqual(["signing.publicKey: one of 1024 bits"]);
  });

  test("is refused: a public key, and a secret one", async () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    expect(problems({ key: publicKey, alg: "ES256", kid: "k" })).toEqual(["signing.key: a public key"]);
    expect(problems({ key: jwk(publicKey), alg: "ES256", kid: "k" })).toHaveLength(1);
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const secret = await webcrypto.subtle.generateKey(hmac, true, ["sign"]);
    expect(problems({ key: secret, alg: "ES256", kid: "k" })).toHaveLength(1);
  });

  test("is refused: EdDSA in FAPI 1.0, which does not allow it", () => {
    expect(problems({ key: pem(ed), alg: "EdDSA", kid: "k" }, "fapi1-advanced")).toEqual(['signing.alg: "EdDSA"']);
  });
});

describe("a signer outside of the process", () => {
  const outside = (bytes: Uint8Array) => sign("sha256", bytes, { key: ec, dsaEncoding: "ieee-p1363" });

  test("signs, and is called as it was given", async () => {
    const kms = {
      alg: "ES256",
      kid: "k-1",
      async sign(this: unknown, bytes: Uint8Array): Promise<Uint8Array> {
        expect(this).toBe(kms);
        return outside(bytes);
      },
    };
    const signer = configure(validOptions({ profile: PROFILE, signing: kms })).all[0].signing.given![0]!;
    await expectToSign(signer, publicHalf(ec));
    expect(signer.publicJwk).toBeUndefined();
  });

  test("has its public key published, without anything private", () => {
    const publicKey = { ...jwk(ec), extra: "CANARY" };
    const { publicJwk } = signerOf({ alg: "ES256", sign: outside, publicKey });
    expect(publicJwk).toEqual({ ...publicHalf(ec), alg: "ES256", kid: "k-1", use: "sig" });
  });

  test.each<[string, unknown]>([
    ["that is none", { kty: "EC" }],
    ["that is text", "-----BEGIN PUBLIC KEY-----"],
    ["of another algorithm", jwk(rsa)],
    ["that is null", null],
  ])("with a public key %s is refused", (_, publicKey) => {
    const [problem] = problems({ alg: "ES256", kid: "k", sign: outside, publicKey });
    expect(problem).toMatch(/^signing\.publicKey: /);
  });

  test.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new RangeError("CANARY");
      },
    ],
    ["rejects", () => Promise.reject(new RangeError("CANARY"))],
    [
      "throws something that is no error",
      () => {
        throw "CANARY";
      },
    ],
  ])("that %s is a SigningError that repeats nothing of it", async (_, fail) => {
    const error = await rejection(signerOf({ alg: "ES256", sign: fail }).sign(Buffer.from("x")), SigningError);
    expect(error).toMatchObject({ code: "signing_failed", sideEffect: "none" });
    expect(everythingShown(error)).not.toContain("CANARY");
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["text", "c2lnbmF0dXJl"],
    ["a list of numbers", [1, 2, 3]],
    ["an ArrayBuffer", new ArrayBuffer(64)],
  ])("that returns %s is told what it should return", async (_, signature) => {
    const signer = signerOf({ alg: "ES256", sign: () => signature });
    const error = await rejection(signer.sign(Buffer.from("x")), SigningError);
    expect(error.message).toContain("Uint8Array");
  });

  test("that returns a signature in DER is told so", async () => {
    const signer = signerOf({ alg: "ES256", sign: (bytes: Uint8Array) => sign("sha256", bytes, ec) });
    const error = await rejection(signer.sign(Buffer.from("x")), SigningError);
    expect(error.message).toContain("DER");
    expect(error.message).toContain("r || s");
  });

  test.each([
    ["ES256", 63],
    ["ES256", 65],
    ["ES256", 0],
    ["EdDSA", 32],
    ["PS256", 255],
    ["PS256", 64],
  ])("for %s that returns %i bytes is refused", async (alg, length) => {
    const signer = signerOf({ alg, sign: () => new Uint8Array(length) });
    expect((await rejection(signer.sign(Buffer.from("x")), SigningError)).message).toContain(String(length));
  });
});

/** The public half, as a JWK. */
function publicHalf(key: KeyObject): JWK {
  const { d: _, ...publicJwk } = jwk(key);
  return publicJwk;
}
