/**
 * The keys that open encrypted responses of the bank.
 *
 * @module
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import type { JWK } from "jose";
import { isAnother, type PrivateKey, toKeyObject } from "./key.js";
import { isObject, kindOf, type Problems } from "./problems.js";
import { type Check, checked, givenSource, loadedSource, type Source } from "./source.js";

/** How the bank encrypts to the client (RFC 7518 section 4). RSA1_5 is never accepted. */
export type KeyManagementAlgorithm = "RSA-OAEP-256" | "ECDH-ES";

/** What the bank can encrypt. */
export type EncryptedResponse = "idToken" | "authorizationResponse";

/** A key that the bank encrypts to. */
export interface DecryptionKey {
  /** The private key: RSA for RSA-OAEP-256, EC P-256 for ECDH-ES. */
  readonly key: PrivateKey;
  /** How the bank uses it. */
  readonly alg: KeyManagementAlgorithm;
  /** The key's id in the JWKS that the bank has of the partner. */
  readonly kid: string;
}

/** Encrypted responses. */
export interface Decryption {
  /** Several while one takes over from another. */
  readonly keys: readonly DecryptionKey[];
  /** What the bank encrypts, as registered for the client; a plain one is then refused. Default: both. */
  readonly responses?: readonly EncryptedResponse[];
}

/**
 * Loads the decryption keys when they are first needed, and again every five minutes at most: what it loads then takes the
 * place of those in use.
 */
export type DecryptionLoader = () => Decryption | Promise<Decryption>;

/** Checked keys, by id. */
export interface Decryptor {
  readonly keys: ReadonlyMap<
    string,
    { readonly alg: KeyManagementAlgorithm; readonly key: KeyObject; readonly publicJwk: JWK }
  >;
  readonly responses: readonly EncryptedResponse[];
}

const RESPONSES: readonly EncryptedResponse[] = ["idToken", "authorizationResponse"];

/** Where nothing is encrypted. */
const NOTHING: Decryptor = Object.freeze({ keys: new Map(), responses: [] });

/** Checks `decryption` as far as it is there, and notes what is wrong with it. */
export function decryptionSource(value: unknown, problems: Problems): Source<Decryptor> {
  const check: Check<Decryptor> = (next, before) => checked(found => checkDecryption(next, found, before));
  if (typeof value === "function") {
    return loadedSource("decryption", value as () => unknown, "{ keys }", check);
  }
  return givenSource("decryption", value === undefined ? NOTHING : checkDecryption(value, problems), check);
}

function checkDecryption(value: unknown, problems: Problems, before: Decryptor = NOTHING): Decryptor {
  const given = (isObject(value) ? value : {}) as Partial<Record<keyof Decryption, unknown>>;
  for (const name of Object.keys(given)) {
    if (name !== "keys" && name !== "responses")
      problems.add(`decryption.${name}`, "one of keys, responses", "an unknown option");
  }
  const keys = new Map<string, { alg: KeyManagementAlgorithm; key: KeyObject; publicJwk: JWK }>();
  if (!Array.isArray(given.keys) || given.keys.length === 0) {
    problems.add("decryption.keys", "a list of { key, alg, kid }", kindOf(given.keys));
  } else {
    for (const [index, item] of given.keys.entries()) readKey(item, `decryption.keys[${index}]`, keys, problems);
  }
  for (const [kid, { publicJwk }] of keys) {
    if (isAnother(publicJwk, before.keys.get(kid)?.publicJwk)) {
      problems.add("decryption.keys", "an id of its own for each new key", "that of a key in use");
    }
  }
  const { responses = RESPONSES } = given;
  if (!Array.isArray(responses) || responses.length === 0 || !responses.every(item => RESPONSES.includes(item))) {
    problems.add("decryption.responses", `a list of ${RESPONSES.join(", ")}`, kindOf(responses));
  }
  return Object.freeze({ keys, responses: responses as readonly EncryptedResponse[] });
}

function readKey(
  value: unknown,
  option: string,
  keys: Map<string, { alg: KeyManagementAlgorithm; key: KeyObject; publicJwk: JWK }>,
  problems: Problems,
): void {
  const item = (isObject(value) ? value : {}) as Partial<Record<keyof DecryptionKey, unknown>>;
  for (const name of Object.keys(item)) {
    if (!["key", "alg", "kid"].includes(name))
      problems.add(`${option}.${name}`, "one of key, alg, kid", "an unknown option");
  }
  const { key: given, alg, kid } = item;
  if (typeof kid !== "string" || kid === "" || keys.has(kid)) {
    const found = typeof kid === "string" && kid !== "" ? "one that was given" : kindOf(kid);
    problems.add(`${option}.kid`, "the id of the key, of each key another", found);
    return;
  }
  if (alg !== "RSA-OAEP-256" && alg !== "ECDH-ES") {
    problems.add(
      `${option}.alg`,
      "RSA-OAEP-256 or ECDH-ES",
      alg === "RSA1_5" ? "RSA1_5, which is broken" : kindOf(alg),
    );
    return;
  }
  try {
    const key = toKeyObject(given);
    const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
    const fits = alg === "RSA-OAEP-256" ? modulusLength >= 2048 : namedCurve === "prime256v1";
    if (key.type === "private" && fits) {
      const publicJwk = { ...(createPublicKey(key).export({ format: "jwk" }) as JWK), kid, alg, use: "enc" };
      keys.set(kid, Object.freeze({ alg, key, publicJwk: Object.freeze(publicJwk) }));
      return;
    }
    const expected = alg === "RSA-OAEP-256" ? "an RSA private key of at least 2048 bits" : "an EC private key on P-256";
    problems.add(`${option}.key`, expected, `a ${key.type} key of type ${key.asymmetricKeyType}`);
  } catch {
    problems.add(`${option}.key`, "a private key as PEM, JWK, CryptoKey or KeyObject", kindOf(given));
  }
}
