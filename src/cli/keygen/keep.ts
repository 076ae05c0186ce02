/**
 * Keys that are in use, which stay so beside new ones.
 *
 * @module
 */
import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Bilingual } from "../language.js";
import { UsageError } from "../usage.js";
import type { PrivateJwk } from "./keys.js";

const ENCRYPTION: readonly unknown[] = ["RSA-OAEP-256", "ECDH-ES"];

/**
 * The private keys of a file such as MINNA_SIGNING_FILE and MINNA_DECRYPTION_FILE name.
 *
 * @throws UsageError that names the file, and nothing of what is in it.
 */
export async function keptKeys(file: string): Promise<PrivateJwk[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw wrong(file, {
      en: `it can't be read (${error.code ?? error.name})`,
      ja: `読み込めません(${error.code ?? error.name})`,
    });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong(file, { en: "it is no JSON", ja: "JSON ではありません" });
  }
  const keys: unknown = isObject(json) && "keys" in json ? json["keys"] : [json];
  if (!Array.isArray(keys) || keys.length === 0) throw wrong(file, { en: "it holds no keys", ja: "鍵がありません" });
  return keys.map(key => checked(file, key));
}

function checked(file: string, key: unknown): PrivateJwk {
  if (!isObject(key) || typeof key["alg"] !== "string" || typeof key["kid"] !== "string") {
    throw wrong(file, { en: "a key in it has no alg or no kid", ja: "alg または kid のない鍵があります" });
  }
  try {
    createPrivateKey({ key, format: "jwk" });
  } catch {
    throw wrong(file, { en: "a key in it is not private, or broken", ja: "秘密鍵でないか、壊れている鍵があります" });
  }
  const use = ENCRYPTION.includes(key["alg"]) ? "enc" : "sig";
  return { ...key, alg: key["alg"], kid: key["kid"], use };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function wrong(file: string, reason: Bilingual): UsageError {
  return new UsageError({
    en: `--keep must name a file with a private JWK, or a set of them: ${file}: ${reason.en}`,
    ja: `--keep には秘密鍵の JWK(または JWK Set)のファイルを指定してください: ${file}: ${reason.ja}`,
  });
}
