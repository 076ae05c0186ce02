/**
 * The compact JWE around a token that is signed already: nested, so `cty` says so (RFC 7519 section 5.2).
 *
 * @module
 */
import { constants, createCipheriv, publicEncrypt, randomBytes } from "node:crypto";
import { CompactEncrypt } from "jose";
import type { KeyPair } from "./key-pair.js";

export const ENCRYPTION_ALGORITHMS = ["RSA-OAEP-256", "ECDH-ES"] as const;
export type EncryptionAlgorithm = (typeof ENCRYPTION_ALGORITHMS)[number];
export const CONTENT_ENCRYPTION = "A256GCM";

export async function compactJwe(
  token: string,
  { alg, kid, publicKey }: KeyPair<EncryptionAlgorithm>,
): Promise<string> {
  return new CompactEncrypt(Buffer.from(token))
    .setProtectedHeader({ alg, enc: CONTENT_ENCRYPTION, cty: "JWT", kid })
    .encrypt(publicKey);
}

/** The same with RSA1_5, which jose does not make and nobody may use (FAPI 1.0 Advanced, section 8.6.1). */
export function compactJweWithRsa15(token: string, { kid, publicKey }: KeyPair<EncryptionAlgorithm>): string {
  const header = encoded(JSON.stringify({ alg: "RSA1_5", enc: CONTENT_ENCRYPTION, cty: "JWT", kid }));
  const [contentKey, iv] = [randomBytes(32), randomBytes(12)];
  const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, contentKey);
  const cipher = createCipheriv("aes-256-gcm", contentKey, iv).setAAD(Buffer.from(header));
  const ciphertext = Buffer.concat([cipher.update(token), cipher.final()]);
  return [header, ...[wrapped, iv, ciphertext, cipher.getAuthTag()].map(encoded)].join(".");
}

function encoded(value: string | Buffer): string {
  return Buffer.from(value).toString("base64url");
}
