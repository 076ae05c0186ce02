/**
 * 口座照会: accounts and balances.
 *
 * @module
 */
import { decode, decodeBody, type WithInteractionId } from "../links/decode.js";
import { endpointAt } from "../links/resource.js";
import type { CallOptions } from "../transport/call.js";
import { filled, list, nullish, object, text } from "../transport/schema.js";
import type { LinkCalls } from "./link-context.js";
import { type Deposit, depositRows, type Rows, type RowsRange, type Transaction, transactionRows } from "./rows.js";
import { yen } from "./yen.js";

/** An account of the customer (口座). */
export interface Account {
  /** The bank's id of the account, for the other calls. */
  readonly accountId: string;
  /** 支店番号, 3 digits. */
  readonly branchCode: string;
  /** 支店名. */
  readonly branchName: string;
  /** `ordinary` 普通預金, `savings` 貯蓄預金. */
  readonly accountTypeCode: "ordinary" | "savings" | (string & {});
  /** 口座番号, 7 digits. */
  readonly accountNumber: string;
  /** 口座名義. Personal data. */
  readonly accountName: string;
  /** 口座名義（カナ）, as the bank sends it. Personal data. */
  readonly accountNameKana: string;
  /** `JPY`. */
  readonly currencyCode: string;
}

/** A balance (残高), in yen. It may be negative. */
export interface Balance {
  /** 現在残高. Not what can be spent: that is `withdrawableAmount`. */
  readonly balance: number;
  /** 支払可能残高. */
  readonly withdrawableAmount?: number | null | undefined;
  /** 前日残高. */
  readonly previousDayBalance?: number | null | undefined;
  /** `JPY`. */
  readonly currencyCode: string;
  /** The day in Japan that the balance is of. */
  readonly baseDate: string;
  /** The time on that day. */
  readonly baseTime: string;
}

const account = object<Account>({
  accountId: filled,
  branchCode: text,
  branchName: text,
  accountTypeCode: text,
  accountNumber: text,
  accountName: text,
  accountNameKana: text,
  currencyCode: text,
});
const accounts = object<{ readonly accounts: readonly Account[] }>({ accounts: list(account) });
const balance = object<Balance>({
  balance: yen,
  withdrawableAmount: nullish(yen),
  previousDayBalance: nullish(yen),
  currencyCode: text,
  baseDate: text,
  baseTime: text,
});

/** The accounts of one link. */
export class Accounts {
  readonly #calls: LinkCalls;

  /** @internal */
  constructor(calls: LinkCalls) {
    this.#calls = calls;
  }

  /**
   * Lists the customer's accounts: one 普通 and one 貯蓄.
   *
   * @throws {@link ApiError} when the bank refuses; {@link LinkError} when the link can't be used;
   * {@link TransportError} when there is no answer.
   */
  list(options?: CallOptions): Promise<readonly WithInteractionId<Account>[]> {
    return this.#calls.run("accounts.list", options, async (call, { configuration, resources, linkId }) => {
      const endpoint = endpointAt(configuration.apiBaseUrl, configuration.contract.paths.accounts);
      const answer = await resources.call(linkId, { method: "GET", ...endpoint, operation: "accounts" }, call);
      const { interactionId } = call;
      const found = decodeBody(accounts, answer, "accounts", call).accounts;
      return Object.freeze(found.map(item => Object.freeze({ ...item, interactionId })));
    });
  }

  /**
   * Asks for the balance of an account (残高照会).
   *
   * It says nothing of what a debit will do: only the debit's own answer counts.
   *
   * @throws {@link ApiError} `not_found` for an account that is not the customer's; otherwise as `list()`.
   */
  balance(accountId: string, options?: CallOptions): Promise<WithInteractionId<Balance>> {
    return this.#calls.run("accounts.balance", options, async (call, { configuration, resources, linkId }) => {
      const endpoint = endpointAt(configuration.apiBaseUrl, configuration.contract.paths.balance, { accountId });
      const request = { method: "GET", ...endpoint, scope: "balance", operation: "balance" } as const;
      const answer = await resources.call(linkId, request, call);
      return decode(balance, answer, "balance", call);
    });
  }

  /**
   * Iterates over the transactions of an account (入出金明細照会), oldest first, page by page as they are wanted.
   *
   * @param range - First and last day in Japan, both included. Without them: today in Japan.
   * @throws {@link ArgumentError} at once, when a date is none or `from` is after `to`. While iterating: as `list()`.
   */
  transactions(accountId: string, range: RowsRange = {}, options?: CallOptions): Rows<Transaction> {
    return transactionRows(accountId, range, this.#calls, options);
  }

  /**
   * Iterates over the deposits to an account (入金明細照会), as `transactions()` does.
   */
  deposits(accountId: string, range: RowsRange = {}, options?: CallOptions): Rows<Deposit> {
    return depositRows(accountId, range, this.#calls, options);
  }
}
