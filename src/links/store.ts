/**
 * Where links, transactions and debits are kept: a small interface that any database can have.
 *
 * Values are opaque text. An implementation keeps them, compares versions and forgets what has expired; it knows nothing
 * of banks. What each method must do is told here; `storeContract` of `minna-baas/testing` looks whether a store does it.
 *
 * Where there is nothing to give back, `null` will do as well as `undefined`: databases say it so.
 *
 * @module
 */

/** A stored value with the version that the next `put` must name. */
export interface StoreEntry {
  /** What it is kept under. */
  readonly key: string;
  /** What was put. */
  readonly value: string;
  /**
   * A safe integer above 0, which changes with every `put`. For a key none comes twice, also not after the entry was taken or
   * has expired: who read the old one would overwrite the new. A counter over all keys will do; one that begins again with
   * each entry will not.
   */
  readonly version: number;
}

/** How a value is put. */
export interface PutOptions {
  /** The version that is being replaced; `0` where the key must not exist yet. */
  readonly version: number;
  /** When the entry may be forgotten, milliseconds since the epoch. Absent: never. */
  readonly expiresAt?: number;
  /** What the entry can be found by, besides its key. Replaces the labels it had. */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * The entry guards money: it must outlive a crash of the database. A store that knows that it can't promise this rejects
   * with a {@link StoreError} `store_not_durable`, and keeps nothing.
   */
  readonly durable?: boolean;
}

/** An entry that was found, with its place in the order of the search. */
export interface FoundEntry extends StoreEntry {
  /** What `after` must be to go on behind this entry: the store's own business. */
  readonly cursor: string;
}

/** Looks entries up by a label, in the order of its values and, where these are equal, of their keys. */
export interface FindOptions {
  /** The label's name. */
  readonly label: string;
  /** The label's value, compared exactly; with `through`, the first value. */
  readonly value: string;
  /** The last value: then every value from `value` to this one will do, both included. Values are compared as strings. */
  readonly through?: string;
  /** Only entries behind this one: the `cursor` of the last entry of the page before. */
  readonly after?: string;
  /** At most so many entries. Fewer do not say that nothing follows: only an empty page does. */
  readonly limit: number;
}

/**
 * The store. Each method is atomic over all processes that share it.
 *
 * Locks are kept apart from entries: a lock and an entry of the same name do not know of each other.
 */
export interface Store {
  /** Reads an entry; `undefined` where there is none, or it has expired. */
  get(key: string): Promise<StoreEntry | undefined>;
  /**
   * Compare-and-swap: writes if the entry still has that version.
   *
   * An entry that has expired is not there: `version` must be `0` then.
   *
   * @returns the new version, or `undefined` where somebody else was first and nothing was written.
   */
  put(key: string, value: string, options: PutOptions): Promise<number | undefined>;
  /** Reads and removes an entry in one step: of any number of callers exactly one gets it. */
  take(key: string): Promise<StoreEntry | undefined>;
  /**
   * Finds entries by a label, one page at a time. Entries that have expired are not found.
   *
   * @returns the entries of this page. It may be shorter than `limit` though more follow; an empty one is the end.
   */
  find(options: FindOptions): Promise<readonly FoundEntry[]>;
  /**
   * Takes a lock, or keeps the one that `owner` has.
   *
   * @param duration - Milliseconds after which the lock is free again, though its owner may be gone.
   * @returns whether `owner` has it now.
   */
  lock(key: string, owner: string, duration: number): Promise<boolean>;
  /** Gives a lock back. Does nothing where another owner has it. */
  unlock(key: string, owner: string): Promise<void>;
}
