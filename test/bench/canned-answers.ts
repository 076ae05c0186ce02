/** What the bank's API answers, in the shapes of `etc/openapi.json`. */
import type { BenchAnswer, BenchRequest } from "./http-socket.js";

/** Rows on a page. */
export const PAGE = 500;

/** As the sandbox does: amounts are decimal strings. */
const BALANCE: BenchAnswer = {
  status: 200,
  body: JSON.stringify({
    balance: "1204500",
    withdrawableAmount: "1204500",
    previousDayBalance: "1206480",
    currencyCode: "JPY",
    baseDate: "2026-04-01",
    baseTime: "09:30:00+09:00",
  }),
};
const NOTHING_HERE: BenchAnswer = { status: 404, body: JSON.stringify({ code: "not_found" }) };
const SHOPS = ["ﾃﾞﾝｷﾘﾖｳ", "ｺﾝﾋﾞﾆ ｻﾝﾌﾟﾙﾃﾝ", "ﾌﾘｺﾐ ﾐﾎﾝ ﾀﾛｳ", "ﾎﾝ", "ｺ-ﾋ-"];
/** In the place of the page's number, which has six digits. */
const NUMBER = "PPPPPP";

const { middle, last } = { middle: template(true), last: template(false) };

/** Answers a request. The transactions are as many as the account's id says: `rows-1000000`. */
export function answerTo({ method, path, body }: BenchRequest): BenchAnswer {
  if (method === "POST" && path === "/v1/direct-debits") return debit(body);
  if (path.endsWith("/balance")) return BALANCE;
  const [, count] = /^\/v1\/accounts\/rows-(\d+)\/transactions/.exec(path) ?? [];
  if (count === undefined) return NOTHING_HERE;
  const page = Number(/[?&]nextItemKey=(\d+)/.exec(path)?.[1] ?? 0);
  return { status: 200, body: pageOf(page, (page + 1) * PAGE < Number(count)) };
}

/** In a buffer of its own: the one before may still be on its way. */
function pageOf(page: number, hasNext: boolean): Buffer {
  const { bytes, numbers, next } = hasNext ? middle : last;
  const copy = Buffer.from(bytes);
  const number = String(page).padStart(NUMBER.length, "0");
  for (const at of numbers) copy.write(number, at, "latin1");
  if (next !== undefined) copy.write(String(page + 1).padStart(NUMBER.length, "0"), next, "latin1");
  return copy;
}

interface Template {
  readonly bytes: Buffer;
  /** Where the page's number stands. */
  readonly numbers: readonly number[];
  /** Where the next one's does. */
  readonly next: number | undefined;
}

function template(hasNext: boolean): Template {
  const transactions = Array.from({ length: PAGE }, (_, index) => {
    const day = `2026-03-${String(1 + Math.floor(index / 20)).padStart(2, "0")}`;
    return {
      itemKey: `1000001-${NUMBER}${String(index).padStart(3, "0")}`,
      transactionDate: day,
      valueDate: day,
      transactionType: index % 7 === 0 ? "1" : "2",
      amount: String(100 + ((index * 7919) % 29_000)),
      balance: String(1_000_000 + ((index * 104_729) % 500_000)),
      remarks: SHOPS[index % SHOPS.length],
    };
  });
  const page = {
    dateFrom: "2026-03-01",
    dateTo: "2026-03-31",
    baseDate: "2026-04-01",
    baseTime: "09:30:00+09:00",
    hasNext,
    ...(hasNext ? { nextItemKey: NUMBER } : {}),
    count: PAGE,
    transactions,
  };
  const bytes = Buffer.from(JSON.stringify(page));
  const places: number[] = [];
  for (let at = bytes.indexOf(NUMBER); at !== -1; at = bytes.indexOf(NUMBER, at + 1)) places.push(at);
  return hasNext ? { bytes, next: places[0], numbers: places.slice(1) } : { bytes, next: undefined, numbers: places };
}

function debit(body: string): BenchAnswer {
  const { partnerTransactionId, amount } = JSON.parse(body) as { partnerTransactionId: string; amount: number };
  const debitId = `dd-${partnerTransactionId}`;
  const times = { acceptedAt: "2026-04-01T09:30:00+09:00", completedAt: "2026-04-01T09:30:01+09:00" };
  const made = { debitId, acceptanceNo: "0000000001", partnerTransactionId, status: "succeeded", amount, ...times };
  return { status: 201, body: JSON.stringify(made) };
}
