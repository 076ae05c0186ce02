/**
 * Entries of the store come under the newest sealing key.
 *
 * @module
 */
import { ConfigurationError } from "../errors.js";
import { ifUnlocked } from "../links/lock.js";
import { LINKS, type LinkRecord, writeLink } from "../links/record.js";
import { SEAL } from "../links/sealed-store.js";
import type { FindOptions, FoundEntry, Store } from "../links/store.js";
import { parseStored } from "../links/stored.js";
import { rewriteTransaction, TRANSACTIONS } from "../links/transaction.js";
import { type Calls, closed } from "../transport/calls.js";
import { JOURNAL, Journal, journalLock } from "./journal.js";

/** What a round of sealing did. */
export interface Resealed {
  /** Entries that are sealed under the first key now, and were not before. */
  readonly resealed: number;
  /** Entries that somebody was at. They are sealed as they are written; another round finds those that were not. */
  readonly inUse: number;
}

const PAGE = 100;
/** Behind every name of a key. */
const LAST = "\x7f";

/**
 * Seals what is sealed otherwise, or not at all: links, authorizations under way, and the journal of debits.
 *
 * @throws {@link StoreError} for an entry that can't be opened, after all the others; {@link TransportError} `closed` when
 * the client is closed meanwhile.
 */
export async function reseal(store: Store, current: string | undefined, calls: Calls): Promise<Resealed> {
  if (current === undefined) {
    throw new ConfigurationError([{ option: "sealing", expected: "keys to seal under", found: "nothing" }]);
  }
  const others = [
    { label: SEAL, value: "", through: current },
    { label: SEAL, value: `${current} `, through: LAST },
  ];
  const failed: unknown[] = [];
  const count = { resealed: 0, inUse: 0 };
  for (const range of others) {
    for await (const entry of entriesIn(store, range, current)) {
      if (calls.closed) throw closed();
      try {
        const sealed = await write(store, entry);
        if (sealed !== undefined) count[sealed ? "resealed" : "inUse"]++;
      } catch (error) {
        failed.push(error);
      }
    }
  }
  if (failed.length > 0) throw failed[0];
  return Object.freeze(count);
}

/** The entries of a range, up to those that are under the current key already. */
async function* entriesIn(
  store: Store,
  range: Omit<FindOptions, "limit">,
  current: string,
): AsyncGenerator<FoundEntry> {
  for (let after: { after?: string } | undefined = {}; after !== undefined; ) {
    const page: readonly FoundEntry[] = await store.find({ ...range, ...after, limit: PAGE });
    for (const entry of page) {
      if ("sealedUnder" in entry && entry.sealedUnder === current) return;
      yield entry;
    }
    const last = page.at(-1);
    after = last === undefined ? undefined : { after: last.cursor };
  }
}

/** Writes an entry as it is; whether it was written, `undefined` where it need not be. */
async function write(store: Store, entry: FoundEntry): Promise<boolean | undefined> {
  if (entry.key.startsWith(LINKS)) {
    return (await writeLink(store, parseStored<LinkRecord>(entry), entry.version)) !== undefined;
  }
  if (entry.key.startsWith(TRANSACTIONS)) {
    // What is spent meanwhile needs no seal any more.
    return (await rewriteTransaction(store, entry)) ? true : undefined;
  }
  if (!entry.key.startsWith(JOURNAL)) return undefined;
  const reference = entry.key.slice(JOURNAL.length);
  // Under the lock, as everybody else who writes: only a debit that was just claimed may find its words under another seal.
  const written = await ifUnlocked(store, journalLock(reference), () => new Journal(store).rewrite(reference));
  return written === true;
}
