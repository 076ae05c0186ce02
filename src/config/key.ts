/**
 * Private keys in the forms that partners have them in.
 *
 * @module
 */
import { createPrivateKey, type JsonWebKey, KeyObject, type webcrypto } from "node:crypto";
import type { JWK } from "jose";

/** A private key: PEM, JWK, `CryptoKey` (it need not be extractable) or `KeyObject`. */
export type PrivateKey = string | Buffer | JWK | webcrypto.CryptoKey | KeyObject;

/** Makes a key of any of the forms; throws for anything else. */
export function toKeyObject(value: unknown): KeyObject {
  if (value instanceof KeyObject) return value;
  if (typeof value === "string" || Buffer.isBuffer(value)) return createPrivateKey(value);
  if (isCryptoKey(value)) return KeyObject.from(value);
  return createPrivateKey({ key: value as JsonWebKey, format: "jwk" });
}

/** Whether the value is a Web Crypto key, also of another realm. */
export function isCryptoKey(value: unknown): value is webcrypto.CryptoKey {
  return Object.prototype.toString.call(value) === "[object CryptoKey]";
}

/** Whether two public keys differ. Of a key outside of the process there may be none to compare. */
export function isAnother(one: JWK | undefined, other: JWK | undefined): boolean {
  return one !== undefined && other !== undefined && JSON.stringify(one) !== JSON.stringify(other);
}
