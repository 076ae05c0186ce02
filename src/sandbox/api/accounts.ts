/**
 * 口座照会: the customer's accounts, and what is on them.
 *
 * @module
 */
import { jstDate, jstTime } from "../bank/jst.js";
import { balanceBefore, balanceOf, withdrawableFrom } from "../bank/ledger.js";
import type { BalanceFigures } from "../faults/hooks.js";
import { json } from "./answer.js";
import { accountOf, type Operation } from "./call.js";

const BRANCH = { branchCode: "001", branchName: "見本支店" } as const;

export const listAccounts: Operation = {
  method: "GET",
  path: /^\/accounts$/,
  scopes: ["balance", "transactions", "deposits", "debit"],
  run({ access, bank }) {
    const accounts = bank.ledger.accountsOf(access.customer).map(({ accountId, accountTypeCode, accountNumber }) => ({
      accountId,
      ...BRANCH,
      accountTypeCode,
      accountNumber,
      accountName: access.customer.name,
      accountNameKana: access.customer.accountNameKana,
      currencyCode: "JPY",
    }));
    return json(200, { accounts });
  },
};

/** Amounts are decimal strings, as in the published APIs the contract follows. */
export const readBalance: Operation = {
  method: "GET",
  path: /^\/accounts\/(?<id>[^/]+)\/balance$/,
  scopes: ["balance"],
  run(call) {
    const account = accountOf(call, call.id);
    const now = call.bank.now();
    const baseDate = jstDate(now);
    const figures: BalanceFigures = {
      balance: balanceOf(account),
      // Nothing is paid out of 貯蓄預金 directly, so there is no such figure for it.
      withdrawableAmount: account.accountTypeCode === "ordinary" ? withdrawableFrom(account) : undefined,
    };
    for (const fault of call.faults.take("balance", call.access.clientId)) fault(figures);
    const { balance, withdrawableAmount } = figures;
    return json(200, {
      balance: String(balance),
      ...(withdrawableAmount === undefined ? {} : { withdrawableAmount: String(withdrawableAmount) }),
      previousDayBalance: String(balanceBefore(account, baseDate)),
      currencyCode: "JPY",
      baseDate,
      baseTime: jstTime(now),
    });
  },
};
