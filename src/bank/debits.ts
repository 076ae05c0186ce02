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
import { resourceUrl } from "../links/resource.js";
import type { Store } from "../links/store.js";
import { type Call, type CallOptions, withCall } from "../transport/call.js";
import { type Debit, type DebitKind, debit, debitList, pointsToEarlier } from "./debit.js";
import { Journal, type JournalEntry, type VersionedEntry } from "./journal.js";
import type { LinkContext } from "./link-context.js";

/** A debit to make. */
export interface CreateDebit {
  /** The partner's own order id, 1 to 64 printable ASCII characters. It stands for this one debit, for ever. */
  readonly reference: string;
  /** Yen: a positive integer. */
  readonly amount: number;
  /** What the customer reads in their passbook (摘要). */
  readonly description: string;
  /** The account to debit. Default: the bank's choice, the 普通 account. */
  readonly accountId?: string;
  /** Default `per_purchase`. */
  readonly kind?: DebitKind;
}

/** Milliseconds: the bank remembers a key for 24 hours, and its clock may be an hour off. */
const KEY_WINDOW = 23 * 60 * 60 * 1000;
const KINDS: readonly DebitKind[] = ["per_purchase", "standing", "charge"];

interface DebitBody {
  readonly partnerTransactionId: string;
  readonly accountId?: string;
  readonly amount: number;
  readonly currencyCode: "JPY";
  readonly description: string;
  readonly kind: DebitKind;
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
   * A debit that the bank declined is a result, not an error: look at `status` and `failure`.
   *
   * @throws {@link ArgumentError} before any call, for a wrong value, or `reference_reused` when the reference stands for
   * another debit. {@link DebitOutcomeUnknownError} when the money may have moved: call again with the same reference and
   * body. {@link ApiError}, {@link LinkError}, {@link TransportError} when it certainly has not.
   */
  async create(input: CreateDebit, options?: CallOptions): Promise<WithInteractionId<Debit>> {
    const body = checkDebit(input);
    const reference = body.partnerTransactionId;
    const { configuration, linkId } = this.#context;
    const bodyHash = createHash("sha256")
      .update(JSON.stringify([linkId, body]))
      .digest("base64url");
    return withCall(options, configuration.timeout, call =>
      withLock(this.#store, `debit:${reference}`, call, async () => {
        const known = await this.#journal.read(reference);
        if (known === undefined) return this.#first(body, bodyHash, call);
        if (known.entry.bodyHash !== bodyHash) {
          throw new ArgumentError(
            "reference",
            `The reference ${JSON.stringify(reference)} already stands for a debit with another link or body.`,
            "reference_reused",
          );
        }
        return this.#again(body, known, call);
      }),
    );
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

  async #first(body: DebitBody, bodyHash: string, call: Call): Promise<WithInteractionId<Debit>> {
    const { linkId, resources } = this.#context;
    // A link that can't be used is found out before the journal promises anything.
    await resources.usable(linkId, "debit", call);
    const entry: JournalEntry = {
      reference: body.partnerTransactionId,
      linkId,
      bodyHash,
      // 36 characters, of the 40 that a key may have.
      idempotencyKey: randomUUID(),
      sentAt: Date.now(),
      state: "sent",
    };
    return this.#send(body, await this.#journal.write(entry, 0), call);
  }

  /** The reference was here before: what became of it decides what may be done. */
  async #again(body: DebitBody, known: VersionedEntry, call: Call): Promise<WithInteractionId<Debit>> {
    const { entry } = known;
    const { reference } = entry;
    switch (entry.state) {
      case "known":
        if (entry.debit !== undefined && entry.debit.status !== "processing") return result(entry.debit, call);
        return this.#settle(known, (await this.#inquire(reference, call)) ?? entry.debit, call);
      case "prepared":
        return this.#send(
          body,
          await this.#journal.write({ ...entry, state: "sent", sentAt: Date.now() }, known.version),
          call,
        );
      case "sent":
      case "unknown": {
        const found = await this.#inquire(reference, call).catch(error => {
          throw new DebitOutcomeUnknownError(reference, { interactionId: call.interactionId, cause: error });
        });
        if (found !== undefined) return this.#settle(known, found, call);
        // The bank has certainly not got it. While it remembers the key, sending the same key again can't debit twice.
        if (Date.now() - entry.sentAt > KEY_WINDOW) {
          throw new DebitOutcomeUnknownError(reference, { interactionId: call.interactionId });
        }
        return this.#send(body, await this.#journal.write({ ...entry, state: "sent" }, known.version), call);
      }
    }
  }

  async #send(body: DebitBody, sent: VersionedEntry, call: Call): Promise<WithInteractionId<Debit>> {
    const { configuration, resources, linkId } = this.#context;
    const { idempotencyKey } = sent.entry;
    const { paths, headers } = configuration.contract;
    const url = resourceUrl(configuration.apiBaseUrl, paths.debits);
    let answered: Debit;
    try {
      const request = {
        method: "POST",
        url,
        scope: "debit",
        body,
        headers: { [headers.idempotencyKey]: idempotencyKey },
      } as const;
      answered = decodeBody(debit, await resources.call(linkId, request, call), "debit", call);
      checkIsThisDebit(answered, body, call);
    } catch (error) {
      if (certainlyNotMade(error)) {
        // The key has served nothing: the next attempt may use it.
        await this.#journal.write({ ...sent.entry, state: "prepared" }, sent.version);
        throw error;
      }
      return this.#resolve(sent, error, call);
    }
    if (!pointsToEarlier(answered)) return this.#settle(sent, answered, call);
    return this.#resolve(sent, undefined, call);
  }

  /** The answer is unclear: the bank is asked what became of the reference. Only a debit that it shows settles it. */
  async #resolve(sent: VersionedEntry, cause: unknown, call: Call): Promise<WithInteractionId<Debit>> {
    const { reference } = sent.entry;
    const unknown = await this.#journal.write({ ...sent.entry, state: "unknown" }, sent.version);
    const found = await this.#inquire(reference, call).catch(() => undefined);
    if (found !== undefined) return this.#settle(unknown, found, call);
    throw new DebitOutcomeUnknownError(reference, {
      interactionId: call.interactionId,
      cause: cause instanceof MinnaError ? cause : undefined,
    });
  }

  async #settle(known: VersionedEntry, answered: Debit | undefined, call: Call): Promise<WithInteractionId<Debit>> {
    if (answered === undefined) {
      throw new DebitOutcomeUnknownError(known.entry.reference, { interactionId: call.interactionId });
    }
    await this.#journal.write({ ...known.entry, state: "known", debit: answered }, known.version);
    return result(answered, call);
  }

  async #inquire(reference: string, call: Call): Promise<Debit | undefined> {
    const { configuration, resources, linkId } = this.#context;
    const url = resourceUrl(configuration.apiBaseUrl, configuration.contract.paths.debits);
    url.searchParams.set("partnerTransactionId", reference);
    const answer = await resources.call(linkId, { method: "GET", url, scope: "debit" }, call);
    const { directDebits } = decodeBody(debitList, answer, "debits", call);
    return directDebits.find(found => found.partnerTransactionId === reference && !pointsToEarlier(found));
  }
}

/** Whether the bank has certainly made no debit: it was not reached, or it refused for good (bank's signal table). */
function certainlyNotMade(error: unknown): boolean {
  if (error instanceof TransportError) return error.reached === "no";
  // 409: the key is still at work, or the reference was processed before. 5xx: anything may have happened.
  if (error instanceof ApiError) return error.status < 500 && error.status !== 409;
  // Everything else that is ours and not an unreadable answer stopped before the request left.
  return error instanceof MinnaError && !(error instanceof ValidationError);
}

function checkIsThisDebit(answered: Debit, body: DebitBody, call: Call): void {
  if (answered.partnerTransactionId === body.partnerTransactionId && answered.amount === body.amount) return;
  throw new ValidationError("body", "The bank's answer is about another debit than the one that was sent.", {
    interactionId: call.interactionId,
    sideEffect: "possible",
  });
}

function checkDebit(input: CreateDebit): DebitBody {
  const { reference, amount, description, accountId, kind = "per_purchase" } = input ?? {};
  checkReference(reference);
  if (!Number.isSafeInteger(amount) || amount <= 0) {
    throw new ArgumentError("amount", "amount must be a positive integer: yen have no fractions.");
  }
  if (typeof description !== "string" || description.trim() === "") {
    throw new ArgumentError("description", "description must say what the customer reads in their passbook.");
  }
  if (accountId !== undefined && (typeof accountId !== "string" || accountId === "")) {
    throw new ArgumentError("accountId", "accountId must be an id that accounts.list() returned.");
  }
  if (!KINDS.includes(kind)) throw new ArgumentError("kind", `kind must be one of ${KINDS.join(", ")}.`);
  return {
    partnerTransactionId: reference,
    ...(accountId === undefined ? {} : { accountId }),
    amount,
    currencyCode: "JPY",
    description,
    kind,
  };
}

function checkReference(reference: unknown): void {
  if (typeof reference === "string" && /^[\x21-\x7e]{1,64}$/.test(reference)) return;
  throw new ArgumentError(
    "reference",
    "reference must be the partner's own order id, 1 to 64 printable ASCII characters.",
  );
}

function result(found: Debit, call: Call): WithInteractionId<Debit> {
  return freeze({ ...found, interactionId: call.interactionId });
}
