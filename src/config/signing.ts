/**
 * The key that signs request objects, in the process or outside of it.
 *
 * @module
 */
import { constants, createPublicKey, type JsonWebKey, type KeyObject, sign } from "node:crypto";
import type { JWK } from "jose";
import { SigningError } from "../errors.js";
import { isCryptoKey, type PrivateKey, toKeyObject } from "./key.js";
import { classOf, isObject, kindOf, type Problems } from "./problems.js";
import type { ProfileRules, SigningAlgorithm } from "./profile.js";

/** A signing key in the process: PEM, JWK, `CryptoKey` or `KeyObject`. */
export interface SigningKey {
  /** The private key. */
  readonly key: PrivateKey;
  /** What it signs with; the profile must allow it. */
  readonly alg: SigningAlgorithm;
  /** The key's id in the JWKS that the bank has of the partner. */
  readonly kid: string;
}

/** A signing key outside of the process, in a KMS or an HSM. */
export interface ExternalSigner {
  /** What it signs with; the profile must allow it. */
  readonly alg: SigningAlgorithm;
  /** The key's id in the JWKS that the bank has of the partner. */
  readonly kid: string;
  /**
   * Signs the bytes and resolves to the raw JWS signature (RFC 7518): for ES256 the 64 bytes `r || s`, not the DER form
   * that most KMS return; for PS256 a salt of 32 bytes. It hashes by itself.
   */
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** The public half, for `minna.publicJwks()`. */
  readonly publicKey?: JWK;
}

/** What `signing` takes. */
export type Signing = SigningKey | ExternalSigner;

/** A checked signer: the one form in which the rest of the house meets a key. */
export interface Signer {
  readonly alg: SigningAlgorithm;
  readonly kid: string;
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  /** The public half as it is published, where it is known. */
  readonly publicJwk: JWK | undefined;
}

/** Checks one `signing` against the profile and notes what is wrong with it. `option` is what it is called. */
export function checkSigning(
  value: unknown,
  option: string,
  rules: ProfileRules,
  problems: Problems,
): Signer | undefined {
  if (!isObject(value)) {
    problems.add(option, "{ key, alg, kid } or { alg, kid, sign }", kindOf(value));
    return undefined;
  }
  const given = value as Partial<Record<keyof SigningKey | keyof ExternalSigner, unknown>>;
  const external = given.sign !== undefined;
  const names = external ? ["alg", "kid", "sign", "publicKey"] : ["alg", "kid", "key"];
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) problems.add(`${option}.${name}`, `one of ${names.join(", ")}`, "an unknown option");
  }
  const { alg, kid } = given;
  if (typeof kid !== "string" || kid === "") problems.add(`${option}.kid`, "the id of the key", kindOf(kid));
  if (!isAllowed(alg, rules)) {
    const found = typeof alg === "string" && /^[A-Za-z0-9-]{1,10}$/.test(alg) ? `"${alg}"` : kindOf(alg);
    problems.add(`${option}.alg`, `one of ${rules.algorithms.join(", ")}`, found);
    return undefined;
  }
  if (external) return checkExternal(given, option, alg, typeof kid === "string" ? kid : "", problems);
  const key = readKey(given.key, `${option}.key`, alg, problems);
  if (key === undefined) return undefined;
  const publicJwk = publish(
    createPublicKey(key).export({ format: "jwk" }) as JWK,
    alg,
    typeof kid === "string" ? kid : "",
  );
  return Object.freeze({
    alg,
    kid: typeof kid === "string" ? kid : "",
    publicJwk,
    sign: async bytes => signLocally(alg, key, bytes),
  } satisfies Signer);
}

function isAllowed(alg: unknown, rules: ProfileRules): alg is SigningAlgorithm {
  return rules.algorithms.some(allowed => allowed === alg);
}

function checkExternal(
  given: Partial<Record<keyof ExternalSigner, unknown>>,
  option: string,
  alg: SigningAlgorithm,
  kid: string,
  problems: Problems,
): Signer | undefined {
  const { sign: signOutside, publicKey } = given;
  if (typeof signOutside !== "function") {
    problems.add(`${option}.sign`, "a function", kindOf(signOutside));
    return undefined;
  }
  let publicJwk: JWK | undefined;
  if (publicKey !== undefined) {
    try {
      const key = createPublicKey({ key: publicKey as JsonWebKey, format: "jwk" });
      checkKeyFits(key, alg, `${option}.publicKey`, problems);
      publicJwk = publish(key.export({ format: "jwk" }) as JWK, alg, kid);
    } catch {
      problems.add(`${option}.publicKey`, "a public JWK", kindOf(publicKey));
    }
  }
  return Object.freeze({
    alg,
    kid,
    publicJwk,
    sign: async bytes => checkSignature(alg, await callSigner(() => signOutside.call(given, bytes))),
  } satisfies Signer);
}

async function callSigner(signOutside: () => unknown): Promise<unknown> {
  try {
    return await signOutside();
  } catch (error) {
    // The signer's own error may say anything: only its class is repeated.
    throw new SigningError(
      `signing.sign failed with ${classOf(error)}. The bank was not asked; see the log of the signer.`,
    );
  }
}

/** Catches what a KMS most often gets wrong, before the bank answers it with an opaque refusal. */
function checkSignature(alg: SigningAlgorithm, signature: unknown): Uint8Array {
  if (!(signature instanceof Uint8Array)) {
    throw new SigningError(`signing.sign must resolve to a Uint8Array; it resolved to ${kindOf(signature)}.`);
  }
  if (alg === "PS256" ? signature.length < 256 : signature.length !== 64) {
    const hint =
      alg === "ES256" && signature[0] === 0x30 ? " It is in DER: convert it to r || s (RFC 7518 section 3.4)." : "";
    const length = alg === "PS256" ? "at least 256" : "64";
    throw new SigningError(
      `signing.sign must return ${length} bytes for ${alg}; it returned ${signature.length}.${hint}`,
    );
  }
  return signature;
}

function readKey(value: unknown, option: string, alg: SigningAlgorithm, problems: Problems): KeyObject | undefined {
  const expected = "a private key as PEM, JWK, CryptoKey or KeyObject";
  const before = declaredAlgorithm(value);
  if (before !== undefined && before !== alg) {
    problems.add(option, `a key for ${alg}`, `a key for ${before}`);
    return undefined;
  }
  let key: KeyObject;
  try {
    key = toKeyObject(value);
  } catch {
    problems.add(option, expected, typeof value === "string" ? "text that is not" : kindOf(value));
    return undefined;
  }
  if (key.type !== "private") {
    problems.add(option, expected, `a ${key.type} key`);
    return undefined;
  }
  return checkKeyFits(key, alg, option, problems) ? key : undefined;
}

/** The algorithm a JWK or CryptoKey was made for; using it with another one is refused (RFC 7517 section 4.4). */
function declaredAlgorithm(value: unknown): string | undefined {
  if (isCryptoKey(value)) {
    const { name, hash } = value.algorithm as { name: string; hash?: { name: string } };
    const byName: Readonly<Record<string, string>> = {
      "RSA-PSS": hash?.name === "SHA-256" ? "PS256" : "RSA-PSS with another hash",
      "RSASSA-PKCS1-v1_5": "RS256",
      ECDSA: "ES256",
      Ed25519: "EdDSA",
    };
    return byName[name] ?? name;
  }
  const alg = typeof value === "object" && value !== null && "alg" in value ? value.alg : undefined;
  if (alg === "Ed25519") return "EdDSA";
  return typeof alg === "string" && /^[A-Za-z0-9-]{1,20}$/.test(alg) ? alg : undefined;
}

/** FAPI 1.0 Part 1 5.2.2 (5, 6), FAPI 2.0 SP 5.4.1: RSA of 2048 bits at least; ES256 is the curve P-256 (RFC 7518). */
function checkKeyFits(key: KeyObject, alg: SigningAlgorithm, option: string, problems: Problems): boolean {
  const type = key.asymmetricKeyType;
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (alg === "PS256" && type === "rsa") {
    if ((modulusLength ?? 0) >= 2048) return true;
    problems.add(option, "an RSA key of at least 2048 bits", `one of ${modulusLength} bits`);
    return false;
  }
  if (alg === "ES256" && namedCurve === "prime256v1") return true;
  if (alg === "EdDSA" && type === "ed25519") return true;
  problems.add(
    option,
    `a key for ${alg}`,
    `a key of type ${type}${namedCurve === undefined ? "" : ` on ${namedCurve}`}`,
  );
  return false;
}

function signLocally(alg: SigningAlgorithm, key: KeyObject, bytes: Uint8Array): Uint8Array {
  switch (alg) {
    case "PS256":
      return sign("sha256", bytes, {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      });
    case "ES256":
      return sign("sha256", bytes, { key, dsaEncoding: "ieee-p1363" });
    case "EdDSA":
      return sign(null, bytes, key);
  }
}

function publish(jwk: JWK, alg: SigningAlgorithm, kid: string): JWK {
  return Object.freeze({ ...jwk, kid, alg, use: "sig" });
}
