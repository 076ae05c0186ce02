/**
 * The money: every account's statement, and what debits have moved.
 *
 * @module
 */
import type { Archive, Table } from "../keeping/archive.js";
import type { Customer, SandboxAccount } from "./customers.js";
import { jstDate, jstDateTime } from "./jst.js";
import { pastOf, type StatementRow } from "./statement.js";

/** One movement of money that a debit caused. */
export interface LedgerEntry {
  /** JST date-time. */
  readonly at: string;
  /** The account that the money left, or came back to. */
  readonly accountId: string;
  /** The debit that moved it. */
  readonly debitId: string;
  /** The partner's own reference of the debit. */
  readonly partnerTransactionId: string;
  /** Yen; negative when money left the customer's account, positive when it came back. */
  readonly amount: number;
  /** The account's balance after the movement, yen. */
  readonly balance: number;
}

/** What the money did, for a test to audit: the bank's truth, whatever its answers said. */
export interface SandboxLedger {
  /** Every movement by a debit, oldest first. */
  readonly entries: readonly LedgerEntry[];
  /** The movements of one debit: none while it is processing or after it failed. */
  entriesOf(debitId: string): readonly LedgerEntry[];
  /** The present balance of an account in yen. Throws for an account that does not exist. */
  balance(accountId: string): number;
}

/** An account with its owner and its whole statement, oldest row first. */
export interface Account extends SandboxAccount {
  readonly owner: Customer;
  readonly rows: StatementRow[];
  /** Yen that accepted but unsettled debits have set aside. */
  held: number;
}

/** A movement to be written. */
export interface Movement {
  readonly debitId: string;
  readonly partnerTransactionId: string;
  readonly amount: number;
  readonly remarks: string;
}

/** A row as it is kept, with its place in the statement when it was written. */
interface KeptRow {
  readonly accountId: string;
  readonly place: number;
  readonly row: StatementRow;
  readonly entry?: LedgerEntry;
}

export class Ledger implements SandboxLedger {
  readonly #entries: LedgerEntry[] = [];
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #now: () => number;
  readonly #table: Table<KeptRow>;
  #written = 0;

  constructor(customers: readonly Customer[], now: () => number, archive: Archive) {
    const today = openedOn(archive.table("opening"), jstDate(now()));
    const accounts = customers.flatMap(owner =>
      owner.accounts.map((account): Account => ({ ...account, owner, rows: pastOf(owner, account, today), held: 0 })),
    );
    this.#accounts = new Map(accounts.map(account => [account.accountId, account]));
    this.#now = now;
    this.#table = archive.table("rows");
    for (const [, { accountId, place, row, entry }] of this.#table.kept) {
      this.#accounts.get(accountId)?.rows.splice(place, 0, row);
      if (entry !== undefined) this.#entries.push(entry);
      this.#written += 1;
    }
  }

  get entries(): readonly LedgerEntry[] {
    return [...this.#entries];
  }

  entriesOf(debitId: string): readonly LedgerEntry[] {
    return this.#entries.filter(entry => entry.debitId === debitId);
  }

  balance(accountId: string): number {
    const account = this.account(accountId);
    if (account === undefined) throw new RangeError(`no account ${accountId} at this bank`);
    return balanceOf(account);
  }

  account(accountId: string): Account | undefined {
    return this.#accounts.get(accountId);
  }

  accountsOf(customer: Customer): Account[] {
    return [...this.#accounts.values()].filter(account => account.owner === customer);
  }

  /** Writes a movement into the account's statement and the journal, in one step. */
  move(account: Account, movement: Movement): void {
    const { debitId, partnerTransactionId, amount, remarks } = movement;
    const balance = balanceOf(account) + amount;
    const at = this.#now();
    const row: StatementRow = {
      itemKey: `${account.accountNumber}-${String(account.rows.length + 1).padStart(6, "0")}`,
      transactionDate: jstDate(at),
      valueDate: jstDate(at),
      transactionType: amount > 0 ? "1" : "2",
      amount: Math.abs(amount),
      balance,
      remarks,
    };
    const { accountId } = account;
    const entry = { at: jstDateTime(at), accountId, debitId, partnerTransactionId, amount, balance };
    this.#write(account, account.rows.length, row, entry);
    this.#entries.push(entry);
  }

  /** Writes a row of 0 yen before another one: no balance changes, but all that follows moves on by a place. */
  insertBefore(account: Account, next: StatementRow): void {
    const { transactionDate } = next;
    this.#write(account, account.rows.indexOf(next), {
      itemKey: `${account.accountNumber}-late-${account.rows.length + 1}`,
      transactionDate,
      valueDate: transactionDate,
      transactionType: next.transactionType,
      amount: 0,
      balance: balanceAhead(next),
      remarks: "ﾃｽｳﾘﾖｳ",
    });
  }

  #write(account: Account, place: number, row: StatementRow, entry?: LedgerEntry): void {
    account.rows.splice(place, 0, row);
    this.#written += 1;
    const { accountId } = account;
    this.#table.put(String(this.#written), { accountId, place, row, ...(entry === undefined ? {} : { entry }) });
  }
}

/** The past of every account is made up for one day, and stays what it was then. */
function openedOn(table: Table<{ readonly date: string }>, today: string): string {
  const [[, { date }] = ["", { date: today }]] = table.kept;
  table.put("", { date });
  return date;
}

/** The present balance (現在残高). */
export function balanceOf(account: Account): number {
  return account.rows.at(-1)?.balance ?? openingOf(account);
}

/** What can be paid out now (支払可能残高). */
export function withdrawableFrom(account: Account): number {
  return Math.max(0, balanceOf(account) - account.held);
}

/** The balance at the end of the day before. */
export function balanceBefore(account: Account, date: string): number {
  const last = account.rows.findLast(row => row.transactionDate < date);
  if (last !== undefined) return last.balance;
  const first = account.rows[0];
  return first === undefined ? openingOf(account) : balanceAhead(first);
}

/** The balance just before a row. */
function balanceAhead({ transactionType, amount, balance }: StatementRow): number {
  return transactionType === "1" ? balance - amount : balance + amount;
}

function openingOf({ owner, accountTypeCode }: Account): number {
  return accountTypeCode === "ordinary" ? owner.opening.ordinary : owner.opening.savings;
}
