/** The bank's signing keys, and what it signs with them. */
import { type CryptoKey, exportJWK, generateKeyPair, type JSONWebKeySet, type JWK, SignJWT } from "jose";
import { CLIENT_ID, ISSUER } from "./options.js";

export interface BankKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** Makes a key. RSA takes a while: once per file. */
export async function bankKey(alg: string, kid: string = `bank-${alg}`): Promise<BankKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export function jwksOf(...keys: readonly BankKey[]): JSONWebKeySet {
  return { keys: keys.map(key => key.publicJwk) };
}

export function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Signs claims: right ones, unless something else is given. `undefined` leaves a claim out. */
export async function signJwt(
  key: BankKey,
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const payload = { iss: ISSUER, aud: CLIENT_ID, iat: seconds(), exp: seconds() + 300, ...claims };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey, { crit: { "urn:example:unknown": true } });
}

/** A JWT that nobody signed. */
export function unsignedJwt(claims: Readonly<Record<string, unknown>> = {}): string {
  const payload = { iss: ISSUER, aud: CLIENT_ID, iat: seconds(), exp: seconds() + 300, ...claims };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  return `${encode({ alg: "none" })}.${encode(payload)}.`;
}
