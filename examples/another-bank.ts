// A bank whose API has another shape than the default contract: snake_case, amounts as text, dates without dashes, codes of
// its own, the cursor in a header, the idempotency key in the body, and no inquiry by the partner's reference. All of it
// is configuration. The authorization server is the sandbox's; the API below stands for that other bank.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { type ContractOptions, MinnaClient } from "minna-baas";
import { startSandbox } from "minna-baas/sandbox";

/** 20260401 and 20260401093000, as that bank writes a day and a time in Japan. */
const compact = (date: string) => date.replaceAll("-", "");
const day = (text: string) => text.replace(/^(\d{4})(\d{2})(\d{2}).*/, "$1-$2-$3");
const time = (text: string) => text.replace(/^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/, "$1-$2-$3T$4:$5:$6+09:00");

interface Transfer {
  readonly id: string;
  readonly order_id: string;
  readonly state: string;
  readonly yen: string;
  readonly accepted: string;
}

const debitOf = ({ id, order_id, state, yen, accepted }: Transfer) => ({
  debitId: id,
  partnerTransactionId: order_id,
  status: state,
  amount: yen,
  acceptedAt: time(accepted),
});

// biome-ignore lint/suspicious/noExplicitAny: what the bank sends is checked after it is mapped.
type Wire = any;

const contract: ContractOptions = {
  paths: {
    accounts: "/kouza",
    balance: "/kouza/{accountId}/zandaka",
    transactions: "/kouza/{accountId}/meisai",
    debits: "/furikae",
    debit: "/furikae/{debitId}",
  },
  queries: { dateFrom: "from_day", dateTo: "to_day", nextItemKey: "cursor" },
  codes: {
    accountType: { "1": "ordinary", "2": "savings" },
    transactionType: { IN: "1", OUT: "2" },
    debitStatus: { DONE: "succeeded", WAIT: "processing", NG: "failed" },
  },
  inquiry: "none",
  operations: {
    accounts: {
      answer: ({ body }: { body: Wire }) => ({
        accounts: body.list.map((one: Wire) => ({
          accountId: one.account_id,
          branchCode: one.branch_no,
          branchName: one.branch,
          accountTypeCode: one.kind,
          accountNumber: one.account_no,
          accountName: one.holder,
          accountNameKana: one.holder_kana,
          currencyCode: "JPY",
        })),
      }),
    },
    balance: {
      answer: ({ body }: { body: Wire }) => ({
        balance: body.current_balance,
        withdrawableAmount: body.available_balance,
        currencyCode: "JPY",
        baseDate: day(body.as_of),
        baseTime: time(body.as_of).slice(11),
      }),
    },
    transactions: {
      request: ({ url, ...rest }) => {
        const changed = new URL(url);
        for (const name of ["from_day", "to_day"]) {
          changed.searchParams.set(name, compact(changed.searchParams.get(name) ?? ""));
        }
        return { ...rest, url: changed.href };
      },
      answer: ({ body, headers }: { body: Wire; headers: Wire }) => ({
        dateFrom: day(body.from_day),
        dateTo: day(body.to_day),
        baseDate: day(body.as_of),
        baseTime: time(body.as_of).slice(11),
        hasNext: headers["x-next-cursor"] !== undefined,
        nextItemKey: headers["x-next-cursor"],
        transactions: body.rows.map((row: Wire) => ({
          itemKey: row.row_no,
          transactionDate: day(row.traded_on),
          transactionType: row.in_out,
          amount: row.yen,
          balance: row.balance_after,
          remarks: row.memo,
        })),
      }),
    },
    createDebit: {
      request: ({ url, headers, body }: { url: string; headers: Wire; body?: Wire }) => {
        const { "x-idempotency-key": key, ...others } = headers;
        const { partnerTransactionId, amount, description } = body;
        return {
          url,
          headers: others,
          body: { order_id: partnerTransactionId, yen: String(amount), memo: description, dedup_key: key },
        };
      },
      answer: ({ body }: { body: Wire }) => debitOf(body.transfer),
    },
    debit: { answer: ({ body }: { body: Wire }) => debitOf(body.transfer) },
  },
};

await using bank = await startSandbox();
const options = bank.client("fapi2-security");
const api = await openOtherBank(bank.issueCertificate({ commonName: "localhost", server: true }), bank.ca);
const { port } = api.address() as AddressInfo;
const minna = new MinnaClient({ ...options, api: { baseUrl: `https://localhost:${port}` }, contract });

const { authorizationUrl, transaction } = await minna.links.begin({
  customerId: "u-42",
  scopes: ["balance", "transactions", "debit"],
});
const { id } = await minna.links.complete(await bank.approve(authorizationUrl), { transaction });
const link = minna.link(id);

const [account] = await link.accounts.list();
assert.equal(account?.accountTypeCode, "ordinary");
const { balance, withdrawableAmount, baseDate } = await link.accounts.balance(account.accountId);
assert.deepEqual([balance, withdrawableAmount, baseDate], [-1200, 0, "2026-04-01"]);
const range = { from: "2026-04-01", to: "2026-04-30" } as const;
const rows = await link.accounts.transactions(account.accountId, range).toArray({ limit: 10 });
assert.deepEqual(
  rows.map(({ transactionDate, transactionType, amount }) => [transactionDate, transactionType, amount]),
  [
    ["2026-04-01", "1", 3000],
    ["2026-04-02", "2", 4200],
  ],
);
// The answer to the first attempt is lost: without an inquiry the same key finds out what became of it.
const debit = await link.debits.create({ reference: "order-1001", amount: 1980, description: "ﾎﾝ" });
assert.equal(debit.status, "succeeded");
assert.equal(
  (await link.debits.create({ reference: "order-1001", amount: 1980, description: "ﾎﾝ" })).debitId,
  debit.debitId,
);
console.log(`another bank: ${balance} yen, ${rows.length} rows, debit ${debit.debitId}: ${debit.status}`);

await minna.close();
api.close();

/** The other bank's API. It trusts whoever has a certificate: it is an example of shapes, not of a bank. */
async function openOtherBank(certificate: { cert: string; key: string }, ca: string): Promise<Server> {
  const transfers = new Map<string, Transfer>();
  let lost = 0;
  const server = createServer({ ...certificate, ca, requestCert: true }, async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "https://localhost");
    const send = (body: unknown, headers = {}) =>
      response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
    const as_of = "20260401093000";
    if (pathname === "/kouza") {
      const names = { branch: "見本支店", holder: "見本 花子", holder_kana: "ﾐﾎﾝ ﾊﾅｺ" };
      return send({ list: [{ account_id: "k1", branch_no: "001", account_no: "0001201", kind: "1", ...names }] });
    }
    if (pathname === "/kouza/k1/zandaka") return send({ current_balance: "-1200", available_balance: "0", as_of });
    if (pathname === "/kouza/k1/meisai") {
      const [from_day, to_day] = [searchParams.get("from_day"), searchParams.get("to_day")];
      assert.deepEqual([from_day, to_day], ["20260401", "20260430"]);
      const first = {
        row_no: "1",
        traded_on: "20260401",
        in_out: "IN",
        yen: "3000",
        balance_after: "3000",
        memo: "ﾌﾘｺﾐ",
      };
      const second = {
        row_no: "2",
        traded_on: "20260402",
        in_out: "OUT",
        yen: "4200",
        balance_after: "-1200",
        memo: "",
      };
      return searchParams.get("cursor") === null
        ? send({ from_day, to_day, as_of, rows: [first] }, { "x-next-cursor": "c2" })
        : send({ from_day, to_day, as_of, rows: [second] });
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { order_id, yen, dedup_key } = JSON.parse(Buffer.concat(chunks).toString());
    const transfer = transfers.get(dedup_key) ?? {
      id: `t${transfers.size + 1}`,
      order_id,
      state: "DONE",
      yen,
      accepted: as_of,
    };
    transfers.set(dedup_key, transfer);
    // Made, and the answer lost.
    return lost++ === 0 ? response.destroy() : send({ transfer });
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return server;
}
