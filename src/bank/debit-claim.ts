/**
 * The claim on a new reference: of all that write it into the journal, in any process, one does, and sends the debit.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { StoreError } from "../errors.js";
import { CLAIMING } from "../links/lock.js";
import { type LinkRecord, payerOf } from "../links/record.js";
import type { Call } from "../transport/call.js";
import type { Journal, VersionedEntry } from "./journal.js";
import type { LinkContext } from "./link-context.js";
import type { Attempt } from "./settlement.js";

/** A new reference's entry. */
export interface Claim extends VersionedEntry {
  /** Whether it may be sent at once; otherwise others may be about to take over, and the lock must be taken first. */
  readonly fresh: boolean;
}

/**
 * Claims a reference, by the entry that says that it is sent; `undefined` where the journal has it already.
 *
 * @throws {@link LinkError} and others, for a new reference, when the link can't be used: the journal promises nothing then.
 */
export async function claim(
  attempt: Attempt,
  { linkId, resources }: LinkContext,
  journal: Journal,
  call: Call,
): Promise<Claim | undefined> {
  const reference = attempt.body.partnerTransactionId;
  const isKnown = async () => {
    // Where the journal has not got it, nothing is in doubt.
    attempt.inDoubt = (await journal.read(reference)) !== undefined;
    return attempt.inDoubt;
  };
  let record: LinkRecord | undefined = await resources.asItStands(linkId, "debit", call);
  if (record === undefined) {
    // What the journal knows is told without the link, which may be released or need its customer.
    if (await isKnown()) return undefined;
    try {
      ({ record } = await resources.usable(linkId, "debit", call));
    } catch (error) {
      // A refresh takes its time, and no lock is held: somebody else may have made the debit meanwhile.
      attempt.inDoubt = true;
      if (await isKnown()) return undefined;
      throw error;
    }
  }
  const now = Date.now();
  const entry = {
    reference,
    linkId,
    sentFor: payerOf(record),
    customerId: record.customerId,
    bodyHash: attempt.bodyHash,
    body: attempt.body,
    // 36 characters, of the 40 that a key may have.
    idempotencyKey: randomUUID(),
    sentAt: now,
    lastSentAt: now,
    state: "sent",
  } as const;
  attempt.inDoubt = true;
  const elapsed = stopwatch();
  try {
    // It may be written though the store does not say so: then recover() brings it on.
    const written = await journal.insert(entry);
    return written && { ...written, fresh: elapsed() < CLAIMING };
  } catch (error) {
    const keptNothing = error instanceof StoreError && error.code === "store_not_durable";
    if (keptNothing && (await isKnown())) return undefined;
    throw error;
  }
}

/** Milliseconds since now. One clock stands still while the machine sleeps, and the other may be set: the longer time counts. */
function stopwatch(): () => number {
  const [ticks, time] = [performance.now(), Date.now()];
  return () => Math.max(performance.now() - ticks, Date.now() - time);
}
