/**
 * How one debit comes to its end: sent under one key, looked up where the answer is unclear.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  ApiError,
  ArgumentError,
  DebitOutcomeUnknownError,
  MinnaError,
  StoreError,
  ValidationError,
} from "../errors.js";
import { decodeBody } from "../links/decode.js";
import { payerOf } from "../links/record.js";
import { endpointAt } from "../links/resource.js";
import { type Call, withShare } from "../transport/call.js";
import { retryAfter } from "../transport/retry-after.js";
import { type Debit, debit, debitList, isFinal, pointsToEarlier } from "./debit.js";
import { certainlyNotMade, checkIsThisDebit } from "./debit-answer.js";
import type { DebitBody } from "./debit-order.js";
import type { Journal, JournalEntry, VersionedEntry } from "./journal.js";
import type { LinkContext } from "./link-context.js";

/** Milliseconds: the bank remembers a key for 24 hours, and its clock may be an hour off. */
const KEY_WINDOW = 23 * 60 * 60 * 1000;
/** Milliseconds after which nothing that was sent is still on its way: then "not found" means "not made". */
const ARRIVED = 60 * 60 * 1000;
/** Of a call's time: the rest is kept for finding out what became of an answer that does not come. */
const SHARE_OF_POST = 0.75;
/** How often a debit that the bank has not got is sent again within one call, and milliseconds before the first time. */
const RESENDS = 2;
const FIRST_PAUSE = 200;

/** One call that brings a debit on. */
export interface Attempt {
  readonly body: DebitBody;
  /** SHA-256 over the body. */
  readonly bodyHash: string;
  /** Whether money may have moved under the reference, by this attempt or by another. Decides what an error may say. */
  inDoubt: boolean;
  /** Why the bank could not be asked, where what it said last is returned. */
  notAsked?: MinnaError;
}

/** What was there before an attempt to send. */
interface Earlier {
  /** Whether money may have moved by then. */
  readonly doubt: boolean;
  /** Whether the bank may have had the key by then. */
  readonly resent: boolean;
}

const FIRST: Earlier = { doubt: false, resent: false };

/** An answer that does not say what became of the debit; why, where there is an error. */
interface Unclear {
  readonly unclear: unknown;
}

/** Brings the debits of one link to their end. Whoever calls has the claim on the reference, or holds its lock. */
export class Settlement {
  readonly #context: LinkContext;
  readonly #journal: Journal;

  /** For what a link was: whose account that was. */
  readonly #payer: string | undefined;

  constructor(context: LinkContext, journal: Journal, payer?: string) {
    this.#context = context;
    this.#journal = journal;
    this.#payer = payer;
  }

  /**
   * Sends what was claimed; `undefined` where the answer is unclear and somebody else has taken over.
   *
   * @param hold - Takes the lock; whether it could be had. The claim stands for one request: whatever follows, others must not
   * meet halfway.
   */
  async sendClaimed(
    attempt: Attempt,
    claimed: VersionedEntry,
    call: Call,
    hold: () => Promise<boolean>,
  ): Promise<Debit | undefined> {
    const answered = await this.#post(attempt, claimed, FIRST, call);
    if (!("unclear" in answered)) return this.#learn(claimed, answered);
    return (await hold()) ? this.#resolve(attempt, claimed, answered.unclear, call, RESENDS) : undefined;
  }

  /**
   * Makes the debit, or returns what became of it. For one that is over nothing is written, and no lock is needed.
   *
   * @param claimed - The entry that this caller wrote, where it came to the lock too late to send it at once.
   */
  async settle(
    attempt: Attempt,
    known: VersionedEntry | undefined,
    call: Call,
    claimed?: VersionedEntry,
  ): Promise<Debit> {
    // A journal that has lost the reference does not tell what became of it.
    if (known === undefined) {
      const { interactionId } = call;
      throw new DebitOutcomeUnknownError(attempt.body.partnerTransactionId, { interactionId });
    }
    // Nobody has written since.
    if (known.version === claimed?.version) return this.#bring(attempt, claimed, FIRST, call, RESENDS);
    attempt.inDoubt = known.entry.state !== "prepared";
    const same = known.entry.bodyHash === attempt.bodyHash && (await this.isSameCustomer(known.entry, call));
    if (same) return this.#again(attempt, known, call);
    const named = JSON.stringify(known.entry.reference);
    const message = `The reference ${named} already stands for a debit of another customer or with another body. Give another order another reference.`;
    throw new ArgumentError("reference", message, "reference_reused");
  }

  /** Asks the bank for a debit by its id; with the seconds after which the bank wants to be asked again. */
  async read(debitId: string, call: Call): Promise<{ readonly found: Debit; readonly askedFor: number }> {
    const { configuration, resources, linkId } = this.#context;
    const endpoint = endpointAt(configuration.apiBaseUrl, configuration.contract.paths.debit, { debitId });
    const request = { method: "GET", ...endpoint, scope: "debit", operation: "debit" } as const;
    const answer = await resources.call(linkId, request, call);
    const found = decodeBody(debit, answer, "debit", call);
    if (found.debitId === debitId) return { found, askedFor: retryAfter(answer.headers["retry-after"]) ?? 0 };
    throw new ValidationError("body", "The bank's answer is about another debit than the one that was asked for.", {
      interactionId: call.interactionId,
    });
  }

  /** Asks the bank for the debit with this reference; `undefined` where it has none. */
  async inquire(reference: string, call: Call): Promise<Debit | undefined> {
    const { configuration, resources, linkId } = this.#context;
    const { paths, queries } = configuration.contract;
    const endpoint = endpointAt(configuration.apiBaseUrl, paths.debits);
    endpoint.url.searchParams.set(queries.partnerTransactionId, reference);
    const request = { method: "GET", ...endpoint, scope: "debit", operation: "findDebits" } as const;
    const answer = await resources.call(linkId, request, call);
    const { directDebits } = decodeBody(debitList, answer, "debits", call);
    // One at most; should there be more, money that moved, or still may, counts more than an attempt that failed.
    const found = directDebits.filter(one => one.partnerTransactionId === reference && !pointsToEarlier(one));
    return found.find(one => one.status !== "failed") ?? found[0];
  }

  /** The link whose debits these are, as the partner knows it. */
  get linkId(): string {
    return this.#context.shownAs ?? this.#context.linkId;
  }

  /** Whether the bank can be asked for a debit by its reference. */
  get canInquire(): boolean {
    return this.#context.configuration.contract.inquiry === "by-reference";
  }

  /** Whether a debit is of this link's customer: somebody who linked their account again keeps their debits. */
  async isSameCustomer(entry: JournalEntry, call: Call): Promise<boolean> {
    const { linkId, resources } = this.#context;
    if (entry.linkId === this.linkId) return true;
    return (await resources.usable(linkId, undefined, call)).record.customerId === entry.customerId;
  }

  async #payerNow(call: Call): Promise<string> {
    if (this.#payer !== undefined) return this.#payer;
    const { linkId, resources } = this.#context;
    return payerOf((await resources.usable(linkId, "debit", call)).record);
  }

  /** The reference was here before: what became of it decides what may be done. */
  async #again(attempt: Attempt, known: VersionedEntry, call: Call): Promise<Debit> {
    const { entry } = known;
    switch (entry.state) {
      case "known": {
        const { debit: last } = entry;
        if (last !== undefined && isFinal(last)) return last;
        // Where the bank can't be asked, what it said last still holds as far as anybody knows.
        if (last === undefined) return unknown(entry, call);
        const elsewhere = await this.#asFormer(attempt, known, call).catch(error => {
          if (error instanceof MinnaError) attempt.notAsked = error;
        });
        if (elsewhere !== undefined) return elsewhere;
        const asking = this.canInquire
          ? this.#inquireFor(attempt, call)
          : this.read(last.debitId, call).then(({ found }) => {
              checkIsThisDebit(found, attempt.body, call);
              return found;
            });
        const found = await asking.catch(error => {
          if (error instanceof MinnaError) attempt.notAsked = error;
        });
        return this.#learn(known, found ?? last);
      }
      case "prepared": {
        const now = Date.now();
        // The refusal may have been a gateway's. So long afterwards the key would not keep a second debit from being made.
        // Nor does it for another client, whatever its age: what was refused is asked after as the one it was refused to.
        const sentFor = await this.#payerNow(call);
        const elsewhere = sentFor === entry.sentFor ? undefined : await this.madeAs(entry, call);
        const asked = elsewhere ?? (now - entry.sentAt > KEY_WINDOW ? this : undefined);
        const made = asked === undefined ? undefined : await asked.#inquireFor(attempt, call);
        if (made !== undefined) return this.#learn(known, made);
        const next = {
          ...entry,
          state: "sent",
          linkId: this.linkId,
          sentFor,
          sentAt: now,
          lastSentAt: now,
        } as const;
        return this.#send(attempt, next, known, call, RESENDS);
      }
      case "sent":
      case "unknown": {
        // Debits of another client, or of another customer of the bank, don't show here; sent again it would be another one.
        if (entry.sentFor !== (await this.#payerNow(call))) {
          return (await this.#asFormer(attempt, known, call)) ?? unknown(entry, call);
        }
        const found = await this.#inquireFor(attempt, call);
        if (found !== undefined) return this.#learn(known, found);
        if (this.canInquire && Date.now() - entry.lastSentAt > ARRIVED) attempt.inDoubt = false;
        return this.#sendAgain(attempt, known, call, RESENDS);
      }
    }
  }

  /** A debit that the link made when it was another client's is asked after as that; `undefined` where it was not. */
  async #asFormer(attempt: Attempt, known: VersionedEntry, call: Call): Promise<Debit | undefined> {
    const former = await this.madeAs(known.entry, call);
    return former === undefined ? undefined : former.#again(attempt, known, call);
  }

  /** What settles a debit that was made as another client's, as long as that is kept; `undefined` for any other. */
  async madeAs({ sentFor }: JournalEntry, call: Call): Promise<Settlement | undefined> {
    if ((await this.#payerNow(call)) === sentFor) return undefined;
    for await (const former of this.formers(call)) if (former.#payer === sentFor) return former;
    return undefined;
  }

  /** Whether a debit was made as another client's. */
  async isMadeElsewhere({ sentFor }: JournalEntry, call: Call): Promise<boolean> {
    return (await this.#payerNow(call)) !== sentFor;
  }

  /** The same for what the link was under other clients, as long as that is kept. */
  async *formers(call: Call): AsyncGenerator<Settlement, void, undefined> {
    const { linkId, resources, former } = this.#context;
    const { record } = await resources.usable(linkId, undefined, call);
    for (const id of record.former ?? []) {
      const context = await former(id);
      if (context === undefined) continue;
      yield new Settlement({ ...context, shownAs: linkId }, this.#journal, payerOf(context.record));
    }
  }

  /** The bank has not got it, or not yet. While it remembers the key, sending the same key again can't debit twice. */
  async #sendAgain(attempt: Attempt, known: VersionedEntry, call: Call, resends: number): Promise<Debit> {
    const { entry } = known;
    const lastSentAt = Date.now();
    if (lastSentAt - entry.sentAt > KEY_WINDOW) {
      const { interactionId } = call;
      throw new DebitOutcomeUnknownError(entry.reference, { code: "debit_key_expired", interactionId });
    }
    const next = { ...entry, linkId: this.linkId, state: "sent", lastSentAt } as const;
    return this.#send(attempt, next, known, call, resends);
  }

  async #send(
    attempt: Attempt,
    next: JournalEntry,
    before: VersionedEntry,
    call: Call,
    resends: number,
  ): Promise<Debit> {
    const doubt = attempt.inDoubt;
    attempt.inDoubt = true;
    // It may be written though the store does not say so: then recover() brings it on.
    const sent = await this.#journal.write(next, before).catch(error => {
      if (error instanceof StoreError && error.code === "store_not_durable") attempt.inDoubt = doubt;
      throw error;
    });
    return this.#bring(attempt, sent, { doubt, resent: before.entry.state !== "prepared" }, call, resends);
  }

  /** Sends what the journal says is sent, and finds out what became of it. */
  async #bring(attempt: Attempt, sent: VersionedEntry, earlier: Earlier, call: Call, resends: number): Promise<Debit> {
    const answered = await this.#post(attempt, sent, earlier, call);
    if ("unclear" in answered) return this.#resolve(attempt, sent, answered.unclear, call, resends);
    return this.#learn(sent, answered);
  }

  async #post(attempt: Attempt, sent: VersionedEntry, earlier: Earlier, call: Call): Promise<Debit | Unclear> {
    const { configuration, resources, linkId } = this.#context;
    const { paths, headers } = configuration.contract;
    const endpoint = endpointAt(configuration.apiBaseUrl, paths.debits);
    const key = { [headers.idempotencyKey]: sent.entry.idempotencyKey };
    const request = {
      method: "POST",
      ...endpoint,
      scope: "debit",
      operation: "createDebit",
      body: attempt.body,
      headers: key,
    } as const;
    try {
      const answer = await withShare(call, SHARE_OF_POST, own => resources.call(linkId, request, own));
      const answered = decodeBody(debit, answer, "debit", call, "possible");
      checkIsThisDebit(answered, attempt.body, call);
      return pointsToEarlier(answered) ? { unclear: undefined } : answered;
    } catch (error) {
      // What was refused for good may come again under its key; everything else has had it sent before.
      if (!certainlyNotMade(error, configuration.contract.codes, earlier.resent)) return { unclear: error };
      // This attempt has moved nothing, and the next one may use the key; an earlier one may still be under way. Where that
      // can't be written the entry stays `sent`, and is brought on later: then it can't be said that nothing will move.
      await this.#journal.write({ ...sent.entry, state: earlier.doubt ? "unknown" : "prepared" }, sent);
      attempt.inDoubt = earlier.doubt;
      throw error;
    }
  }

  /** The answer is unclear: the bank is asked what became of the reference. Only a debit that it shows settles it. */
  async #resolve(attempt: Attempt, sent: VersionedEntry, cause: unknown, call: Call, resends: number): Promise<Debit> {
    // Now, by the clock: what was sent before a machine fell asleep has not been under way for as long as it seems.
    const doubtful = await this.#journal.write({ ...sent.entry, state: "unknown", lastSentAt: Date.now() }, sent);
    const asked = cause instanceof ApiError ? (cause.retryAfter ?? 0) * 1000 : 0;
    const pause = Math.max(asked, FIRST_PAUSE * 2 ** (RESENDS - resends) * (0.5 + Math.random()));
    try {
      const found = await this.#inquireFor(attempt, call);
      if (found !== undefined) return await this.#learn(doubtful, found);
    } catch {
      // Where the bank can't be asked either, nothing is sent again.
      return unknown(sent.entry, call, cause);
    }
    if (resends === 0 || Date.now() + pause >= call.deadline) return unknown(sent.entry, call, cause);
    await sleep(pause, undefined, { signal: call.signal }).catch(() => unknown(sent.entry, call, cause));
    return this.#sendAgain(attempt, doubtful, call, resends - 1);
  }

  /** What the bank says holds, also where it can't be written: then the entry stays open and is looked up again. */
  async #learn(known: VersionedEntry, answered: Debit): Promise<Debit> {
    await this.#journal.write({ ...known.entry, state: "known", debit: answered }, known).catch(() => {});
    return answered;
  }

  /** Where the bank can't be asked, sending the debit again under its key is the way to ask. */
  async #inquireFor({ body }: Attempt, call: Call): Promise<Debit | undefined> {
    if (!this.canInquire) return undefined;
    const found = await this.inquire(body.partnerTransactionId, call);
    if (found !== undefined) checkIsThisDebit(found, body, call);
    return found;
  }
}

function unknown({ reference }: JournalEntry, call: Call, cause?: unknown): never {
  throw new DebitOutcomeUnknownError(reference, {
    interactionId: call.interactionId,
    cause: cause instanceof MinnaError ? cause : undefined,
  });
}
