/**
 * The bank behind the interfaces: its customers, their money, and what they have allowed.
 *
 * @module
 */
import { type Customer, sampleCustomers } from "./customers.js";
import { type Debit, Debits } from "./debits.js";
import { Grants } from "./grants.js";
import { IdempotencyKeys } from "./idempotency.js";
import { Ledger } from "./ledger.js";

export interface Bank {
  /** The bank's clock, epoch milliseconds. */
  readonly now: () => number;
  readonly customers: readonly Customer[];
  readonly ledger: Ledger;
  readonly debits: Debits;
  readonly idempotencyKeys: IdempotencyKeys<Debit>;
  readonly grants: Grants;
}

export function openBank({ now, grantDays }: { now: () => number; grantDays: number }): Bank {
  const customers = sampleCustomers();
  const ledger = new Ledger(customers, now);
  return {
    now,
    customers,
    ledger,
    debits: new Debits(ledger, now),
    idempotencyKeys: new IdempotencyKeys(now),
    grants: new Grants(grantDays, now),
  };
}
