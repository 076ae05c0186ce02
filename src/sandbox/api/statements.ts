/**
 * 入出金明細 and 入金明細: the rows of an account, a page at a time.
 *
 * @module
 */
import { isDate, jstDate, jstTime } from "../bank/jst.js";
import type { StatementRow } from "../bank/statement.js";
import type { PagePlan } from "../faults/hooks.js";
import { type Answer, json, Problem } from "./answer.js";
import { accountOf, type Call, type Operation } from "./call.js";

export const listTransactions: Operation = {
  method: "GET",
  path: /^\/accounts\/(?<id>[^/]+)\/transactions$/,
  scopes: ["transactions"],
  run: call => page(call, "transactions", () => true, transaction),
};

export const listDeposits: Operation = {
  method: "GET",
  path: /^\/accounts\/(?<id>[^/]+)\/deposits$/,
  scopes: ["deposits"],
  run: call => page(call, "deposits", row => row.transactionType === "1", deposit),
};

type Column = Record<string, string>;

function page(
  call: Call,
  name: "transactions" | "deposits",
  belongs: (row: StatementRow) => boolean,
  form: (row: StatementRow) => Column,
): Answer {
  const account = accountOf(call, call.id);
  const now = call.bank.now();
  const { dateFrom, dateTo } = period(call.query, jstDate(now));
  const inPeriod = (row: StatementRow) => row.transactionDate >= dateFrom && row.transactionDate <= dateTo;
  // A row's place in the statement is what the page key holds, for rows without a key have one too.
  const rowsAsked = () =>
    account.rows.map((row, place) => ({ row, place })).filter(({ row }) => belongs(row) && inPeriod(row));
  let asked = rowsAsked();
  const after = placeOf(call.query.get("nextItemKey"));
  const start = after === undefined ? 0 : asked.findIndex(({ place }) => place > after);
  if (start === -1) throw new Problem(400, "invalid_next_item_key", "nextItemKey leads to no row");

  const plan: PagePlan = { first: after === undefined, inserted: false, overlap: 0, itemKeys: true };
  for (const fault of call.faults.take("page", call.access.clientId)) fault(plan);
  const [first] = asked;
  if (plan.inserted && first !== undefined) {
    call.bank.ledger.insertBefore(account, first.row);
    asked = rowsAsked();
  }
  const from = Math.max(0, start - plan.overlap);
  const sent = asked.slice(from, from + call.pageSize);
  const hasNext = from + call.pageSize < asked.length;
  const last = sent.at(-1);
  call.visit.note({ rows: sent.length, hasNext });
  return json(200, {
    dateFrom,
    dateTo,
    baseDate: jstDate(now),
    baseTime: jstTime(now),
    hasNext,
    ...(hasNext && last !== undefined ? { nextItemKey: keyOf(last.place) } : {}),
    count: sent.length,
    [name]: sent.map(({ row }) => {
      const { itemKey, ...rest } = form(row);
      return itemKey !== undefined && plan.itemKeys ? { itemKey, ...rest } : rest;
    }),
  });
}

/** The days asked for, both included: today when there are none, until today or from then when there is one. */
function period(query: URLSearchParams, today: string): { dateFrom: string; dateTo: string } {
  const dates = [query.get("dateFrom"), query.get("dateTo")];
  for (const date of dates) {
    if (date !== null && !isDate(date)) throw new Problem(400, "invalid_date", "a date is YYYY-MM-DD");
  }
  const [from, to] = dates;
  const dateFrom = from ?? to ?? today;
  const dateTo = to ?? (dateFrom > today ? dateFrom : today);
  if (dateFrom > dateTo) throw new Problem(400, "invalid_date_range", "dateFrom is after dateTo");
  return { dateFrom, dateTo };
}

function transaction(row: StatementRow): Column {
  return { ...columns(row), balance: String(row.balance), ...remarks(row) };
}

function deposit(row: StatementRow): Column {
  return { ...columns(row), ...remarks(row), ...row.payer };
}

function columns({ itemKey, transactionDate, valueDate, transactionType, amount }: StatementRow): Column {
  return {
    ...(itemKey === undefined ? {} : { itemKey }),
    transactionDate,
    valueDate,
    transactionType,
    amount: String(amount),
  };
}

function remarks(row: StatementRow): Column {
  return row.remarks === undefined ? {} : { remarks: row.remarks };
}

function keyOf(place: number): string {
  return Buffer.from(`row ${place}`).toString("base64url");
}

function placeOf(key: string | null): number | undefined {
  if (key === null) return undefined;
  const [, place] = /^row (\d+)$/.exec(Buffer.from(key, "base64url").toString()) ?? [];
  if (place === undefined) throw new Problem(400, "invalid_next_item_key", "nextItemKey is not one of ours");
  return Number(place);
}
