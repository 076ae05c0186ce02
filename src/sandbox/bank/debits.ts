/**
 * 口座振替: the bank's side of a direct debit, from the request to the settled money.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Table } from "../keeping/archive.js";
import type { Customer } from "./customers.js";
import type { Results } from "./idempotency.js";
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

/** A debit as it is kept: the account names its owner. */
export interface KeptDebit extends Omit<Debit, "customer" | "account"> {
  readonly accountId: string;
}

export class Debits implements Results<Debit> {
  readonly #debits: Map<string, Debit>;
  readonly #ledger: Ledger;
  readonly #now: () => number;
  readonly #table: Table<KeptDebit>;

  constructor(ledger: Ledger, now: () => number, table: Table<KeptDebit>) {
    this.#ledger = ledger;
    this.#now = now;
    this.#table = table;
    this.#debits = new Map(table.kept.map(([id, debit]) => [id, takenUp(debit, ledger)]));
    for (const { status, account, amount } of this.#debits.values()) {
      if (status === "processing") account.held += amount;
    }
  }

  /** Takes an order on; the money moves now, or when the debit is settled. `outcome` forces a result. */
  accept(order: DebitOrder, outcome?: FailureCode | "processing"): Debit {
    const at = this.#now();
    const debit: Debit = {
      ...order,
      debitId: randomUUID(),
      acceptanceNo: `${jstDate(at).replaceAll("-", "")}${String(this.#debits.size + 1).padStart(6, "0")}`,
      acceptedAt: jstDateTime(at),
      status: "processing",
    };
    this.#debits.set(debit.debitId, debit);
    this.#keep(debit);
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
    this.#keep(debit);
  }

  idOf({ debitId }: Debit): string {
    return debitId;
  }

  withId(debitId: string): Debit | undefined {
    return this.#debits.get(debitId);
  }

  find(clientId: string, customer: Customer, debitId: string): Debit | undefined {
    const debit = this.#debits.get(debitId);
    return debit?.clientId === clientId && debit.customer === customer ? debit : undefined;
  }

  /** The partner's transaction ids are the partner's own: unique over all its customers. */
  findByPartnerTransaction(clientId: string, partnerTransactionId: string): Debit | undefined {
    for (const debit of this.#debits.values()) {
      if (debit.clientId === clientId && debit.partnerTransactionId === partnerTransactionId) return debit;
    }
    return undefined;
  }

  #complete(debit: Debit, status: DebitStatus): void {
    debit.status = status;
    debit.completedAt = jstDateTime(this.#now());
    this.#keep(debit);
  }

  #keep(debit: Debit): void {
    const { customer: _, account, ...plain } = debit;
    this.#table.put(debit.debitId, { ...plain, accountId: account.accountId });
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

function takenUp({ accountId, ...debit }: KeptDebit, ledger: Ledger): Debit {
  const account = ledger.account(accountId);
  if (account === undefined) throw new Error("a debit that was kept is of no account of this bank");
  return { ...debit, account, customer: account.owner };
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
