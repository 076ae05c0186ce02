/**
 * 口座振替: the bank's side of a direct debit, from the request to the settled money.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Customer } from "./customers.js";
import { jstDate, jstDateTime } from "./jst.js";
import { type Account, type Ledger, withdrawableFrom } from "./ledger.js";

/** Why a debit failed. `already_processed` is not among them: that request is refused before there is a debit. */
export const FAILURES = [
  "insufficient_funds",
  "account_closed",
  "stopped_by_customer",
  "mandate_missing",
  "not_permitted",
  "outside_service_hours",
  "throttled",
  "limit_exceeded",
  "invalid_amount",
  "other",
] as const;

export type FailureCode = (typeof FAILURES)[number];

const RETRYABLE: ReadonlySet<FailureCode> = new Set(["insufficient_funds", "outside_service_hours", "throttled"]);

/** The most that one debit can take, yen. */
export const DEBIT_LIMIT = 1_000_000;

/** What a partner asks for, once it has been read and found well-formed. */
export interface DebitOrder {
  readonly clientId: string;
  readonly customer: Customer;
  readonly account: Account;
  readonly partnerTransactionId: string;
  readonly amount: number;
  readonly description: string;
}

/** The body of the debit endpoints. */
export interface DebitBody {
  readonly debitId: string;
  readonly acceptanceNo: string;
  readonly partnerTransactionId: string;
  readonly status: DebitStatus;
  readonly amount: number;
  readonly acceptedAt: string;
  readonly completedAt?: string;
  readonly failure?: { readonly code: FailureCode; readonly retryable: boolean; readonly bankCode: string };
}

type DebitStatus = "processing" | "succeeded" | "failed" | "returned";

export interface Debit extends DebitOrder {
  readonly debitId: string;
  readonly acceptanceNo: string;
  readonly acceptedAt: string;
  status: DebitStatus;
  completedAt?: string;
  failure?: FailureCode;
}

export class Debits {
  readonly #debits: Debit[] = [];
  readonly #ledger: Ledger;
  readonly #now: () => number;

  constructor(ledger: Ledger, now: () => number) {
    this.#ledger = ledger;
    this.#now = now;
  }

  /** Takes an order on; the money moves now, or when the debit is settled. `outcome` forces a result. */
  accept(order: DebitOrder, outcome?: FailureCode | "processing"): Debit {
    const at = this.#now();
    const debit: Debit = {
      ...order,
      debitId: randomUUID(),
      acceptanceNo: `${jstDate(at).replaceAll("-", "")}${String(this.#debits.length + 1).padStart(6, "0")}`,
      acceptedAt: jstDateTime(at),
      status: "processing",
    };
    this.#debits.push(debit);
    const failure = outcome === undefined || outcome === "processing" ? obstacle(order) : outcome;
    if (failure !== undefined) {
      debit.failure = failure;
      this.#complete(debit, "failed");
    } else {
      order.account.held += order.amount;
      if (outcome !== "processing" && order.customer.settles === "at-once") this.settle(debit);
    }
    return debit;
  }

  /** Ends a debit that is processing: the money moves, once. Does nothing to one that has ended. */
  settle(debit: Debit): void {
    if (debit.status !== "processing") return;
    debit.account.held -= debit.amount;
    this.#ledger.move(debit.account, movement(debit, -debit.amount));
    this.#complete(debit, "succeeded");
  }

  /** Gives the money of a succeeded debit back to the customer. Does nothing to any other debit. */
  giveBack(debit: Debit): void {
    if (debit.status !== "succeeded") return;
    this.#ledger.move(debit.account, movement(debit, debit.amount));
    debit.status = "returned";
  }

  find(clientId: string, customer: Customer, debitId: string): Debit | undefined {
    return this.#debits.find(
      debit => debit.debitId === debitId && debit.clientId === clientId && debit.customer === customer,
    );
  }

  /** The partner's transaction ids are the partner's own: unique over all its customers. */
  findByPartnerTransaction(clientId: string, partnerTransactionId: string): Debit | undefined {
    return this.#debits.find(
      debit => debit.clientId === clientId && debit.partnerTransactionId === partnerTransactionId,
    );
  }

  #complete(debit: Debit, status: DebitStatus): void {
    debit.status = status;
    debit.completedAt = jstDateTime(this.#now());
  }
}

/** What a partner is shown of a debit. */
export function bodyOf(debit: Debit): DebitBody {
  const { debitId, acceptanceNo, partnerTransactionId, status, amount, acceptedAt, completedAt, failure } = debit;
  return {
    debitId,
    acceptanceNo,
    partnerTransactionId,
    status,
    amount,
    acceptedAt,
    ...(completedAt === undefined ? {} : { completedAt }),
    ...(failure === undefined ? {} : { failure: explain(failure) }),
  };
}

function obstacle({ account, amount }: DebitOrder): FailureCode | undefined {
  if (account.accountTypeCode === "savings") return "not_permitted"; // 貯蓄預金 pays no 口座振替
  if (amount > DEBIT_LIMIT) return "limit_exceeded";
  return amount > withdrawableFrom(account) ? "insufficient_funds" : undefined;
}

function explain(code: FailureCode): NonNullable<DebitBody["failure"]> {
  return { code, retryable: RETRYABLE.has(code), bankCode: `E${1001 + FAILURES.indexOf(code)}` };
}

function movement({ debitId, partnerTransactionId, description }: Debit, amount: number) {
  return { debitId, partnerTransactionId, amount, remarks: description };
}
