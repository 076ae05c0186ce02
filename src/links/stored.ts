/**
 * Values as they come back from the store.
 *
 * @module
 */
import { StoreError } from "../errors.js";
import type { UnreadableEntry } from "./sealed-store.js";
import type { FindOptions, FoundEntry, Store, StoreEntry } from "./store.js";

/**
 * Reads what was put as JSON.
 *
 * @throws {@link StoreError} for a value that is cut off or garbled, or that can't be opened.
 */
export function parseStored<T>(entry: StoreEntry | UnreadableEntry): T {
  if ("unreadable" in entry) throw entry.unreadable;
  try {
    return JSON.parse(entry.value) as T;
  } catch {
    throw new StoreError("get", "store_failed", "an entry that is not what was put");
  }
}

/**
 * Reads every entry with a label, a page at a time.
 *
 * @throws {@link StoreError} for one that can't be read, after all the others.
 */
export async function* findStored<T>(
  store: Store,
  search: Pick<FindOptions, "label" | "value" | "through">,
): AsyncGenerator<T, void, undefined> {
  const unreadable: unknown[] = [];
  for (let after: { after?: string } | undefined = {}; after !== undefined; ) {
    // A store may give fewer than it was asked for: only an empty page is the end.
    const page: readonly FoundEntry[] = await store.find({ ...search, ...after, limit: PAGE });
    for (const entry of page) {
      const parsed = tried(
        () => parseStored<T>(entry),
        error => unreadable.push(error),
      );
      if (parsed !== undefined) yield parsed;
    }
    const last = page.at(-1);
    after = last === undefined ? undefined : { after: last.cursor };
  }
  if (unreadable.length > 0) throw unreadable[0];
}

const PAGE = 100;

function tried<T>(work: () => T, failed: (error: unknown) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    failed(error);
    return undefined;
  }
}
