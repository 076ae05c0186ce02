import { beforeEach, describe, expect, test, vi } from "vitest";
import { Accounts } from "../../src/bank/accounts.js";
import type { CreateDebit } from "../../src/bank/debit-order.js";
import { Debits } from "../../src/bank/debits.js";
import { IdentityApi } from "../../src/bank/identity.js";
import type { ContractOptions } from "../../src/config/contract.js";
import type { OperationAnswer, OperationRequest } from "../../src/config/operations.js";
import { ApiError, ConfigurationError, DebitOutcomeUnknownError, ValidationError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { everythingShown, rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { answer, contextTo } from "../support/stub-rooms.js";

// Nobody waits here between two attempts.
vi.mock("node:timers/promises", () => ({
  setTimeout: async (_: number, value: unknown) => value,
}));

type Json = Record<string, unknown>;

/** `accountId` of `account_id`, at any depth. */
function camelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCase);
  if (typeof value !== "object" || value === null) return value;
  const name = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [name(key), camelCase(member)]));
}

function dashed(date: unknown): unknown {
  return typeof date === "string" ? date.replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3") : date;
}

function askForRows({ url, headers }: OperationRequest): OperationRequest {
  const target = new URL(url);
  for (const name of ["from_date", "to_date"]) {
    const date = target.searchParams.get(name);
    if (date !== null) target.searchParams.set(name, date.replaceAll("-", ""));
  }
  return { url: target.href, headers };
}

function readRows(name: "transactions" | "deposits"): (answer: OperationAnswer) => unknown {
  return ({ headers, body }) => {
    const { rows, ...envelope } = camelCase(body) as { rows: Json[] } & Json;
    const next = headers["x-next-cursor"];
    return {
      ...Object.fromEntries(Object.entries(envelope).map(([key, value]) => [key, dashed(value)])),
      hasNext: next !== undefined,
      nextItemKey: next,
      [name]: rows.map(row => ({ ...row, transactionDate: dashed(row["transactionDate"]) })),
    };
  };
}

function orderDebit({ url, headers, body }: OperationRequest): OperationRequest {
  const { "x-idempotency-key": requestId, ...rest } = headers;
  const { partnerTransactionId, amount, description, kind } = body as Json;
  const order = { order_id: partnerTransactionId, request_id: requestId, yen: String(amount), text: description, kind };
  return { url, headers: rest, body: order };
}

function readDebit(body: unknown): unknown {
  const { orderId, yen, reason, ...debit } = camelCase(body) as Json;
  const failure = reason === undefined ? {} : { failure: { code: reason, retryable: false } };
  return { ...debit, partnerTransactionId: orderId, amount: yen, ...failure };
}

const CONTRACT: ContractOptions = {
  paths: {
    accounts: "/kouza",
    balance: "/kouza/{accountId}/zandaka",
    transactions: "/kouza/{accountId}/meisai",
    deposits: "/kouza/{accountId}/nyukin",
    debits: "/furikae",
    debit: "/furikae/{debitId}",
  },
  headers: { interactionId: "x-request-id" },
  queries: { dateFrom: "from_date", dateTo: "to_date", nextItemKey: "cursor", partnerTransactionId: "order_id" },
  codes: {
    accountType: { "01": "ordinary", "02": "savings" },
    transactionType: { CR: "1", DR: "2" },
    debitStatus: { ACCEPTED: "processing", DONE: "succeeded", NG: "failed" },
    debitFailure: { E100: "insufficient_funds", E900: "already_processed" },
  },
  operations: {
    accounts: { answer: ({ body }) => ({ accounts: camelCase(body) }) },
    balance: { answer: ({ body }) => ({ ...(camelCase(body) as Json), currencyCode: "JPY" }) },
    identity: { answer: ({ body }) => camelCase((body as Json)["person"]) },
    transactions: { request: askForRows, answer: readRows("transactions") },
    deposits: { request: askForRows, answer: readRows("deposits") },
    createDebit: { request: orderDebit, answer: ({ body }) => readDebit(body) },
    debit: { answer: ({ body }) => readDebit(body) },
    findDebits: { answer: ({ body }) => ({ directDebits: [body].flat().map(readDebit) }) },
  },
};

let asked: OutgoingRequest[];
let replies: Answer[];
let store: MemoryStore;
let accounts: Accounts;
let debits: Debits;

function bankOf(contract: ContractOptions): ReturnType<typeof contextTo> {
  return contextTo(
    outgoing => {
      asked.push({ ...outgoing, url: new URL(outgoing.url) });
      return replies.shift() ?? answer(404, { errorCode: "E404" });
    },
    configuration("fapi2-security", { contract }),
  );
}

beforeEach(() => {
  asked = [];
  replies = [];
  store = new MemoryStore();
  const context = bankOf(CONTRACT);
  accounts = new Accounts(context);
  debits = new Debits(context, store);
});

function targets(): string[] {
  return asked.map(({ method, url }) => `${method} ${url.pathname}${url.search}`);
}

function bodies(): Json[] {
  return asked.flatMap(({ body }) => (body === undefined ? [] : [JSON.parse(body) as Json]));
}

describe("at a bank of another shape", () => {
  test("accounts are listed, with its types of account", async () => {
    const account = (account_type_code: string) => ({
      account_id: `acc-${account_type_code}`,
      branch_code: "001",
      branch_name: "ﾌﾞﾙｰﾑｰﾝ",
      account_type_code,
      account_number: "0012345",
      account_name: "髙橋 花子",
      account_name_kana: "ﾀｶﾊｼ ﾊﾅｺ",
      currency_code: "JPY",
    });
    replies = [answer(200, ["01", "02", "03"].map(account))];
    expect(await accounts.list()).toMatchObject([
      { accountId: "acc-01", accountTypeCode: "ordinary", accountNumber: "0012345" },
      { accountId: "acc-02", accountTypeCode: "savings" },
      { accountId: "acc-03", accountTypeCode: "03" },
    ]);
    expect(targets()).toEqual(["GET /kouza"]);
    expect(asked[0]?.headers["x-request-id"]).toMatch(/^[\da-f-]{36}$/);
  });

  test("a balance is an integer, whatever it was", async () => {
    replies = [answer(200, { balance: "1980", withdrawable_amount: "0", base_date: "20260401", base_time: "0930" })];
    expect(await accounts.balance("acc-1")).toMatchObject({
      balance: 1980,
      withdrawableAmount: 0,
      currencyCode: "JPY",
    });
    expect(targets()).toEqual(["GET /kouza/acc-1/zandaka"]);
  });

  test("an identity is read out of what lies around it", async () => {
    const address = {
      postal_code: "0100001",
      prefecture: "秋田県",
      city: "秋田市",
      street: "中通1-1-1",
      formatted: "秋田県秋田市中通1-1-1",
    };
    const person = {
      name: "髙橋 花子",
      name_kana: "ﾀｶﾊｼ ﾊﾅｺ",
      birth_date: "1990-04-01",
      address,
      verification: { verified: true, verified_on: "2026-04-01" },
    };
    replies = [answer(200, { person })];
    const found = await new IdentityApi(bankOf(CONTRACT)).get();
    expect(found).toMatchObject({ nameKana: "ﾀｶﾊｼ ﾊﾅｺ", verification: { verifiedOn: "2026-04-01" } });
    expect(found.address.postalCode).toBe("0100001");
  });
});

describe("the rows of such a bank", () => {
  const ROW = { item_key: "1", transaction_date: "20260401", transaction_type: "CR", amount: "1980", balance: "5000" };
  const ENVELOPE = { date_from: "20260401", date_to: "20260430", base_date: "20260430", base_time: "0930" };

  function page(rows: readonly Json[], next?: string): Answer {
    return answer(200, { ...ENVELOPE, rows }, next === undefined ? {} : { "x-next-cursor": next });
  }

  test("come page by page, by a cursor in a header, with its dates in the query", async () => {
    replies = [
      page([ROW, { ...ROW, item_key: "2", transaction_type: "DR" }], "k-2"),
      page([{ ...ROW, item_key: "3" }]),
    ];
    const range = { from: "2026-04-01", to: "2026-04-30" };
    const rows = await accounts.transactions("acc-1", range).toArray({ limit: 10 });
    expect(rows).toStrictEqual(
      ["1", "2", "1"].map((transactionType, index) => ({
        itemKey: String(index + 1),
        transactionDate: "2026-04-01",
        transactionType,
        amount: 1980,
        balance: 5000,
      })),
    );
    expect(targets()).toEqual([
      "GET /kouza/acc-1/meisai?from_date=20260401&to_date=20260430",
      "GET /kouza/acc-1/meisai?from_date=20260401&to_date=20260430&cursor=k-2",
    ]);
  });

  test("have days as the default contract has them, and go on by their cursor", async () => {
    replies = [page([ROW], "k-2")];
    const pages = accounts.transactions("acc-1", { from: "2026-04-01" }).pages()[Symbol.asyncIterator]();
    const { value: first } = await pages.next();
    expect(first).toMatchObject({ dateFrom: "2026-04-01", dateTo: "2026-04-30", baseDate: "2026-04-30" });
    asked.length = 0;
    replies = [page([ROW, { ...ROW, item_key: "2" }])];
    const rest = await accounts.transactions("acc-1", { cursor: first?.cursor ?? "" }).toArray({ limit: 10 });
    expect(rest.map(({ itemKey }) => itemKey)).toEqual(["2"]);
    expect(targets()).toEqual(["GET /kouza/acc-1/meisai?from_date=20260401&cursor=k-2"]);
  });

  test("may be deposits", async () => {
    const { balance: _, ...deposit } = { ...ROW, applicant_name: "ﾔﾏﾀﾞ ﾀﾛｳ" };
    replies = [page([deposit])];
    const [row] = await accounts.deposits("acc-1", { to: "2026-04-30" }).toArray({ limit: 1 });
    expect(row).toMatchObject({ transactionType: "1", amount: 1980, applicantName: "ﾔﾏﾀﾞ ﾀﾛｳ" });
    expect(targets()).toEqual(["GET /kouza/acc-1/nyukin?to_date=20260430"]);
  });

  test.each<[string, Answer, string]>([
    ["lead back", page([ROW], "k-1"), "nextItemKey"],
    ["have fractions of a yen", page([{ ...ROW, amount: "19.80" }]), "body"],
    ["are not there", answer(200, { ...ENVELOPE, name: "CANARY" }), "body"],
  ])("are checked as everybody's: they %s", async (_, given, check) => {
    replies = [page([], "k-1"), given];
    const error = await rejection(accounts.transactions("acc-1").toArray({ limit: 10 }), ValidationError);
    expect(error).toMatchObject({ check, sideEffect: "none" });
    expect(everythingShown(error)).not.toContain("CANARY");
  });
});

describe("a debit at such a bank", () => {
  const ORDER: CreateDebit = { reference: "order-1001", amount: 1980, description: "ﾎﾝ" };
  const DONE = { debit_id: "dd-1", order_id: "order-1001", yen: "1980", status: "DONE", accepted_at: "20260401093000" };

  test("is ordered in its form, with the key in the body alone", async () => {
    replies = [answer(200, DONE)];
    expect(await debits.create(ORDER)).toMatchObject({
      debitId: "dd-1",
      partnerTransactionId: "order-1001",
      amount: 1980,
      status: "succeeded",
    });
    expect(targets()).toEqual(["POST /furikae"]);
    expect(bodies()).toStrictEqual([
      {
        order_id: "order-1001",
        request_id: expect.stringMatching(/^[\x21-\x7e]{16,40}$/),
        yen: "1980",
        text: "ﾎﾝ",
        kind: "per_purchase",
      },
    ]);
    expect(asked[0]?.headers).not.toHaveProperty("x-idempotency-key");
  });

  test("that it declines says why in the default contract's words, and stays declined", async () => {
    replies = [answer(200, { ...DONE, status: "NG", reason: "E100" })];
    const declined = { status: "failed", failure: { code: "insufficient_funds" } };
    expect(await debits.create(ORDER)).toMatchObject(declined);
    expect(await debits.create(ORDER)).toMatchObject(declined);
    expect(asked).toHaveLength(1);
  });

  test.each<[string, Answer]>([
    ["is no JSON", answer(200, "<html>")],
    ["is of another form", answer(200, { ...DONE, yen: null })],
    ["is nothing that the contract's function can read", answer(200, "null")],
    ["is about another one", answer(200, { ...DONE, order_id: "another" })],
    ["is lost", answer(504, "")],
  ])("whose answer %s is looked up by its own parameter", async (_, unclear) => {
    replies = [unclear, answer(200, [DONE])];
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
    expect(targets()).toEqual(["POST /furikae", "GET /furikae?order_id=order-1001"]);
  });

  test("that it has not got is sent again under the same key, in the body", async () => {
    replies = [answer(504, ""), answer(200, []), answer(200, DONE)];
    await debits.create(ORDER);
    const [first, second] = bodies();
    expect(second).toStrictEqual(first);
    expect(targets()).toHaveLength(3);
  });

  test("in processing is asked for by its id until it is over", async () => {
    replies = [
      answer(200, { ...DONE, status: "ACCEPTED" }),
      answer(200, { ...DONE, status: "ACCEPTED" }),
      answer(200, DONE),
    ];
    const { debitId, status } = await debits.create(ORDER);
    expect(status).toBe("processing");
    expect((await debits.settled(debitId)).status).toBe("succeeded");
    expect(targets().slice(1)).toEqual(["GET /furikae/dd-1", "GET /furikae/dd-1"]);
    expect(await debits.create(ORDER)).toMatchObject({ status: "succeeded" });
    expect(asked).toHaveLength(3);
  });

  const DECLINED = { ...DONE, debit_id: "dd-0", status: "NG", reason: "E100" };

  test.each<[string, unknown, string | undefined]>([
    ["beside another one", [{ ...DONE, debit_id: "dd-0", order_id: "another" }, DONE], "dd-1"],
    ["beside an attempt that failed", [DECLINED, DONE], "dd-1"],
    ["though it failed", DECLINED, "dd-0"],
    ["unless it only points to an earlier one", [{ ...DECLINED, reason: "E900" }], undefined],
    ["unless there is none", [], undefined],
  ])("can be found by its reference, %s", async (_, given, debitId) => {
    replies = [answer(200, given)];
    expect((await debits.find("order-1001"))?.debitId).toBe(debitId);
  });

  test("is not found in what nobody can read", async () => {
    replies = [answer(200, [{ ...DONE, accepted_at: null }])];
    const error = await rejection(debits.find("order-1001"), ValidationError);
    expect(error.message).toContain("(debits)");
  });

  test("whose order can't be written has certainly not been made, and can be once it is", async () => {
    const request = () => {
      throw new TypeError("CANARY");
    };
    const broken = new Debits(
      bankOf({ ...CONTRACT, operations: { ...CONTRACT.operations, createDebit: { request } } }),
      store,
    );
    const error = await rejection(broken.create(ORDER), ConfigurationError);
    expect(everythingShown(error)).not.toContain("CANARY");
    expect(asked).toEqual([]);
    replies = [answer(200, DONE)];
    expect((await debits.create(ORDER)).status).toBe("succeeded");
  });

  test.each([400, 409, 422])(
    "that it has had before, as its own code says with HTTP %i, is looked up",
    async status => {
      replies = [answer(status, { errorCode: "E900" }), answer(200, [DECLINED, DONE])];
      expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
      expect(targets()).toEqual(["POST /furikae", "GET /furikae?order_id=order-1001"]);
    },
  );

  test("that it refuses with another code of its own has certainly not been made", async () => {
    replies = [answer(422, { errorCode: "E100" })];
    expect((await rejection(debits.create(ORDER), ApiError)).sideEffect).toBe("none");
    expect(targets()).toEqual(["POST /furikae"]);
  });

  test("that nobody can look up stays in doubt", async () => {
    const unreadable = () => {
      throw new TypeError();
    };
    const findDebits = { answer: unreadable };
    const blind = new Debits(bankOf({ ...CONTRACT, operations: { ...CONTRACT.operations, findDebits } }), store);
    replies = [answer(504, ""), answer(200, [DONE])];
    await rejection(blind.create(ORDER), DebitOutcomeUnknownError);
    expect(bodies()).toHaveLength(1);
  });
});
