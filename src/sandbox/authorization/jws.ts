/**
 * The compact JWS, made with node:crypto: jose rightly refuses what the bank does on demand.
 *
 * @module
 */
import { constants, type SignKeyObjectInput, sign } from "node:crypto";
import type { KeyPair } from "./key-pair.js";

export type SigningAlgorithm = "PS256" | "ES256" | "RS256";

/** How node:crypto is asked for each algorithm of RFC 7518 section 3. */
const SIGNATURE: Readonly<Record<SigningAlgorithm, Omit<SignKeyObjectInput, "key">>> = {
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
  ES256: { dsaEncoding: "ieee-p1363" },
  RS256: { padding: constants.RSA_PKCS1_PADDING },
};

export function compactJws(
  header: object,
  claims: object,
  { alg, kid, privateKey }: KeyPair<SigningAlgorithm>,
): string {
  const input = `${encoded({ ...header, alg, kid })}.${encoded(claims)}`;
  const signature = sign("sha256", Buffer.from(input), { key: privateKey, ...SIGNATURE[alg] });
  return `${input}.${signature.toString("base64url")}`;
}

/** What `alg: none` makes of it; the header keeps its type. */
export function unsecuredJws({ typ }: { readonly typ?: unknown }, claims: object): string {
  return `${encoded({ typ, alg: "none" })}.${encoded(claims)}.`;
}

export function withDamagedSignature(token: string): string {
  const [header, payload, signature = ""] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes[0] = (bytes[0] ?? 0) ^ 0x01;
  return `${header}.${payload}.${bytes.toString("base64url")}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
