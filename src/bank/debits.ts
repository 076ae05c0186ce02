/**
 * 口座振替: money that moves exactly once.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { leaveTrail } from "../errors/trail.js";
import { ApiError, ArgumentError, DebitOutcomeUnknownError, MinnaError, TransportError } from "../errors.js";
import { freeze, type WithInteractionId } from "../links/decode.js";
import { ifUnlocked, lookPastClaim, withClaim, withLock } from "../links/lock.js";
import type { Store } from "../links/store.js";
import type { Call, CallOptions } from "../transport/call.js";
import type { CallName } from "../transport/channels.js";
import { type Debit, isFinal, pointsToEarlier } from "./debit.js";
import { checkIsThisDebit } from "./debit-answer.js";
import { claim } from "./debit-claim.js";
import { type CreateDebit, checkDebit, checkReference } from "./debit-order.js";
import { isOpen, isOver, Journal, journalLock, type VersionedEntry } from "./journal.js";
import type { LinkCalls, LinkContext } from "./link-context.js";
import { type Attempt, Settlement } from "./settlement.js";

/** Milliseconds that `settled()` waits where the caller says nothing else. */
const SETTLED_WITHIN = 60_000;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** Milliseconds that a last look may need. */
const LAST_LOOK = 500;

/** What came of bringing a debit on; `error` beside a debit says why the bank could not be asked again. */
export type Recovery =
  | { readonly debit: Debit; readonly error: MinnaError | undefined }
  | { readonly notMade: MinnaError };

/** The debits of one link. */
export class Debits {
  readonly #calls: LinkCalls;
  readonly #store: Store;
  readonly #journal: Journal;

  /** @internal */
  constructor(calls: LinkCalls, store: Store) {
    this.#calls = calls;
    this.#store = store;
    this.#journal = new Journal(store);
  }

  /**
   * Debits the account, once for each reference: called again with the same reference and body it returns the same debit,
   * also after a crash and from another process.
   *
   * An answer that is unclear is looked up within the call's time. A debit that the bank declined is a result, not an error:
   * look at `status` and `failure`. It stays declined under its reference.
   *
   * @throws {@link ArgumentError} before any call, for a wrong value, or `reference_reused` when the reference stands for
   * another debit. {@link DebitOutcomeUnknownError} when the money may have moved: call again with the same reference and
   * body, or let `minna.debits.recover()` settle it. {@link ApiError}, {@link LinkError}, {@link TransportError} when it
   * certainly has not.
   */
  async create(input: CreateDebit, options?: CallOptions): Promise<WithInteractionId<Debit>> {
    const body = checkDebit(input);
    const bodyHash = createHash("sha256").update(JSON.stringify(body)).digest("base64url");
    // Until the journal has said whether it has the reference, another process may be sending this debit.
    const attempt: Attempt = { body, bodyHash, inDoubt: true };
    const settled = (call: Call, settlement: Settlement, context: LinkContext) =>
      truthfully(attempt, call, async () => result(await this.#create(attempt, call, settlement, context), call));
    // Around the whole: also before the call has begun, nobody knows what became of the reference earlier.
    return truthfully(attempt, undefined, () => this.#run("debits.create", options, settled));
  }

  /**
   * Asks for a debit by the bank's id.
   *
   * @throws {@link ApiError} `not_found` when the bank has no such debit of this link.
   */
  async get(debitId: string, options?: CallOptions): Promise<WithInteractionId<Debit>> {
    return this.#run("debits.get", options, async (call, settlement) =>
      result((await this.#get(debitId, call, settlement)).found, call),
    );
  }

  /**
   * Asks the bank for the debit with the partner's own reference; `undefined` where it has none.
   *
   * Where the bank can't be asked so (`contract.inquiry: "none"`), it is asked for the id that the journal has of it.
   *
   * @throws {@link DebitOutcomeUnknownError} where the bank can't be asked, and the journal has no answer to the debit.
   */
  async find(reference: string, options?: CallOptions): Promise<WithInteractionId<Debit> | undefined> {
    checkReference(reference);
    return this.#run("debits.find", options, async (call, settlement) => {
      const found = await this.#find(reference, call, settlement);
      if (found === undefined) return undefined;
      await this.#learn(found, settlement);
      return result(found, call);
    });
  }

  /**
   * Waits until a debit is no longer `processing`: asks as the bank wishes (`Retry-After`), otherwise ever less often, and
   * once more at the end.
   *
   * @param options - `timeout`: how long to wait; a minute, where nothing is said.
   * @returns the debit as it is in the end, which may still be `processing` when the time is over.
   */
  async settled(debitId: string, options?: CallOptions): Promise<WithInteractionId<Debit>> {
    const wait = async (call: Call, settlement: Settlement) => {
      let last: Debit | undefined;
      for (let pause = FIRST_WAIT; ; pause = Math.min(pause * 2, LONGEST_WAIT)) {
        const asked = await this.#get(debitId, call, settlement).catch(error => {
          // What is known already is not lost to a bank that is busy, nor to the end of the time.
          if (last !== undefined && (error instanceof TransportError || isPassing(error))) return undefined;
          throw error;
        });
        last = asked?.found ?? last;
        const left = call.deadline - Date.now();
        const wished = (asked?.askedFor ?? 0) * 1000;
        const over = left <= LAST_LOOK || wished >= left;
        if (last !== undefined && (isFinal(last) || over)) return result(last, call);
        // The last look comes just before the end.
        const time = Math.max(wished, Math.min(pause * (0.5 + Math.random()), left - LAST_LOOK));
        const waited = await sleep(time, true, { signal: call.signal }).catch(() => false);
        if (!waited && last !== undefined) return result(last, call);
      }
    };
    return this.#run("debits.settled", options, wait, SETTLED_WITHIN);
  }

  /**
   * Brings a debit on that was left open; `undefined` where somebody else is at it, or has settled it.
   *
   * @internal
   */
  async recover(reference: string, options: CallOptions | undefined): Promise<Recovery | undefined> {
    return this.#run("debits.recover", options, (call, settlement) =>
      ifUnlocked(this.#store, journalLock(reference), async () => {
        const known = await this.#journal.read(reference);
        if (known === undefined || !isOpen(known.entry) || known.entry.body === undefined) return undefined;
        const { body, bodyHash } = known.entry;
        const attempt: Attempt = { body, bodyHash, inDoubt: true };
        try {
          const debit = await truthfully(attempt, call, () => settlement.settle(attempt, known, call));
          leaveTrail(attempt.notAsked, call.trail);
          return { debit, error: attempt.notAsked };
        } catch (error) {
          const doubt = error instanceof DebitOutcomeUnknownError || attempt.inDoubt;
          leaveTrail(error, call.trail);
          if (error instanceof MinnaError && !doubt) return { notMade: error };
          throw error;
        }
      }),
    );
  }

  /**
   * Who writes a new reference into the journal has the claim on it, and sends the debit without another word to the store.
   * Everybody else leaves a claim alone while it may be somebody's who is at it, and then goes on under the reference's lock.
   */
  async #create(attempt: Attempt, call: Call, settlement: Settlement, context: LinkContext): Promise<Debit> {
    const reference = attempt.body.partnerTransactionId;
    const lock = journalLock(reference);
    const claimed = await claim(attempt, context, this.#journal, call);
    if (claimed?.fresh) {
      const send = (hold: () => Promise<boolean>) => settlement.sendClaimed(attempt, claimed, call, hold);
      const made = await withClaim(this.#store, lock, send);
      if (made !== undefined) return made;
    }
    const read = () => this.#journal.read(reference);
    if (claimed === undefined) {
      const claimOf = (seen: VersionedEntry | undefined) => (seen?.entry.state === "sent" ? seen.version : undefined);
      const known = await lookPastClaim(this.#store, lock, call, read, claimOf);
      if (known !== undefined && isOver(known.entry)) return settlement.settle(attempt, known, call);
    }
    // What was sent is no first attempt any more, also where nobody has written since.
    const unsent = claimed?.fresh ? undefined : claimed;
    return withLock(this.#store, lock, call, async () => settlement.settle(attempt, await read(), call, unsent));
  }

  /** Runs a call with what settles the link's debits, under the registration that it belongs to. */
  #run<T>(
    name: CallName,
    options: CallOptions | undefined,
    work: (call: Call, settlement: Settlement, context: LinkContext) => Promise<T>,
    timeout?: number,
  ): Promise<T> {
    const journal = name === "debits.recover" ? new Journal(this.#store, true) : this.#journal;
    const settled = (call: Call, context: LinkContext) => work(call, new Settlement(context, journal), context);
    return this.#calls.run(name, options, settled, timeout);
  }

  async #get(
    debitId: string,
    call: Call,
    settlement: Settlement,
  ): Promise<{ readonly found: Debit; readonly askedFor: number }> {
    const answered = await this.#read(debitId, call, settlement);
    await this.#learn(answered.found, settlement);
    return answered;
  }

  /** A debit that was made when the link was another client's is known to the bank as that. */
  async #read(
    debitId: string,
    call: Call,
    settlement: Settlement,
  ): Promise<{ readonly found: Debit; readonly askedFor: number }> {
    try {
      return await settlement.read(debitId, call);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === "not_found")) throw error;
      for await (const former of settlement.formers(call)) {
        const answered = await former.read(debitId, call).catch(reason => {
          // What can't be asked is not what is not there.
          if (!(reason instanceof ApiError && reason.code === "not_found")) throw reason;
        });
        if (answered !== undefined) return answered;
      }
      throw error;
    }
  }

  /** "It has none" is said only by whom the debit was sent to. */
  async #inquire(reference: string, call: Call, settlement: Settlement): Promise<Debit | undefined> {
    const { entry } = (await this.#journal.read(reference)) ?? {};
    const own = entry !== undefined && (await settlement.isSameCustomer(entry, call));
    if (own && entry.state !== "prepared" && (await settlement.isMadeElsewhere(entry, call))) {
      // Where what it was is kept no more, the bank may show it to the present client all the same.
      const asked = (await settlement.madeAs(entry, call)) ?? settlement;
      const found = (await asked.inquire(reference, call)) ?? entry.debit;
      if (found === undefined) throw new DebitOutcomeUnknownError(reference, { interactionId: call.interactionId });
      return found;
    }
    return settlement.inquire(reference, call);
  }

  async #find(reference: string, call: Call, settlement: Settlement): Promise<Debit | undefined> {
    if (settlement.canInquire) return this.#inquire(reference, call, settlement);
    const { entry } = (await this.#journal.read(reference)) ?? {};
    if (entry === undefined || entry.state === "prepared") return undefined;
    if (!(await settlement.isSameCustomer(entry, call))) return undefined;
    if (entry.debit === undefined) {
      throw new DebitOutcomeUnknownError(reference, { interactionId: call.interactionId });
    }
    const { found } = await settlement.read(entry.debit.debitId, call);
    checkIsThisDebit(found, { partnerTransactionId: reference, amount: entry.debit.amount }, call);
    return found;
  }

  /** Writes what the bank has just said of a debit of this link, where the journal has it otherwise, or not yet. */
  async #learn(found: Debit, { linkId: own }: Settlement): Promise<void> {
    const reference = found.partnerTransactionId;
    const learn = async () => {
      const known = await this.#journal.read(reference);
      if (known === undefined) return;
      const { state, debit: before, body, linkId } = known.entry;
      // The bank's id tells debits apart; where there is none yet, only the link and the amount do.
      const same =
        before === undefined
          ? linkId === own && body?.amount === found.amount
          : before.debitId === found.debitId && before.amount === found.amount;
      // An older answer takes nothing back: what is over stays so, but for a return.
      if (before !== undefined && isFinal(before) && found.status !== "returned") return;
      if (!same || state === "prepared" || before?.status === found.status || pointsToEarlier(found)) return;
      await this.#journal.write({ ...known.entry, state: "known", debit: found }, known);
    };
    // Somebody who is at it finds out by themselves; what can't be written now is asked for again.
    await ifUnlocked(this.#store, journalLock(reference), learn).catch(() => {});
  }
}

/** An error after which the money may have moved says so, whatever it was. */
async function truthfully<T>(attempt: Attempt, call: Call | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ArgumentError || error instanceof DebitOutcomeUnknownError || !attempt.inDoubt) throw error;
    throw new DebitOutcomeUnknownError(attempt.body.partnerTransactionId, {
      interactionId: call?.interactionId,
      cause: error instanceof MinnaError ? error : undefined,
    });
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof MinnaError && error.retryable;
}

function result(found: Debit, call: Call): WithInteractionId<Debit> {
  return freeze({ ...found, interactionId: call.interactionId });
}
