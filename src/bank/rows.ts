/**
 * 入出金明細 and 入金明細: rows that come in pages.
 *
 * @module
 */
import { z } from "zod";
import type { JstDate } from "../config/jst.js";
import { ArgumentError, ValidationError } from "../errors.js";
import { decodeBody, freeze } from "../links/decode.js";
import { checkPart, resourceUrl } from "../links/resource.js";
import type { CallOptions } from "../transport/call.js";
import { checkRange, digestOf, type Position, writeCursor } from "./cursor.js";
import type { LinkCalls } from "./link-context.js";
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

const depositRow = z.object({
  itemKey: z.string().nullish(),
  transactionDate: z.string(),
  valueDate: z.string().nullish(),
  transactionType: z.string(),
  amount: yen,
  remarks: z.string().nullish(),
  applicantName: z.string().nullish(),
  payerBankName: z.string().nullish(),
  payerBranchName: z.string().nullish(),
  ediInfo: z.string().nullish(),
});
const transactionRow = depositRow
  .omit({ applicantName: true, payerBankName: true, payerBranchName: true, ediInfo: true })
  .extend({ balance: yen });
const envelope = z.object({
  dateFrom: z.string(),
  dateTo: z.string(),
  baseDate: z.string(),
  baseTime: z.string(),
  hasNext: z.boolean(),
  nextItemKey: z.string().nullish(),
});

interface Envelope<Row> extends Omit<Page<Row>, "interactionId" | "cursor"> {
  readonly hasNext: boolean;
  readonly nextItemKey?: string | null | undefined;
}

interface Kind<Row> {
  readonly name: "transactions" | "deposits";
  readonly schema: z.ZodType<Envelope<Row>>;
}

const TRANSACTIONS: Kind<Transaction> = {
  name: "transactions",
  schema: envelope
    .extend({ transactions: z.array(transactionRow) })
    .transform(({ transactions: rows, ...rest }) => ({ ...rest, rows })),
};
const DEPOSITS: Kind<Deposit> = {
  name: "deposits",
  schema: envelope
    .extend({ deposits: z.array(depositRow) })
    .transform(({ deposits: rows, ...rest }) => ({ ...rest, rows })),
};

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

type Keyed = { readonly itemKey?: string | null | undefined };

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
    [Symbol.asyncIterator]: () => rowsIn(pages()),
    toArray: async (most: { readonly limit: number }) => firstOf(rowsIn(pages()), most?.limit),
  });
}

async function* rowsIn<Row>(pages: AsyncIterable<Page<Row>>): AsyncGenerator<Row, void, undefined> {
  for await (const page of pages) yield* page.rows;
}

async function firstOf<Row>(rows: AsyncIterable<Row>, limit: number): Promise<readonly Row[]> {
  if (!Number.isSafeInteger(limit) || limit <= 0) throw new ArgumentError("limit", "limit must be a positive integer.");
  const list: Row[] = [];
  for await (const row of rows) if (list.push(row) === limit) break;
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
  const asked = new Set<string>();
  for (let position: Position | undefined = start; position !== undefined; ) {
    const { of, from, to, next, seen }: Position = position;
    const { rows, hasNext, nextItemKey, interactionId, ...rest } = await calls.run(
      `accounts.${kind.name}`,
      options,
      async (call, context) => {
        const { configuration, resources, linkId } = context;
        const { paths, queries } = configuration.contract;
        const url = resourceUrl(configuration.apiBaseUrl, paths[kind.name], { accountId });
        if (from !== undefined) url.searchParams.set(queries.dateFrom, from);
        if (to !== undefined) url.searchParams.set(queries.dateTo, to);
        if (next !== undefined) url.searchParams.set(queries.nextItemKey, next);
        const request = { method: "GET", url, scope: kind.name, operation: kind.name } as const;
        const page = decodeBody(kind.schema, await resources.call(linkId, request, call), kind.name, call);
        // A page that leads nowhere, or back, would silently end the list or never end it.
        if (page.hasNext && (!page.nextItemKey || page.nextItemKey === next || asked.has(page.nextItemKey))) {
          const message = "The bank announced a next page and gave no new nextItemKey for it.";
          throw new ValidationError("nextItemKey", message, { interactionId: call.interactionId });
        }
        return { ...page, interactionId: call.interactionId };
      },
    );
    const fresh = withoutRepeats(rows, new Set(seen));
    position = undefined;
    if (hasNext && nextItemKey) {
      asked.add(nextItemKey);
      // A page without keys leaves those before it to be compared with.
      position = { of, from, to, next: nextItemKey, seen: keysOf(rows) ?? seen };
    }
    const cursor = position === undefined ? {} : { cursor: writeCursor(position) };
    yield freeze({ ...rest, rows: fresh, ...cursor, interactionId });
  }
}

/** A row may stand on two pages: `itemKey` tells. Without it equal rows are both kept, for both can be real. */
function withoutRepeats<Row extends Keyed>(rows: readonly Row[], seen: Set<string>): readonly Row[] {
  return rows.filter(({ itemKey }) => {
    if (!itemKey) return true;
    const key = digestOf(itemKey);
    return !seen.has(key) && seen.add(key);
  });
}

/** Rows come in order, so a repeat comes from the page before: earlier keys need not be remembered. */
function keysOf(rows: readonly Keyed[]): readonly string[] | undefined {
  const keys = rows.flatMap(({ itemKey }) => (itemKey ? [digestOf(itemKey)] : []));
  return keys.length === 0 ? undefined : keys;
}
