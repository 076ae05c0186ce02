/**
 * What the store holds, sealed: nobody who can only read the database reads a token, and nobody who can write to it puts
 * one link's tokens into another.
 *
 * @module
 */
import { decodeProtectedHeader } from "jose/decode/protected_header";
import { compactDecrypt } from "jose/jwe/compact/decrypt";
import { CompactEncrypt } from "jose/jwe/compact/encrypt";
import type { Sealing } from "../config/sealing.js";
import { StoreError } from "../errors.js";
import type { FindOptions, FoundEntry, PutOptions, Store, StoreEntry } from "./store.js";

/** The label that says which key an entry is sealed under. */
export const SEAL = "seal";
/** Its value for an entry that is not sealed. No key can have this name. */
export const PLAIN = "not sealed";

/** An entry that can't be opened. It is still there: why, is said when it is read. */
export interface UnreadableEntry extends StoreEntry {
  readonly unreadable: StoreError;
}

/** An entry that was sealed, and under which key. */
export interface OpenedEntry extends StoreEntry {
  readonly sealedUnder: string;
}

// A content key of its own for each entry: no limit on how many entries one key may seal.
const ALGORITHM = { alg: "A256KW", enc: "A256GCM" } as const;
const ALLOWED = { keyManagementAlgorithms: [ALGORITHM.alg], contentEncryptionAlgorithms: [ALGORITHM.enc] };

/** Seals values under the first key, as JWE (RFC 7516), bound to what they are kept under. */
export class SealedStore implements Store {
  readonly #store: Store;
  readonly #sealing: Sealing;

  constructor(store: Store, sealing: Sealing) {
    this.#store = store;
    this.#sealing = sealing;
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    return this.#opened(key, await this.#store.get(key));
  }

  async put(key: string, value: string, options: PutOptions): Promise<number | undefined> {
    const labels = { ...options.labels, [SEAL]: this.#sealing.current ?? PLAIN };
    return this.#store.put(key, await this.#seal(key, value), { ...options, labels });
  }

  async take(key: string): Promise<StoreEntry | undefined> {
    return this.#opened(key, await this.#store.take(key));
  }

  async find(options: FindOptions): Promise<readonly FoundEntry[]> {
    return Promise.all((await this.#store.find(options)).map(entry => this.#open(entry)));
  }

  lock(key: string, owner: string, duration: number): Promise<boolean> {
    return this.#store.lock(key, owner, duration);
  }

  unlock(key: string, owner: string): Promise<void> {
    return this.#store.unlock(key, owner);
  }

  async #seal(key: string, value: string): Promise<string> {
    const { current, keys } = this.#sealing;
    const secret = current === undefined ? undefined : keys.get(current);
    if (current === undefined || secret === undefined) return value;
    // The header is authenticated: what was sealed for one key opens under no other.
    return new CompactEncrypt(Buffer.from(value))
      .setProtectedHeader({ ...ALGORITHM, kid: current, key })
      .encrypt(secret);
  }

  /** What was asked for decides where an entry belongs, not what the database says of it. */
  async #opened(key: string, entry: StoreEntry | undefined): Promise<StoreEntry | undefined> {
    return entry === undefined ? undefined : this.#open({ ...entry, key });
  }

  async #open<Entry extends StoreEntry>(entry: Entry): Promise<Entry> {
    const { value } = entry;
    // What is put is JSON; a JWE begins with the base64url of its header.
    if (!value.startsWith("ey")) {
      return this.#sealing.acceptsPlain ? entry : unreadable(entry, "seal_invalid", "an entry that is not sealed");
    }
    try {
      const { kid, key } = decodeProtectedHeader(value);
      const secret = this.#sealing.keys.get(String(kid));
      if (secret === undefined) {
        const named = typeof kid === "string" && /^[\x21-\x7e]{1,64}$/.test(kid) ? JSON.stringify(kid) : "another key";
        return unreadable(entry, "sealing_key_missing", `an entry is sealed under ${named}`);
      }
      const { plaintext } = await compactDecrypt(value, secret, ALLOWED);
      if (key !== entry.key) return unreadable(entry, "seal_invalid", "an entry that was sealed for another place");
      return { ...entry, value: Buffer.from(plaintext).toString(), sealedUnder: String(kid) } satisfies Entry &
        OpenedEntry;
    } catch {
      return unreadable(entry, "seal_invalid", "an entry whose seal is broken");
    }
  }
}

function unreadable<Entry extends StoreEntry>(entry: Entry, code: StoreError["code"], reason: string): Entry {
  return { ...entry, unreadable: new StoreError("get", code, reason) } satisfies Entry & UnreadableEntry;
}
