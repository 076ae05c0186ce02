/**
 * Keys as JWKs: the private ones for the partner's server, the public ones for the bank.
 *
 * @module
 */
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { calculateJwkThumbprint, type JWK } from "jose";

export type SigningAlgorithm = "PS256" | "ES256";
export type EncryptionAlgorithm = "RSA-OAEP-256" | "ECDH-ES";

/** A private JWK that says what it is for. */
export type PrivateJwk = JWK & { readonly alg: string; readonly kid: string; readonly use: "sig" | "enc" };

/** Bits of an RSA key that is to be in use beyond 2030 (NIST SP 800-57 part 1, table 4). */
const RSA_BITS = 3072;

/**
 * Makes a private key.
 *
 * @param kid - Default: the key's thumbprint (RFC 7638), so that no two keys ever share an id.
 */
export async function privateJwk(alg: SigningAlgorithm | EncryptionAlgorithm, kid?: string): Promise<PrivateJwk> {
  const rsa = alg === "PS256" || alg === "RSA-OAEP-256";
  const { privateKey } = rsa
    ? await promisify(generateKeyPair)("rsa", { modulusLength: RSA_BITS })
    : await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
  const jwk = privateKey.export({ format: "jwk" }) as JWK;
  const use = alg === "PS256" || alg === "ES256" ? "sig" : "enc";
  return { ...jwk, kid: kid ?? (await calculateJwkThumbprint(jwk)), use, alg };
}

/** What the bank may know of a key: its public members by name, never what is left when the private ones are taken away. */
export function publicHalf({ kid, use, alg, kty, crv, x, y, n, e }: JWK): JWK {
  return JSON.parse(JSON.stringify({ kid, use, alg, kty, crv, x, y, n, e }));
}
