/**
 * 入出金明細 and 入金明細: rows that come in pages.
 *
 * @module
 */
import { z } from "zod";
import { isJstDate, type JstDate } from "../config/jst.js";
import { ArgumentError, ValidationError } from "../errors.js";
import { decodeBody, freeze } from "../links/decode.js";
import { resourceUrl } from "../links/resource.js";
import { type CallOptions, withCall } from "../transport/call.js";
import type { LinkContext } from "./link-context.js";
import { yen } from "./yen.js";

/** The days to ask for, both included. Without them: today in Japan. */
export interface RowsRange {
  /** The first day. */
  readonly from?: JstDate;
  /** The last day. */
  readonly to?: JstDate;
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

/** One page as the bank sent it, repeats included. */
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
  /** The `x-fapi-interaction-id` of the call that brought the page. */
  readonly interactionId: string;
}

/** Rows, fetched as they are iterated over. Each iteration starts from the first page. */
export interface Rows<Row> extends AsyncIterable<Row> {
  /** The same, page by page. */
  pages(): AsyncIterable<Page<Row>>;
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

interface Envelope<Row> extends Omit<Page<Row>, "interactionId"> {
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
  context: LinkContext,
  options?: CallOptions,
): Rows<Transaction> {
  return rowsOf(TRANSACTIONS, accountId, range, context, options);
}

/** The deposits to an account. */
export function depositRows(
  accountId: string,
  range: RowsRange,
  context: LinkContext,
  options?: CallOptions,
): Rows<Deposit> {
  return rowsOf(DEPOSITS, accountId, range, context, options);
}

function rowsOf<Row extends { readonly itemKey?: string | null | undefined }>(
  kind: Kind<Row>,
  accountId: string,
  range: RowsRange,
  context: LinkContext,
  options: CallOptions | undefined,
): Rows<Row> {
  const checked = checkRange(range);
  const { apiBaseUrl, contract } = context.configuration;
  const url = resourceUrl(apiBaseUrl, contract.paths[kind.name], { accountId });
  if (checked.from !== undefined) url.searchParams.set("dateFrom", checked.from);
  if (checked.to !== undefined) url.searchParams.set("dateTo", checked.to);
  const pages = () => pagesOf(kind, new URL(url), context, options);
  return Object.freeze({ pages, [Symbol.asyncIterator]: () => withoutRepeats(pages()) });
}

/** Asks for page after page. `timeout` is for each page: an iteration may last as long as its caller likes. */
async function* pagesOf<Row>(
  kind: Kind<Row>,
  url: URL,
  context: LinkContext,
  options: CallOptions | undefined,
): AsyncGenerator<Page<Row>, void, undefined> {
  const { configuration, resources, linkId } = context;
  const asked = new Set<string>();
  for (;;) {
    const { page, next } = await withCall(options, configuration.timeout, async call => {
      const answer = await resources.call(linkId, { method: "GET", url, scope: kind.name }, call);
      const { hasNext, nextItemKey, ...rest } = decodeBody(kind.schema, answer, kind.name, call);
      // A page that leads nowhere, or back, would silently end the list or never end it.
      if (hasNext && (!nextItemKey || asked.has(nextItemKey))) {
        throw new ValidationError("nextItemKey", "The bank announced a next page and gave no new nextItemKey for it.", {
          interactionId: call.interactionId,
        });
      }
      return { page: freeze({ ...rest, interactionId: call.interactionId }), next: hasNext ? nextItemKey : undefined };
    });
    yield page;
    if (!next) return;
    asked.add(next);
    url.searchParams.set("nextItemKey", next);
  }
}

/** A row may stand on two pages: `itemKey` tells. Without it equal rows are both kept, for both can be real. */
async function* withoutRepeats<Row extends { readonly itemKey?: string | null | undefined }>(
  pages: AsyncIterable<Page<Row>>,
): AsyncGenerator<Row, void, undefined> {
  // Rows come in order, so a repeat comes from the page before: earlier keys need not be remembered.
  let before = new Set<string>();
  for await (const page of pages) {
    const seen = new Set<string>();
    for (const row of page.rows) {
      const key = row.itemKey;
      const repeated = key ? before.has(key) || seen.has(key) : false;
      if (key) seen.add(key);
      if (!repeated) yield row;
    }
    if (seen.size > 0) before = seen;
  }
}

function checkRange(range: RowsRange): RowsRange {
  const { from, to } = range ?? {};
  for (const [name, value] of Object.entries({ from, to })) {
    if (value !== undefined && !isJstDate(value)) {
      throw new ArgumentError(name, `${name} must be a date of the calendar, YYYY-MM-DD.`);
    }
  }
  if (from !== undefined && to !== undefined && from > to)
    throw new ArgumentError("from", "from must not be after to.");
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}
