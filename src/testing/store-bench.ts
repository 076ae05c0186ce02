/**
 * Stores under test, with keys that nobody else has.
 *
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { FindOptions, FoundEntry, Store, StoreEntry } from "../links/store.js";

/** Milliseconds that no test takes: what lasts so long has not ended yet. */
export const LATER = 60_000;
/** Milliseconds of what a test waits for the end of. */
export const SOON = 50;
/** Milliseconds after which something that should have ended never will. */
const LATEST = 10_000;
const PAUSE = 5;
const MOST_PAGES = 1_000;

/** What one test works with. Its keys and label values are its own, so that a database that is in use will do. */
export class StoreBench {
  readonly #open: () => Store | Promise<Store>;
  readonly #prefix = `contract ${randomUUID()} `;
  readonly #keys = new Set<string>();

  constructor(open: () => Store | Promise<Store>) {
    this.#open = open;
  }

  async open(): Promise<Store> {
    return await this.#open();
  }

  /** A key of this test, removed after it. */
  key(name: string): string {
    const key = this.#prefix + name;
    this.#keys.add(key);
    return key;
  }

  /** A label's value, of this test; in the order of what it is made from. */
  label(value: string): string {
    return this.#prefix + value;
  }

  /** The key or label value without what makes it this test's own. */
  plain(own: string): string {
    return own.slice(this.#prefix.length);
  }

  async clear(): Promise<void> {
    const store = await this.open();
    await Promise.all([...this.#keys].map(key => store.take(key)));
  }
}

/** Puts what must be written. */
export async function written(
  store: Store,
  key: string,
  value: string,
  options: Parameters<Store["put"]>[2],
): Promise<number> {
  const version = await store.put(key, value, options);
  if (version === undefined || version === null) {
    throw new assert.AssertionError({
      message:
        options.version === 0 ? "put did not write to a free key" : "put did not write over the version that is there",
    });
  }
  return version;
}

/** What is kept under the key, or `undefined`: databases say `null` for nothing. */
export async function storedValue(store: Store, key: string): Promise<string | undefined> {
  return ((await store.get(key)) as StoreEntry | null | undefined)?.value;
}

/** Whether nothing was returned. */
export function isNothing(returned: unknown): boolean {
  return returned === undefined || returned === null;
}

/** Every entry, a page at a time, until a page is empty: a store may give fewer than it was asked for. */
export async function allPages(store: Store, search: FindOptions): Promise<readonly FoundEntry[]> {
  const all: FoundEntry[] = [];
  let after: Pick<FindOptions, "after"> = {};
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await store.find({ ...search, ...after });
    assert.ok(
      page.length <= search.limit,
      `find gave ${page.length} entries, and was asked for ${search.limit} at most`,
    );
    const last = page.at(-1);
    if (last === undefined) return all;
    assert.equal(typeof last.cursor, "string", "find must give each entry a cursor, a string");
    all.push(...page);
    after = { after: last.cursor };
  }
  throw new assert.AssertionError({ message: "find never comes to an end: the cursor does not lead behind its entry" });
}

/** Waits until it holds. */
export async function eventually(
  holds: () => Promise<boolean>,
  message: string,
  patience: number = LATEST,
): Promise<void> {
  for (const end = performance.now() + patience; !(await holds()); await sleep(PAUSE)) {
    assert.ok(performance.now() < end, message);
  }
}
