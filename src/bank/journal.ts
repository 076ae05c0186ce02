/**
 * The journal of debits: what was meant to be debited is durable before a byte leaves.
 *
 * @module
 */
import { DebitOutcomeUnknownError } from "../errors.js";
import type { Store } from "../links/store.js";
import { parseStored } from "../links/stored.js";
import { type Debit, isFinal } from "./debit.js";

/**
 * How far a debit has come, as far as this side knows.
 *
 * - `prepared`: the bank has certainly not got it.
 * - `sent`: it is on its way, or was when the process died: the bank may have it.
 * - `unknown`: it was sent, and the answer was lost or unclear.
 * - `known`: the bank's answer is in `debit`.
 */
export type JournalState = "prepared" | "sent" | "unknown" | "known";

/** One debit, by the partner's reference. */
export interface JournalEntry {
  readonly reference: string;
  /** The link that it was first sent with. */
  readonly linkId: string;
  /** Issuer, client and the bank's customer: at the bank the reference and the key may be known only there. */
  readonly sentFor: string;
  /** The customer of that link: the same reference can't stand for somebody else's debit. */
  readonly customerId: string;
  /** SHA-256 over the body: nor for another one of theirs. */
  readonly bodyHash: string;
  /** The only key that this debit is ever sent with. */
  readonly idempotencyKey: string;
  /** When the key was first sent, milliseconds since the epoch: the bank forgets it 24 hours later. */
  readonly sentAt: number;
  readonly state: JournalState;
  readonly debit?: Debit;
}

/** An entry with the version that replacing it must name; `0` where it is not written yet. */
export interface VersionedEntry {
  readonly entry: JournalEntry;
  readonly version: number;
}

/** Keeps the journal in the store. Whoever writes holds the reference's lock. */
export class Journal {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async read(reference: string): Promise<VersionedEntry | undefined> {
    const found = await this.#store.get(keyOf(reference));
    return found === undefined ? undefined : { entry: parseStored<JournalEntry>(found), version: found.version };
  }

  /**
   * Writes an entry over the version that was read.
   *
   * @throws {@link DebitOutcomeUnknownError} when somebody else wrote it meanwhile: the lock was lost, and what is known
   * here may no longer be true.
   */
  async write(entry: JournalEntry, version: number): Promise<VersionedEntry> {
    const open = entry.debit === undefined || !isFinal(entry.debit);
    const written = await this.#store.put(keyOf(entry.reference), JSON.stringify(entry), {
      version,
      ...(open ? { labels: { debit: "open" } } : {}),
    });
    if (written === undefined) throw new DebitOutcomeUnknownError(entry.reference);
    return { entry, version: written };
  }
}

function keyOf(reference: string): string {
  return `debit:${reference}`;
}
