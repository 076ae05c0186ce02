/**
 * The past of an account: rows made by a small seeded generator, so that they are the same in every run.
 *
 * @module
 */
import { generator } from "../random.js";
import type { Customer, SandboxAccount } from "./customers.js";
import { addDays } from "./jst.js";

/** One row of an account's statement. Amounts are yen. */
export interface StatementRow {
  /** The row's key at the bank; a few rows have none. */
  readonly itemKey?: string;
  readonly transactionDate: string;
  readonly valueDate: string;
  /** `1` 入金, `2` 出金. */
  readonly transactionType: "1" | "2";
  readonly amount: number;
  /** After this row. */
  readonly balance: number;
  readonly remarks?: string;
  /** Who paid, for a transfer that came in. */
  readonly payer?: Payer;
}

export interface Payer {
  readonly applicantName: string;
  readonly payerBankName: string;
  readonly payerBranchName: string;
  readonly ediInfo?: string;
}

type Movement = Pick<StatementRow, "transactionType" | "amount" | "remarks" | "payer"> & {
  readonly date: string;
  readonly keyless?: boolean;
};

const SHOPS = ["ｺﾝﾋﾞﾆ ﾐﾎﾝ", "ｽｰﾊﾟｰ ｶｸｳ", "ﾚｽﾄﾗﾝ ﾚｲｼﾞ", "ﾃﾞﾝｼﾏﾈｰ ﾁﾔｰｼﾞ", "ｹｲﾀｲﾃﾞﾝﾜ", "ｶ)ｻﾝﾌﾟﾙｼﾖﾃﾝ"] as const;
const EMPLOYER: Payer = {
  applicantName: "ｶ)ﾐﾎﾝｼﾖｳｼﾞ",
  payerBankName: "サンプル銀行",
  payerBranchName: "見本支店",
  ediInfo: "ｷﾕｳﾖ",
};
const FRIEND: Payer = { applicantName: "ｶｸｳ ﾊﾅｺ", payerBankName: "架空信用金庫", payerBranchName: "例示支店" };
const DAYS_OF_PAST = 200;

/** The rows of an account up to yesterday, and for a busy customer a little of today; oldest first. */
export function pastOf(customer: Customer, account: SandboxAccount, today: string): StatementRow[] {
  const ordinary = account.accountTypeCode === "ordinary";
  const present = ordinary ? customer.opening.ordinary : customer.opening.savings;
  if (!ordinary) return entered(account, savings(present, today), present);
  return entered(account, customer.opening.busy ? busy(account, today) : quiet(today), present);
}

/** Numbers the movements and carries the balance, which is known at the end. */
function entered(account: SandboxAccount, movements: readonly Movement[], present: number): StatementRow[] {
  const total = movements.reduce((sum, movement) => sum + signed(movement), 0);
  let balance = present - total;
  return movements.map((movement, index) => {
    balance += signed(movement);
    return {
      ...(movement.keyless ? {} : { itemKey: `${account.accountNumber}-${String(index + 1).padStart(6, "0")}` }),
      transactionDate: movement.date,
      valueDate: movement.date,
      transactionType: movement.transactionType,
      amount: movement.amount,
      balance,
      ...(movement.remarks === undefined ? {} : { remarks: movement.remarks }),
      ...(movement.payer === undefined ? {} : { payer: movement.payer }),
    };
  });
}

function signed({ transactionType, amount }: Movement): number {
  return transactionType === "1" ? amount : -amount;
}

function busy(account: SandboxAccount, today: string): Movement[] {
  const random = generator(Number(account.accountNumber));
  const movements: Movement[] = [];
  for (let age = DAYS_OF_PAST; age >= 1; age--) {
    const date = addDays(today, -age);
    for (let times = 0; times < 3; times++) {
      const remarks = SHOPS[Math.floor(random() * SHOPS.length)] ?? SHOPS[0];
      movements.push({ date, transactionType: "2", amount: 100 + Math.floor(random() * 2900), remarks });
    }
    if (date.endsWith("-25")) movements.push(transfer(date, 250_000, EMPLOYER));
    if (age % 20 === 0) movements.push(transfer(date, 3000, FRIEND));
  }
  const yesterday = addDays(today, -1);
  const coffee: Movement = { date: yesterday, transactionType: "2", amount: 450, remarks: "ｺ-ﾋ-", keyless: true };
  const back: Movement = { date: yesterday, transactionType: "1", amount: 450, remarks: "ﾄﾘｹｼ", keyless: true };
  const share: Movement = { ...transfer(yesterday, 1500, FRIEND), keyless: true };
  // The first and the third coffee are equal to the last yen, and so are the two shares of a bill: all are real.
  movements.push(coffee, back, coffee, share, share, transfer(today, 5000, FRIEND));
  return movements;
}

function quiet(today: string): Movement[] {
  return [90, 60, 30].flatMap((age): Movement[] => [
    transfer(addDays(today, -age), 30_000, EMPLOYER),
    { date: addDays(today, 3 - age), transactionType: "2", amount: 29_670, remarks: "ﾔﾁﾝ" },
    { date: addDays(today, 5 - age), transactionType: "2", amount: 330 },
  ]);
}

function savings(present: number, today: string): Movement[] {
  if (present === 0) return [];
  return [{ date: addDays(today, -45), transactionType: "1", amount: 10_000, remarks: "ﾌﾘｶｴ" }];
}

function transfer(date: string, amount: number, payer: Payer): Movement {
  return { date, transactionType: "1", amount, remarks: payer.applicantName, payer };
}
