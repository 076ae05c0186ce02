/**
 * The keys that seal what the store holds.
 *
 * @module
 */
import { createSecretKey, KeyObject } from "node:crypto";
import { isObject, kindOf, type Problems } from "./problems.js";

/** A key that entries of the store are sealed under. */
export interface SealingKey {
  /** Its name, 1 to 64 printable ASCII characters: it stands beside each entry, and is no secret. */
  readonly kid: string;
  /** 32 random bytes: as they are, in base64url or base64, or as a secret `KeyObject`. */
  readonly key: Uint8Array | string | KeyObject;
}

/** How the store's entries are sealed: tokens, codes, personal data, the journal of debits. */
export interface SealingOptions {
  /**
   * The first one seals; all of them open. A new key is added last, so that every process can open what it seals; once all of
   * them know it, it comes first. An old one stays until `minna.reseal()` has left nothing under it.
   */
  readonly keys: readonly SealingKey[];
  /**
   * What is done with an entry that is not sealed. `refuse` (default): it is an error, for whoever can write to the store
   * could have put it there. `accept`: for a store that was used without sealing, until `minna.reseal()` has sealed it.
   * `write`: as `accept`, and nothing is sealed yet: for the deploy before that, while there are processes without the keys.
   */
  readonly plain?: "refuse" | "accept" | "write";
}

/** Checked keys, by name. */
export interface Sealing {
  /** The key to seal under; absent where nothing is sealed. */
  readonly current: string | undefined;
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly acceptsPlain: boolean;
}

const BYTES = 32;
const PLAIN: readonly string[] = ["refuse", "accept", "write"];

/** Checks `sealing` and notes what is wrong with it. */
export function checkSealing(value: unknown, problems: Problems): Sealing {
  const keys = new Map<string, KeyObject>();
  if (value === undefined) return Object.freeze({ current: undefined, keys, acceptsPlain: true });
  const given = (isObject(value) ? value : {}) as Partial<Record<keyof SealingOptions, unknown>>;
  for (const name of Object.keys(given)) {
    if (name !== "keys" && name !== "plain") problems.add(`sealing.${name}`, "one of keys, plain", "an unknown option");
  }
  if (!Array.isArray(given.keys) || given.keys.length === 0) {
    problems.add("sealing.keys", "a list of { kid, key }, the one to seal under first", kindOf(given.keys));
  } else {
    for (const [index, item] of given.keys.entries()) readKey(item, `sealing.keys[${index}]`, keys, problems);
  }
  const { plain = "refuse" } = given;
  if (typeof plain !== "string" || !PLAIN.includes(plain)) {
    problems.add("sealing.plain", `one of ${PLAIN.join(", ")}`, kindOf(plain));
  }
  const [first] = keys.keys();
  return Object.freeze({ current: plain === "write" ? undefined : first, keys, acceptsPlain: plain !== "refuse" });
}

function readKey(value: unknown, option: string, keys: Map<string, KeyObject>, problems: Problems): void {
  const { kid, key, ...rest } = (isObject(value) ? value : {}) as Partial<Record<keyof SealingKey, unknown>>;
  for (const name of Object.keys(rest)) problems.add(`${option}.${name}`, "one of kid, key", "an unknown option");
  if (typeof kid !== "string" || !/^[\x21-\x7e]{1,64}$/.test(kid) || keys.has(kid)) {
    const found = typeof kid === "string" && keys.has(kid) ? "one that was given" : kindOf(kid);
    problems.add(`${option}.kid`, "1 to 64 printable ASCII characters, for each key another", found);
    return;
  }
  const secret = toSecretKey(key);
  if (secret === undefined)
    problems.add(`${option}.key`, `${BYTES} random bytes, in base64url or as they are`, kindOf(key));
  else keys.set(kid, secret);
}

function toSecretKey(value: unknown): KeyObject | undefined {
  if (value instanceof KeyObject)
    return value.type === "secret" && value.symmetricKeySize === BYTES ? value : undefined;
  const text = typeof value === "string" && /^[\w+/-]+={0,2}$/.test(value);
  const bytes = text ? Buffer.from(value, "base64") : value instanceof Uint8Array ? value : undefined;
  return bytes?.length === BYTES ? createSecretKey(bytes) : undefined;
}
