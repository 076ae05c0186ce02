/**
 * A debit (口座振替) as the bank reports it.
 *
 * @module
 */
import type { JstDateTime } from "../config/jst.js";
import { filled, flag, list, nullish, object, type Schema, text } from "../transport/schema.js";
import { yen } from "./yen.js";

/** What a debit is for. */
export type DebitKind = "per_purchase" | "standing" | "charge";

/** Why a debit failed. Unknown values pass through. */
export type DebitFailureCode =
  | "insufficient_funds"
  | "account_closed"
  | "stopped_by_customer"
  | "mandate_missing"
  | "not_permitted"
  | "outside_service_hours"
  | "throttled"
  | "limit_exceeded"
  | "invalid_amount"
  | "already_processed"
  | "other"
  | (string & {});

/** A debit. */
export interface Debit {
  /** The bank's id of the debit. */
  readonly debitId: string;
  /** 受付番号. */
  readonly acceptanceNo?: string | null | undefined;
  /** The partner's own order id: the `reference` it was created with. */
  readonly partnerTransactionId: string;
  /** `processing` becomes `succeeded` or `failed`; a `succeeded` may later become `returned`. */
  readonly status: "processing" | "succeeded" | "failed" | "returned" | (string & {});
  /** Yen. */
  readonly amount: number;
  /** When the bank took it. */
  readonly acceptedAt: JstDateTime;
  /** When it became what it is. */
  readonly completedAt?: JstDateTime | null | undefined;
  /** Why it failed. */
  readonly failure?:
    | {
        readonly code: DebitFailureCode;
        /** Whether the bank says that another debit may succeed. It needs another reference. */
        readonly retryable: boolean;
        readonly bankCode?: string | null | undefined;
      }
    | null
    | undefined;
}

/** The bank's form of a debit. */
export const debit: Schema<Debit> = object<Debit>({
  debitId: filled,
  acceptanceNo: nullish(text),
  partnerTransactionId: text,
  status: text,
  amount: yen,
  acceptedAt: text,
  completedAt: nullish(text),
  failure: nullish(object<NonNullable<Debit["failure"]>>({ code: text, retryable: flag, bankCode: nullish(text) })),
});

/** The answer to an inquiry by reference. */
export const debitList: Schema<{ readonly directDebits: readonly Debit[] }> = object({ directDebits: list(debit) });

/** Whether the bank only says that it had this debit before: then the earlier one is to be looked up. */
export function pointsToEarlier({ status, failure }: Debit): boolean {
  return status === "failed" && failure?.code === "already_processed";
}

/** Whether the status stays. A `succeeded` may still become `returned`, which only an inquiry tells. */
export function isFinal({ status }: Debit): boolean {
  return status === "succeeded" || status === "failed" || status === "returned";
}
