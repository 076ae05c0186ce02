/**
 * Keys that are in use, which stay so beside new ones.
 *
 * @module
 */
import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
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
    throw wrong(file, `it can't be read (${error.code ?? error.name})`);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw wrong(file, "it is no JSON");
  }
  const keys: unknown = isObject(json) && "keys" in json ? json["keys"] : [json];
  if (!Array.isArray(keys) || keys.length === 0) throw wrong(file, "it holds no keys");
  return keys.map(key => checked(file, key));
}

function checked(file: string, key: unknown): PrivateJwk {
  if (!isObject(key) || typeof key["alg"] !== "string" || typeof key["kid"] !== "string") {
    throw wrong(file, "a key in it has no alg or no kid");
  }
  try {
    createPrivateKey({ key, format: "jwk" });
  } catch {
    throw wrong(file, "a key in it is not private, or broken");
  }
  const use = ENCRYPTION.includes(key["alg"]) ? "enc" : "sig";
  return { ...key, alg: key["alg"], kid: key["kid"], use };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function wrong(file: string, reason: string): UsageError {
  return new UsageError(`--keep must name a file with a private JWK, or a set of them: ${file}: ${reason}`);
}
