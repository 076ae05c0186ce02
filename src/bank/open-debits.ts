/**
 * The debits that a crash or an outage left open, over all links.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type JstDateTime, toJst } from "../config/jst.js";
import { DebitOutcomeUnknownError, type MinnaError } from "../errors.js";
import { sweepFormer } from "../links/former.js";
import { CLAIM } from "../links/lock.js";
import { type LinkRecord, payerOf } from "../links/record.js";
import type { Registrations } from "../links/registrations.js";
import type { Store } from "../links/store.js";
import type { CallOptions } from "../transport/call.js";
import type { Calls } from "../transport/calls.js";
import { type Debit, isFinal } from "./debit.js";
import type { Debits } from "./debits.js";
import { Journal, type JournalEntry } from "./journal.js";

/** A debit whose end is not known yet. */
export interface OpenDebit {
  /** The partner's own order id. */
  readonly reference: string;
  /** The link that it was made with. */
  readonly linkId: string;
  /** The partner's own id of the customer. */
  readonly customerId: string;
  /** Yen. */
  readonly amount: number;
  /** `unknown`: the money may have moved, or is under way. `processing`: the bank has it. */
  readonly state: "unknown" | "processing";
  /** When it was first sent. */
  readonly sentAt: JstDateTime;
  /** The bank's id of it, where it is known. */
  readonly debitId?: string;
}

/** A debit that has come to its end, or that the bank has and is not done with. */
export interface SettledDebit extends Omit<OpenDebit, "state" | "debitId"> {
  /** `settled`: see `debit.status`. `processing`: the bank has it. */
  readonly outcome: "settled" | "processing";
  /** As the bank has it. */
  readonly debit: Debit;
  /** Why the bank could not be asked, where `debit` is what it said last. */
  readonly error?: MinnaError;
}

/** A debit that was not made, or of which it is not known. */
export interface UnsettledDebit extends Omit<OpenDebit, "state" | "debitId"> {
  /** `not_made`: it certainly was not, and is open no more. `unknown`: still so. */
  readonly outcome: "not_made" | "unknown";
  /** Why. */
  readonly error: MinnaError;
  /** There is none. */
  readonly debit?: never;
}

/** What `recover()` found out about one debit. */
export type RecoveredDebit = SettledDebit | UnsettledDebit;

type Outcome = Pick<SettledDebit, "outcome" | "debit" | "error"> | Pick<UnsettledDebit, "outcome" | "error">;

/** Milliseconds between two looks whether the client was closed. */
const LOOK = 250;

/** The debits of all links that are still open. */
export class OpenDebits {
  readonly #journal: Journal;
  readonly #calls: Calls;
  readonly #debitsOf: (linkId: string) => Debits;
  readonly #registrations: Registrations;
  readonly #store: Store;

  /** @internal */
  constructor(registrations: Registrations, store: Store, calls: Calls, debitsOf: (linkId: string) => Debits) {
    this.#journal = new Journal(store);
    this.#calls = calls;
    this.#debitsOf = debitsOf;
    this.#registrations = registrations;
    this.#store = store;
  }

  /**
   * Lists the debits whose end is not known, in the order of their references. The bank is not asked.
   *
   * @throws {@link StoreError} when the store fails.
   */
  async *pending(): AsyncGenerator<OpenDebit, void, undefined> {
    for await (const entry of this.#journal.open()) {
      const state = entry.state === "known" ? "processing" : "unknown";
      const { debit } = entry;
      yield Object.freeze({ ...outline(entry), state, ...(debit === undefined ? {} : { debitId: debit.debitId }) });
    }
  }

  /**
   * Settles what was left open, one debit after the other, and tells of each: the bank is asked what became of it, and what
   * it has not got is sent again under the same key, while the bank remembers that.
   *
   * Call it at the start of a process and from time to time, in any number of processes at once: a debit that somebody else
   * is at is left to them. One that can't be settled does not stop the others. Those that may be on their way right now come
   * last, six seconds after the others.
   *
   * @param options - `timeout`: for each debit. `signal`: ends the whole, as `close()` does.
   * @throws {@link StoreError} when the store fails; for an entry that can't be read, once all others are done.
   */
  async *recover(options?: CallOptions): AsyncGenerator<RecoveredDebit, void, undefined> {
    for await (const entry of this.#inTurn(options)) {
      if (options?.signal?.aborted || this.#calls.closed) return;
      const recovered = await this.#recover(entry, options);
      if (recovered !== undefined) yield Object.freeze({ ...outline(entry), ...recovered });
    }
    await this.#sweep(options);
  }

  /** The open entries: last those that may just have been made, when the lock tells whether somebody is at them. */
  async *#inTurn(options: CallOptions | undefined): AsyncGenerator<JournalEntry, void, undefined> {
    const sent: JournalEntry[] = [];
    const failed: unknown[] = [];
    try {
      for await (const entry of this.#journal.open()) {
        if (entry.state === "sent") sent.push(entry);
        else yield entry;
      }
    } catch (error) {
      failed.push(error);
    }
    if (sent.length > 0) await this.#waitOut(options?.signal);
    yield* sent;
    if (failed.length > 0) throw failed[0];
  }

  /** Leaves those alone who may be at a debit; not longer than the client is open. */
  async #waitOut(signal: AbortSignal | undefined): Promise<void> {
    for (let left = CLAIM; left > 0 && !this.#calls.closed && !signal?.aborted; left -= LOOK) {
      await sleep(Math.min(left, LOOK), undefined, signal && { signal }).catch(() => {});
    }
  }

  /** What links were under other clients goes when no debit needs it. What can't go now goes another time. */
  async #sweep(options: CallOptions | undefined): Promise<void> {
    // The journal is read only where there is something to drop.
    let open: Promise<ReadonlySet<string>> | undefined;
    const isNeeded = async (record: LinkRecord) => {
      open ??= this.#openFor();
      return (await open).has(payerOf(record));
    };
    await this.#calls
      .run("debits.recover", options, call => sweepFormer(this.#store, this.#registrations, isNeeded, call))
      .catch(() => {});
  }

  /** Whom the open debits were sent for. */
  async #openFor(): Promise<ReadonlySet<string>> {
    const payers = new Set<string>();
    for await (const { sentFor } of this.#journal.open()) payers.add(sentFor);
    return payers;
  }

  async #recover({ reference, linkId }: JournalEntry, options: CallOptions | undefined): Promise<Outcome | undefined> {
    try {
      const recovery = await this.#debitsOf(linkId).recover(reference, options);
      if (recovery === undefined) return undefined;
      if ("notMade" in recovery) return { outcome: "not_made", error: recovery.notMade };
      const { debit, error } = recovery;
      return { outcome: isFinal(debit) ? "settled" : "processing", debit, ...(error === undefined ? {} : { error }) };
    } catch (error) {
      if (error instanceof DebitOutcomeUnknownError) return { outcome: "unknown", error };
      throw error;
    }
  }
}

function outline({ reference, linkId, customerId, sentAt, body, debit }: JournalEntry) {
  return { reference, linkId, customerId, amount: body?.amount ?? debit?.amount ?? 0, sentAt: toJst(sentAt) };
}
