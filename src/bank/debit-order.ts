/**
 * What a partner orders when it debits an account: checked before anything is written or sent.
 *
 * @module
 */
import { ArgumentError } from "../errors.js";
import type { DebitKind } from "./debit.js";

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

/** The order as the bank gets it. */
export interface DebitBody {
  readonly partnerTransactionId: string;
  readonly accountId?: string;
  readonly amount: number;
  readonly currencyCode: "JPY";
  readonly description: string;
  readonly kind: DebitKind;
}

const KINDS: readonly DebitKind[] = ["per_purchase", "standing", "charge"];

/**
 * Checks an order and makes the bank's form of it.
 *
 * @throws {@link ArgumentError} that names the wrong argument.
 */
export function checkDebit(input: CreateDebit): DebitBody {
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

/** Checks a reference. */
export function checkReference(reference: unknown): void {
  if (typeof reference === "string" && /^[\x21-\x7e]{1,64}$/.test(reference)) return;
  throw new ArgumentError(
    "reference",
    "reference must be the partner's own order id, 1 to 64 printable ASCII characters.",
  );
}
