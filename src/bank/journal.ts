/**
 * The journal of debits: what was meant to be debited is durable before a byte leaves.
 *
 * @module
 */
import { DebitOutcomeUnknownError } from "../errors.js";
import type { Store } from "../links/store.js";
import { findStored, parseStored } from "../links/stored.js";
import { type DebitMessage, debitChannel } from "../transport/channels.js";
import { type Debit, isFinal } from "./debit.js";
import type { DebitBody } from "./debit-order.js";

/**
 * How far a debit has come, as far as this side knows, and what may become of it.
 *
 * - `prepared`: the bank has certainly not got it.
 * - `sent`: it is on its way, or was when the process died: the bank may have it.
 * - `unknown`: it was sent, and the answer was lost or unclear.
 * - `known`: the bank's answer is in `debit`: processing, succeeded, failed, returned.
 */
export type JournalState = "prepared" | "sent" | "unknown" | "known";

const NEXT: Readonly<Record<JournalState, readonly JournalState[]>> = {
  prepared: ["sent", "known"],
  sent: ["sent", "unknown", "known", "prepared"],
  unknown: ["sent", "known"],
  known: ["known"],
};

/** One debit, by the partner's reference. */
export interface JournalEntry {
  readonly reference: string;
  /** The link that it was last sent with. */
  readonly linkId: string;
  /** Issuer, client and the bank's customer: at the bank the reference and the key may be known only there. */
  readonly sentFor: string;
  /** The customer of that link: the same reference can't stand for somebody else's debit. */
  readonly customerId: string;
  /** SHA-256 over the body: nor for another one of theirs. */
  readonly bodyHash: string;
  /** What is sent. Forgotten when the debit is over. */
  readonly body?: DebitBody;
  /** The only key that this debit is ever sent with. */
  readonly idempotencyKey: string;
  /** When the key was first sent, milliseconds since the epoch: the bank forgets it 24 hours later. */
  readonly sentAt: number;
  /** When it was last sent. */
  readonly lastSentAt: number;
  readonly state: JournalState;
  readonly debit?: Debit;
}

/** An entry with the version that replacing it must name. */
export interface VersionedEntry {
  readonly entry: JournalEntry;
  readonly version: number;
}

/**
 * Keeps the journal in the store. A new entry is a claim: who inserts it sends the debit. Otherwise who writes holds the
 * reference's lock.
 */
export class Journal {
  readonly #store: Store;
  readonly #recovered: boolean;

  /** `recovered`: whether it is written to by `debits.recover()`. */
  constructor(store: Store, recovered = false) {
    this.#store = store;
    this.#recovered = recovered;
  }

  async read(reference: string): Promise<VersionedEntry | undefined> {
    const found = await this.#store.get(keyOf(reference));
    return found === undefined ? undefined : { entry: parseStored<JournalEntry>(found), version: found.version };
  }

  /**
   * The entries that are open now, in the order of their references.
   *
   * @throws {@link StoreError} for one that can't be read, after all the others.
   */
  open(): AsyncGenerator<JournalEntry, void, undefined> {
    return findStored<JournalEntry>(this.#store, OPEN);
  }

  /** Writes the entry of a new reference; `undefined` where there is one: of all that insert it, in any process, one does. */
  async insert(entry: JournalEntry): Promise<VersionedEntry | undefined> {
    const version = await this.#put(entry, 0);
    if (version === undefined) return undefined;
    this.#tell(entry, undefined);
    return { entry, version };
  }

  /**
   * Writes an entry in the place of the one that was read.
   *
   * @throws {@link DebitOutcomeUnknownError} when somebody else wrote it meanwhile: the lock was lost, and what is known
   * here may no longer be true.
   */
  async write(next: JournalEntry, before: VersionedEntry): Promise<VersionedEntry> {
    if (!NEXT[before.entry.state].includes(next.state)) throw new Error(`a debit does not become ${next.state}`);
    const over = next.debit !== undefined && isFinal(next.debit);
    const { body: _, ...rest } = next;
    const entry = over ? rest : next;
    const written = (await this.#put(entry, before.version)) ?? (await this.#putAfterSealing(entry, before));
    if (written === undefined) throw new DebitOutcomeUnknownError(entry.reference);
    this.#tell(entry, before);
    return { entry, version: written };
  }

  #tell(entry: JournalEntry, before: VersionedEntry | undefined): void {
    if (debitChannel.hasSubscribers) debitChannel.publish(transition(entry, before, this.#recovered));
  }

  /** Writes an entry as it is, for its seal; whether it was written. Whoever writes holds the reference's lock. */
  async rewrite(reference: string): Promise<boolean> {
    const found = await this.read(reference);
    return found !== undefined && (await this.#put(found.entry, found.version)) !== undefined;
  }

  /**
   * An entry that was only sealed anew still says the same. That nothing was sent is written over nothing but what was read:
   * somebody who has taken over may have written the same words.
   */
  async #putAfterSealing(next: JournalEntry, { entry }: VersionedEntry): Promise<number | undefined> {
    if (next.state === "prepared") return undefined;
    const now = await this.read(entry.reference);
    const same = now !== undefined && JSON.stringify(now.entry) === JSON.stringify(entry);
    return same ? this.#put(next, now.version) : undefined;
  }

  #put(entry: JournalEntry, version: number): Promise<number | undefined> {
    return this.#store.put(keyOf(entry.reference), JSON.stringify(entry), {
      version,
      durable: true,
      ...(isOpen(entry) ? { labels: { [OPEN.label]: OPEN.value } } : {}),
    });
  }
}

function transition(
  { reference, linkId, state, debit }: JournalEntry,
  before: VersionedEntry | undefined,
  recovered: boolean,
): DebitMessage {
  const from = before === undefined ? {} : { from: before.entry.state };
  return { reference, linkId, ...from, to: state, ...(debit === undefined ? {} : { status: debit.status }), recovered };
}

/** The lock of a reference. */
export function journalLock(reference: string): string {
  return keyOf(reference);
}

/** Whether there is something to find out about the debit. */
export function isOpen({ state, debit }: JournalEntry): boolean {
  return state !== "prepared" && (debit === undefined || !isFinal(debit));
}

/** Whether the debit has come to its end. */
export function isOver({ state, debit }: JournalEntry): boolean {
  return state === "known" && debit !== undefined && isFinal(debit);
}

const OPEN = { label: "debit", value: "open" };

/** What the keys of the journal begin with. */
export const JOURNAL = "debit:";

function keyOf(reference: string): string {
  return JOURNAL + reference;
}
