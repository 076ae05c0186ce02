/**
 * A store in the process's memory: for a first try and for tests.
 *
 * @module
 */
import type { FindOptions, FoundEntry, PutOptions, Store, StoreEntry } from "./store.js";

interface Kept extends StoreEntry {
  readonly expiresAt: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Keeps everything in memory: what it holds dies with the process, debits in doubt included. */
export class MemoryStore implements Store {
  readonly #entries = new Map<string, Kept>();
  /** Keys that expire, oldest first. */
  readonly #expiring = new Set<string>();
  #versions = 0;
  readonly #locks = new Map<string, { readonly owner: string; readonly until: number }>();

  /** {@inheritDoc Store.get} */
  async get(key: string): Promise<StoreEntry | undefined> {
    const kept = this.#live(key);
    return kept === undefined ? undefined : entryOf(kept);
  }

  /** {@inheritDoc Store.put} */
  async put(key: string, value: string, options: PutOptions): Promise<number | undefined> {
    if ((this.#live(key)?.version ?? 0) !== options.version) return undefined;
    const { expiresAt = Number.POSITIVE_INFINITY, labels = {} } = options;
    this.#forgetExpired();
    this.#expiring.delete(key);
    if (expiresAt !== Number.POSITIVE_INFINITY) this.#expiring.add(key);
    // Never the same number twice, so that no version stands for two values of a key that was taken in between.
    const version = ++this.#versions;
    this.#entries.set(key, { key, value, version, expiresAt, labels: { ...labels } });
    return version;
  }

  /** {@inheritDoc Store.take} */
  async take(key: string): Promise<StoreEntry | undefined> {
    const kept = this.#live(key);
    this.#forget(key);
    return kept === undefined ? undefined : entryOf(kept);
  }

  /** {@inheritDoc Store.find} */
  async find({ label, value, through = value, after = "", limit }: FindOptions): Promise<readonly FoundEntry[]> {
    const found: [cursor: string, kept: Kept][] = [];
    for (const key of [...this.#entries.keys()]) {
      const kept = this.#live(key);
      const labelled = kept?.labels[label];
      if (kept === undefined || labelled === undefined || labelled < value || labelled > through) continue;
      // No value holds a NUL: a shorter one comes before a longer one.
      const cursor = `${labelled}\0${key}`;
      if (cursor > after) found.push([cursor, kept]);
    }
    found.sort(([a], [b]) => (a < b ? -1 : 1));
    return found.slice(0, limit).map(([cursor, kept]) => Object.freeze({ ...entryOf(kept), cursor }));
  }

  /** {@inheritDoc Store.lock} */
  async lock(key: string, owner: string, duration: number): Promise<boolean> {
    const held = this.#locks.get(key);
    if (held !== undefined && held.owner !== owner && held.until > Date.now()) return false;
    this.#locks.set(key, { owner, until: Date.now() + duration });
    return true;
  }

  /** {@inheritDoc Store.unlock} */
  async unlock(key: string, owner: string): Promise<void> {
    if (this.#locks.get(key)?.owner === owner) this.#locks.delete(key);
  }

  #live(key: string): Kept | undefined {
    const kept = this.#entries.get(key);
    if (kept !== undefined && kept.expiresAt <= Date.now()) {
      this.#forget(key);
      return undefined;
    }
    return kept;
  }

  /** What expires lives about equally long: the first that has not expired ends the search. */
  #forgetExpired(): void {
    for (const key of this.#expiring) if (this.#live(key) !== undefined) return;
  }

  #forget(key: string): void {
    this.#entries.delete(key);
    this.#expiring.delete(key);
  }
}

function entryOf({ key, value, version }: Kept): StoreEntry {
  return Object.freeze({ key, value, version });
}
