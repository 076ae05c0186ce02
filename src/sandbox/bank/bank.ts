/**
 * The bank behind the interfaces: its customers, their money, and what they have allowed.
 *
 * @module
 */
import type { Archive } from "../keeping/archive.js";
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

/** Opens the bank as the archive has it, or as it is on its first day. */
export function openBank({ now, grantDays }: { now: () => number; grantDays: number }, archive: Archive): Bank {
  const customers = sampleCustomers();
  const ledger = new Ledger(customers, now, archive);
  const debits = new Debits(ledger, now, archive.table("debits"));
  return {
    now,
    customers,
    ledger,
    debits,
    idempotencyKeys: new IdempotencyKeys(now, archive.table("idempotency keys"), debits),
    grants: new Grants(grantDays, now, archive.table("grants")),
  };
}
