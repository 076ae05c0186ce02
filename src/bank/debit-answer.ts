/**
 * What an answer to a debit says, and what it does not.
 *
 * @module
 */
import type { Codes } from "../config/operations.js";
import { ApiError, MinnaError, TransportError, ValidationError } from "../errors.js";
import type { Call } from "../transport/call.js";
import type { Debit } from "./debit.js";
import type { DebitBody } from "./debit-order.js";

/** Refusals after which no debit exists. Everything else, 408 and 409 among them, leaves it open. */
const REFUSED: readonly number[] = [400, 403, 404, 405, 413, 415, 422, 429];

/**
 * Whether an attempt has certainly made no debit: the bank was not reached, or it refused for good.
 *
 * @param resent - Whether the bank may have had the key before.
 */
export function certainlyNotMade(error: unknown, { debitFailure = {} }: Codes, resent: boolean): boolean {
  if (error instanceof TransportError) return error.reached === "no";
  if (error instanceof ApiError) {
    const { status, bankCode = "" } = error;
    const code = Object.hasOwn(debitFailure, bankCode) ? debitFailure[bankCode] : bankCode;
    // already_processed is no refusal, whatever its status: there is an earlier outcome to look up. Nor is a 422 to what is
    // sent again: it may say that the bank has had the key.
    return REFUSED.includes(status) && code !== "already_processed" && !(resent && status === 422);
  }
  // Everything else that is ours and not an unreadable answer stopped before the request left, or at a rejected token.
  return error instanceof MinnaError && !(error instanceof ValidationError);
}

/** An answer about another reference, or of another amount, is none. */
export function checkIsThisDebit(
  answered: Debit,
  body: Pick<DebitBody, "partnerTransactionId" | "amount">,
  call: Call,
): void {
  if (answered.partnerTransactionId === body.partnerTransactionId && answered.amount === body.amount) return;
  throw new ValidationError("body", "The bank's answer is about another debit than the one that was sent.", {
    interactionId: call.interactionId,
    sideEffect: "possible",
  });
}
