/**
 * Verifies a signature, and finds out what is wrong with one that does not verify.
 *
 * @module
 */
import { constants, createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";
import type { JWK } from "jose";
import type { SigningAlgorithm } from "../config/profile.js";

export interface SignatureKey {
  readonly alg: SigningAlgorithm;
  readonly key: KeyObject;
}

export function signatureKey(alg: SigningAlgorithm, publicJwk: JWK): SignatureKey {
  return { alg, key: createPublicKey({ key: publicJwk as JsonWebKey, format: "jwk" }) };
}

/** What is wrong with the signature, as RFC 7518 and RFC 8037 have it; `undefined` where it is right. */
export function faultOf(signature: Uint8Array, input: Uint8Array, { alg, key }: SignatureKey): string | undefined {
  const length = lengthOf({ alg, key });
  if (signature.length !== length) {
    return `a signature of ${alg} has ${length} bytes with this key, this one has ${signature.length}: are leading zeros dropped?`;
  }
  const verifies = (bytes: Uint8Array, options: object) =>
    verify(alg === "EdDSA" ? null : "sha256", bytes, { key, ...options }, signature);
  if (verifies(input, EXACTLY[alg])) return undefined;
  const digest = createHash("sha256").update(input).digest();
  if (verifies(digest, EXACTLY[alg]))
    return "the digest was signed, not the bytes: they must be hashed once, not twice";
  if (alg === "PS256") {
    if (verifies(input, { padding: constants.RSA_PKCS1_PADDING })) return "it is PKCS #1 v1.5 (RS256), not PSS (PS256)";
    const anySalt = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    if (verifies(input, anySalt)) return "the salt of PS256 must have 32 bytes (RFC 7518 section 3.5)";
  }
  return "the signature does not verify: is publicKey the other half of the key, and the signature the one of these bytes?";
}

const EXACTLY: Readonly<Record<SigningAlgorithm, object>> = {
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
  ES256: { dsaEncoding: "ieee-p1363" },
  EdDSA: {},
};

function lengthOf({ alg, key }: SignatureKey): number {
  return alg === "PS256" ? Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8) : 64;
}
