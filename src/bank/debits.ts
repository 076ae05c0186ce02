/**
 * 口座振替: money that moves exactly once.
 *
 * @module
 */
import { createHash, randomUUID } from "node:crypto";
import {
  ApiError,
  ArgumentError,
  DebitOutcomeUnknownError,
  MinnaError,
  TransportError,
  ValidationError,
} from "../errors.js";
import { decode, decodeBody, freeze, type WithInteractionId } from "../links/decode.js";
import { withLock } from "../links/lock.js";
import type { LinkRecord } from "../links/record.js";
import { resourceUrl } from "../links/resource.js";
import type { Store } from "../links/store.js";
import { type Call, type CallOptions, withCall, withShare } from "../transport/call.js";
import { type Debit, debit, debitList, isFinal, pointsToEarlier } from "./debit.js";
import { type CreateDebit, checkDebit, checkReference, type DebitBody } from "./debit-order.js";
import { Journal, type JournalEntry, type VersionedEntry } from "./journal.js";
import type { LinkContext } from "./link-context.js";

/** Milliseconds: the bank remembers a key for 24 hours, and its clock may be an hour off. */
const KEY_WINDOW = 23 * 60 * 60 * 1000;
/** Of a call's time: the rest is kept for finding out what became of an answer that does not come. */
const SHARE_OF_POST = 0.75;

/** One call of `create()`. */
interface Attempt {
  readonly body: DebitBody;
  /** SHA-256 over the body. */
  readonly bodyHash: string;
  /** Whether money may have moved under the reference, by this attempt or by another. Decides what an error may say. */
  inDoubt: boolean;
}

/** The debits of one link. */
export class Debits {
  readonly #context: LinkContext;
  readonly #store: Store;
  readonly #journal: Journal;

  /** @internal */
  constructor(context: LinkContext, store: Store) {
    this.#context = context;
    this.#store = store;
    this.#journal = new Journal(store);
  }

  /**
   * Debits the account, once for each reference: called again with the same reference and body it returns the same debit,
   * also after a crash and from another process.
   *
   * A debit that the bank declined is a result, not an error: look at `status` and `failure`. It stays declined under its
   * reference. A repeated call returns the outcome as it was first known: only `get()` and `find()` tell of a later
   * `returned`.
   *
   * @throws {@link ArgumentError} before any call, for a wrong value, or `reference_reused` when the reference stands for
   * another debit. {@link DebitOutcomeUnknownError} when the money may have moved: call again with the same reference and
   * body. {@link ApiError}, {@link LinkError}, {@link TransportError} when it certainly has not.
   */
  async create(input: CreateDebit, options?: CallOptions): Promise<WithInteractionId<Debit>> {
    const body = checkDebit(input);
    const reference = body.partnerTransactionId;
    const { configuration } = this.#context;
    const bodyHash = createHash("sha256").update(JSON.stringify(body)).digest("base64url");
    // Until the journal has been read, another process may be sending this debit.
    const attempt: Attempt = { body, bodyHash, inDoubt: true };
    return withCall(options, configuration.timeout, async call => {
      try {
        return await withLock(this.#store, `debit:${reference}`, call, () => this.#attempt(attempt, call));
      } catch (error) {
        if (error instanceof ArgumentError || error instanceof DebitOutcomeUnknownError || !attempt.inDoubt)
          throw error;
        throw new DebitOutcomeUnknownError(reference, {
          interactionId: call.interactionId,
          cause: error instanceof MinnaError ? error : undefined,
        });
      }
    });
  }

  /**
   * Asks for a debit by the bank's id.
   *
   * @throws {@link ApiError} `not_found` when the bank has no such debit of this link.
   */
  async get(debitId: string, options?: CallOptions): Promise<WithInteractionId<Debit>> {
    return withCall(options, this.#context.configuration.timeout, async call => {
      const { configuration, resources, linkId } = this.#context;
      const url = resourceUrl(configuration.apiBaseUrl, configuration.contract.paths.debit, { debitId });
      const answer = await resources.call(linkId, { method: "GET", url, scope: "debit" }, call);
      return decode(debit, answer, "debit", call);
    });
  }

  /**
   * Asks the bank for the debit with the partner's own reference; `undefined` where it has none.
   */
  async find(reference: string, options?: CallOptions): Promise<WithInteractionId<Debit> | undefined> {
    checkReference(reference);
    return withCall(options, this.#context.configuration.timeout, async call => {
      const found = await this.#inquire(reference, call);
      return found === undefined ? undefined : result(found, call);
    });
  }

  async #attempt(attempt: Attempt, call: Call): Promise<WithInteractionId<Debit>> {
    const known = await this.#journal.read(attempt.body.partnerTransactionId);
    attempt.inDoubt = known !== undefined && known.entry.state !== "prepared";
    if (known === undefined) return this.#first(attempt, call);
    const same = known.entry.bodyHash === attempt.bodyHash && (await this.#isSameCustomer(known.entry, call));
    if (same) return this.#again(attempt, known, call);
    const named = JSON.stringify(known.entry.reference);
    const message = `The reference ${named} already stands for a debit of another customer or with another body.`;
    throw new ArgumentError("reference", message, "reference_reused");
  }

  async #first(attempt: Attempt, call: Call): Promise<WithInteractionId<Debit>> {
    const { linkId, resources } = this.#context;
    // A link that can't be used is found out before the journal promises anything.
    const { record } = await resources.usable(linkId, "debit", call);
    const entry: JournalEntry = {
      reference: attempt.body.partnerTransactionId,
      linkId,
      sentFor: this.#payer(record),
      customerId: record.customerId,
      bodyHash: attempt.bodyHash,
      // 36 characters, of the 40 that a key may have.
      idempotencyKey: randomUUID(),
      sentAt: Date.now(),
      state: "sent",
    };
    return this.#send(attempt, await this.#journal.write(entry, 0), call);
  }

  async #payerNow(call: Call): Promise<string> {
    const { linkId, resources } = this.#context;
    return this.#payer((await resources.usable(linkId, "debit", call)).record);
  }

  /** Whose account it is at the bank, as far as this side can tell, and for which client. */
  #payer({ id, issuer, clientId, tokens }: LinkRecord): string {
    return [issuer, clientId, tokens?.subject?.sub ?? id].join(" ");
  }

  /** Somebody who linked their account again keeps their debits. */
  async #isSameCustomer(entry: JournalEntry, call: Call): Promise<boolean> {
    const { linkId, resources } = this.#context;
    if (entry.linkId === linkId) return true;
    return (await resources.usable(linkId, undefined, call)).record.customerId === entry.customerId;
  }

  /** The reference was here before: what became of it decides what may be done. */
  async #again(attempt: Attempt, known: VersionedEntry, call: Call): Promise<WithInteractionId<Debit>> {
    const { entry, version } = known;
    switch (entry.state) {
      case "known": {
        const { debit: last } = entry;
        if (last !== undefined && isFinal(last)) return result(last, call);
        // Where the bank can't be asked, what it said last still holds as far as anybody knows.
        const found = (await this.#inquireFor(attempt, call).catch(() => undefined)) ?? last;
        return found === undefined ? this.#unknown(entry, call) : this.#settle(known, found, call);
      }
      case "prepared": {
        const sent = { ...entry, state: "sent", sentFor: await this.#payerNow(call), sentAt: Date.now() } as const;
        return this.#send(attempt, await this.#journal.write(sent, version), call);
      }
      case "sent":
      case "unknown": {
        // Debits of another client, or of another customer of the bank, don't show here; sent again it would be another one.
        if (entry.sentFor !== (await this.#payerNow(call))) return this.#unknown(entry, call);
        const found = await this.#inquireFor(attempt, call);
        if (found !== undefined) return this.#settle(known, found, call);
        // The bank has not got it, or not yet. While it remembers the key, sending the same key again can't debit twice.
        if (Date.now() - entry.sentAt > KEY_WINDOW) {
          const { interactionId } = call;
          throw new DebitOutcomeUnknownError(entry.reference, { code: "debit_key_expired", interactionId });
        }
        return this.#send(attempt, await this.#journal.write({ ...entry, state: "sent" }, version), call);
      }
    }
  }

  async #send(attempt: Attempt, sent: VersionedEntry, call: Call): Promise<WithInteractionId<Debit>> {
    const { configuration, resources, linkId } = this.#context;
    const { paths, headers } = configuration.contract;
    const url = resourceUrl(configuration.apiBaseUrl, paths.debits);
    const key = { [headers.idempotencyKey]: sent.entry.idempotencyKey };
    const request = { method: "POST", url, scope: "debit", body: attempt.body, headers: key } as const;
    const doubtBefore = attempt.inDoubt;
    attempt.inDoubt = true;
    let answered: Debit;
    try {
      const answer = await withShare(call, SHARE_OF_POST, own => resources.call(linkId, request, own));
      answered = decodeBody(debit, answer, "debit", call, "possible");
      checkIsThisDebit(answered, attempt.body, call);
    } catch (error) {
      if (!certainlyNotMade(error)) return this.#resolve(attempt, sent, error, call);
      // This attempt has moved nothing, and the next one may use the key; an earlier one may still be under way.
      attempt.inDoubt = doubtBefore;
      const state = doubtBefore ? "unknown" : "prepared";
      // Where this can't be written the entry stays `sent`: then the next attempt asks first.
      await this.#journal.write({ ...sent.entry, state }, sent.version).catch(() => {});
      throw error;
    }
    if (pointsToEarlier(answered)) return this.#resolve(attempt, sent, undefined, call);
    return this.#settle(sent, answered, call);
  }

  /** The answer is unclear: the bank is asked what became of the reference. Only a debit that it shows settles it. */
  async #resolve(
    attempt: Attempt,
    sent: VersionedEntry,
    cause: unknown,
    call: Call,
  ): Promise<WithInteractionId<Debit>> {
    const unknown = await this.#journal.write({ ...sent.entry, state: "unknown" }, sent.version);
    const found = await this.#inquireFor(attempt, call).catch(() => undefined);
    return found === undefined ? this.#unknown(sent.entry, call, cause) : this.#settle(unknown, found, call);
  }

  async #settle(known: VersionedEntry, answered: Debit, call: Call): Promise<WithInteractionId<Debit>> {
    await this.#journal.write({ ...known.entry, state: "known", debit: answered }, known.version);
    return result(answered, call);
  }

  #unknown({ reference }: JournalEntry, call: Call, cause?: unknown): never {
    throw new DebitOutcomeUnknownError(reference, {
      interactionId: call.interactionId,
      cause: cause instanceof MinnaError ? cause : undefined,
    });
  }

  async #inquireFor({ body }: Attempt, call: Call): Promise<Debit | undefined> {
    const found = await this.#inquire(body.partnerTransactionId, call);
    if (found !== undefined) checkIsThisDebit(found, body, call);
    return found;
  }

  async #inquire(reference: string, call: Call): Promise<Debit | undefined> {
    const { configuration, resources, linkId } = this.#context;
    const url = resourceUrl(configuration.apiBaseUrl, configuration.contract.paths.debits);
    url.searchParams.set("partnerTransactionId", reference);
    const answer = await resources.call(linkId, { method: "GET", url, scope: "debit" }, call);
    const { directDebits } = decodeBody(debitList, answer, "debits", call);
    // One at most; should there be more, money that moved, or still may, counts more than an attempt that failed.
    const found = directDebits.filter(one => one.partnerTransactionId === reference && !pointsToEarlier(one));
    return found.find(one => one.status !== "failed") ?? found[0];
  }
}

/** Refusals after which no debit exists. Everything else, 408 and 409 among them, leaves it open. */
const REFUSED: readonly number[] = [400, 403, 404, 405, 413, 415, 422, 429];

/** Whether this attempt has certainly made no debit: the bank was not reached, or it refused for good. */
function certainlyNotMade(error: unknown): boolean {
  if (error instanceof TransportError) return error.reached === "no";
  // already_processed is no refusal, whatever its status: there is an earlier outcome to look up.
  if (error instanceof ApiError) return REFUSED.includes(error.status) && error.bankCode !== "already_processed";
  // Everything else that is ours and not an unreadable answer stopped before the request left, or at a rejected token.
  return error instanceof MinnaError && !(error instanceof ValidationError);
}

function checkIsThisDebit(answered: Debit, body: DebitBody, call: Call): void {
  if (answered.partnerTransactionId === body.partnerTransactionId && answered.amount === body.amount) return;
  throw new ValidationError("body", "The bank's answer is about another debit than the one that was sent.", {
    interactionId: call.interactionId,
    sideEffect: "possible",
  });
}

function result(found: Debit, call: Call): WithInteractionId<Debit> {
  return freeze({ ...found, interactionId: call.interactionId });
}
