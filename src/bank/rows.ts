/**
 * 入出金明細 and 入金明細: rows that come in pages.
 *
 * @module
 */
import type { JstDate } from "../config/jst.js";
import { ArgumentError, ValidationError } from "../errors.js";
import { decodeBody } from "../links/decode.js";
import { checkPart, endpointAt } from "../links/resource.js";
import type { Call, CallOptions } from "../transport/call.js";
import type { Answer } from "../transport/door.js";
import { flag, list, nullish, object, type Schema, text } from "../transport/schema.js";
import { checkRange, digestOf, type Position, writeCursor } from "./cursor.js";
import type { LinkCalls, LinkContext } from "./link-context.js";
import { type Keyed, Repeats } from "./repeats.js";
import { RowIterator } from "./row-iterator.js";
import { yen } from "./yen.js";

/** The days to ask for, both included. Without them: today in Japan. */
export interface RowsRange {
  /** The first day. */
  readonly from?: JstDate;
  /** The last day. */
  readonly to?: JstDate;
  /** Goes on behind the page that had it, with the days of that request: then `from` and `to` are left out. */
  readonly cursor?: string;
}

/** A line of the passbook (入出金明細). */
export interface Transaction {
  /** What a row is known by across pages. */
  readonly itemKey?: string | null | undefined;
  /** 取引日. */
  readonly transactionDate: JstDate;
  /** 起算日. */
  readonly valueDate?: JstDate | null | undefined;
  /** `1` 入金, `2` 出金. */
  readonly transactionType: "1" | "2" | (string & {});
  /** Yen. */
  readonly amount: number;
  /** 取引後残高, yen. */
  readonly balance: number;
  /** 摘要, as the bank sends it. Personal data. */
  readonly remarks?: string | null | undefined;
}

/** A deposit (入金明細). */
export interface Deposit extends Omit<Transaction, "balance"> {
  /** 依頼人名. Personal data. */
  readonly applicantName?: string | null | undefined;
  /** 仕向銀行名. */
  readonly payerBankName?: string | null | undefined;
  /** 仕向支店名. */
  readonly payerBranchName?: string | null | undefined;
  /** EDI情報. */
  readonly ediInfo?: string | null | undefined;
}

/** One page of rows, without those that stood on the page before it, too. */
export interface Page<Row> {
  /** The first day that the bank searched. */
  readonly dateFrom: JstDate;
  /** The last day that the bank searched. */
  readonly dateTo: JstDate;
  /** The day in Japan that the page is of. */
  readonly baseDate: JstDate;
  /** The time on that day. */
  readonly baseTime: string;
  /** The rows, oldest first. */
  readonly rows: readonly Row[];
  /** Where the next page begins; absent on the last one. Keep it with the rows to go on after an interruption. */
  readonly cursor?: string;
  /** The `x-fapi-interaction-id` of the call that brought the page. */
  readonly interactionId: string;
}

/** Rows, fetched as they are iterated over. Each iteration starts from the first page. */
export interface Rows<Row> extends AsyncIterable<Row> {
  /** The same, page by page. */
  pages(): AsyncIterable<Page<Row>>;
  /**
   * The rows as a list: at most `limit`, fetched page by page until there are so many.
   *
   * @throws {@link ArgumentError} when `limit` is no positive integer.
   */
  toArray(options: { readonly limit: number }): Promise<readonly Row[]>;
}

interface Envelope extends Omit<Page<unknown>, "rows" | "interactionId" | "cursor"> {
  readonly hasNext: boolean;
  readonly nextItemKey?: string | null | undefined;
}

const envelope = {
  dateFrom: text,
  dateTo: text,
  baseDate: text,
  baseTime: text,
  hasNext: flag,
  nextItemKey: nullish(text),
};
const row = {
  itemKey: nullish(text),
  transactionDate: text,
  valueDate: nullish(text),
  transactionType: text,
  amount: yen,
  remarks: nullish(text),
};
const transaction = object<Transaction>({ ...row, balance: yen });
const deposit = object<Deposit>({
  ...row,
  applicantName: nullish(text),
  payerBankName: nullish(text),
  payerBranchName: nullish(text),
  ediInfo: nullish(text),
});

interface Kind<Row> {
  readonly name: "transactions" | "deposits";
  readonly decode: (answer: Answer, call: Call) => Envelope & { readonly rows: readonly Row[] };
}

const TRANSACTIONS: Kind<Transaction> = kindOf(
  "transactions",
  object<Envelope & { readonly transactions: readonly Transaction[] }>({
    ...envelope,
    transactions: list(transaction),
  }),
);
const DEPOSITS: Kind<Deposit> = kindOf(
  "deposits",
  object<Envelope & { readonly deposits: readonly Deposit[] }>({ ...envelope, deposits: list(deposit) }),
);

/** The transactions of an account. */
export function transactionRows(
  accountId: string,
  range: RowsRange,
  calls: LinkCalls,
  options?: CallOptions,
): Rows<Transaction> {
  return rowsOf(TRANSACTIONS, accountId, range, calls, options);
}

/** The deposits to an account. */
export function depositRows(
  accountId: string,
  range: RowsRange,
  calls: LinkCalls,
  options?: CallOptions,
): Rows<Deposit> {
  return rowsOf(DEPOSITS, accountId, range, calls, options);
}

function kindOf<Row, Name extends Kind<Row>["name"]>(
  name: Name,
  schema: Schema<Envelope & Readonly<Record<Name, readonly Row[]>>>,
): Kind<Row> {
  return {
    name,
    decode: (answer, call) => {
      const page = decodeBody(schema, answer, name, call);
      return { ...page, rows: page[name] };
    },
  };
}

function rowsOf<Row extends Keyed>(
  kind: Kind<Row>,
  accountId: string,
  range: RowsRange,
  calls: LinkCalls,
  options: CallOptions | undefined,
): Rows<Row> {
  checkPart("accountId", accountId);
  const start = checkRange(range, digestOf(`${kind.name} ${accountId}`));
  const pages = () => pagesOf(kind, accountId, start, calls, options);
  return Object.freeze({
    pages,
    [Symbol.asyncIterator]: () => new RowIterator(pages()),
    toArray: async (most: { readonly limit: number }) => firstOf(pages(), most?.limit),
  });
}

async function firstOf<Row>(pages: AsyncIterable<Page<Row>>, limit: number): Promise<readonly Row[]> {
  if (!Number.isSafeInteger(limit) || limit <= 0) throw new ArgumentError("limit", "limit must be a positive integer.");
  const list: Row[] = [];
  for await (const { rows } of pages) {
    for (const row of rows) if (list.push(row) === limit) return Object.freeze(list);
  }
  return Object.freeze(list);
}

/** Asks for page after page. `timeout` is for each page: an iteration may last as long as its caller likes. */
async function* pagesOf<Row extends Keyed>(
  kind: Kind<Row>,
  accountId: string,
  start: Position,
  calls: LinkCalls,
  options: CallOptions | undefined,
): AsyncGenerator<Page<Row>, void, undefined> {
  const { of, from, to } = start;
  const asked = new Set<string>();
  const repeats = new Repeats(start.seen);
  const at = (next: string, digests: () => readonly string[]) => () => ({ of, from, to, next, seen: digests() });
  let next: string | undefined = start.next;
  do {
    const fetched = async (call: Call, context: LinkContext) => {
      const { configuration, resources, linkId } = context;
      const { paths, queries } = configuration.contract;
      const endpoint = endpointAt(configuration.apiBaseUrl, paths[kind.name], { accountId });
      const { searchParams } = endpoint.url;
      if (from !== undefined) searchParams.set(queries.dateFrom, from);
      if (to !== undefined) searchParams.set(queries.dateTo, to);
      if (next !== undefined) searchParams.set(queries.nextItemKey, next);
      const request = { method: "GET", ...endpoint, scope: kind.name, operation: kind.name } as const;
      const found = kind.decode(await resources.call(linkId, request, call), call);
      // A page that leads nowhere, or back, would silently end the list or never end it.
      if (found.hasNext && (!found.nextItemKey || found.nextItemKey === next || asked.has(found.nextItemKey))) {
        const message = "The bank announced a next page and gave no new nextItemKey for it.";
        throw new ValidationError("nextItemKey", message, { interactionId: call.interactionId });
      }
      return { found, interactionId: call.interactionId };
    };
    const { found, interactionId } = await calls.run(`accounts.${kind.name}`, options, fetched);
    const { dateFrom, dateTo, baseDate, baseTime, hasNext, nextItemKey } = found;
    const rows = repeats.leftOut(found.rows);
    const page: Page<Row> = { dateFrom, dateTo, baseDate, baseTime, rows, interactionId };
    next = hasNext && nextItemKey ? nextItemKey : undefined;
    if (next !== undefined) asked.add(next);
    yield Object.freeze(next === undefined ? page : leadingOn(page, at(next, repeats.digests)));
  } while (next !== undefined);
}

/** Where a page leads on to: beside what is seen of it. */
const POSITION: unique symbol = Symbol("position");

/** One getter for all pages: with one of its own, each would be laid out in memory like no other. */
const CURSOR: PropertyDescriptor = {
  get(this: { readonly [POSITION]?: () => Position }): string | undefined {
    const position = this[POSITION];
    return position && writeCursor(position());
  },
  enumerable: true,
};

/** Gives a page its cursor. It takes a digest of each row, so it is written when it is asked for. */
function leadingOn<Row>(page: Page<Row>, position: () => Position): Page<Row> {
  // Not in a WeakMap: pages come and go faster than one is cleaned.
  return Object.defineProperties(page, { [POSITION]: { value: position }, cursor: CURSOR });
}
