import { beforeEach, describe, expect, test } from "vitest";
import { Accounts } from "../../src/bank/accounts.js";
import { digestOf } from "../../src/bank/cursor.js";
import { numberOf } from "../../src/bank/repeats.js";
import type { RowsRange } from "../../src/bank/rows.js";
import { ApiError, ArgumentError, ValidationError } from "../../src/errors.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { everythingShown, rejection, thrown } from "../support/errors.js";
import { answer, contextTo } from "../support/stub-rooms.js";

interface WireRow {
  readonly itemKey?: string | null;
  readonly amount: unknown;
}

let asked: OutgoingRequest[];
let accounts: Accounts;
let pages: (Answer | (() => Answer))[];

beforeEach(() => {
  asked = [];
  pages = [];
  accounts = new Accounts(
    contextTo(outgoing => {
      const page = pages[asked.length];
      asked.push({ ...outgoing, url: new URL(outgoing.url) });
      if (page === undefined) throw new Error("one page too many was asked for");
      return typeof page === "function" ? page() : page;
    }),
  );
});

function row(itemKey: string | null | undefined, amount: unknown = 100): WireRow {
  return itemKey === undefined ? { amount } : { itemKey, amount };
}

/** A page of transactions; `next` is the key of the page after it. */
function page(rows: readonly WireRow[], next?: string, more: object = {}): Answer {
  const transactions = rows.map(given => ({
    transactionDate: "2026-04-01",
    transactionType: "1",
    balance: "1000",
    ...given,
  }));
  return answer(200, {
    dateFrom: "2026-04-01",
    dateTo: "2026-04-30",
    baseDate: "2026-04-30",
    baseTime: "09:30:00+09:00",
    hasNext: next !== undefined,
    ...(next === undefined ? {} : { nextItemKey: next }),
    count: String(rows.length),
    transactions,
    ...more,
  });
}

async function keys(range?: RowsRange): Promise<(string | null | undefined)[]> {
  const found: (string | null | undefined)[] = [];
  for await (const { itemKey } of accounts.transactions("acc-1", range)) found.push(itemKey);
  return found;
}

describe("rows", () => {
  test("come page by page, the next one asked for with its key and the same dates", async () => {
    pages = [page([row("1"), row("2")], "k-2"), page([row("3")], "k-3"), page([row("4")])];
    expect(await keys({ from: "2026-04-01", to: "2026-04-30" })).toEqual(["1", "2", "3", "4"]);
    expect(asked.map(({ url }) => `${url.pathname}${url.search}`)).toEqual([
      "/accounts/acc-1/transactions?dateFrom=2026-04-01&dateTo=2026-04-30",
      "/accounts/acc-1/transactions?dateFrom=2026-04-01&dateTo=2026-04-30&nextItemKey=k-2",
      "/accounts/acc-1/transactions?dateFrom=2026-04-01&dateTo=2026-04-30&nextItemKey=k-3",
    ]);
  });

  test("have amounts in integers, and keep what may be absent or null as it is", async () => {
    pages = [page([{ itemKey: null, amount: "-1980" }, { amount: 5 }])];
    const found = [];
    for await (const one of accounts.transactions("acc-1")) found.push(one);
    expect(found[0]).toEqual({
      itemKey: null,
      amount: -1980,
      balance: 1000,
      transactionDate: "2026-04-01",
      transactionType: "1",
    });
    expect(found[1]).not.toHaveProperty("itemKey");
    expect(Object.isFrozen(found[0])).toBe(true);
  });

  test("of an empty list are none", async () => {
    pages = [page([])];
    expect(await keys()).toEqual([]);
  });

  test("go on after an empty page", async () => {
    pages = [page([row("1")], "k-1"), page([], "k-2"), page([row("2")])];
    expect(await keys()).toEqual(["1", "2"]);
  });

  test("of today are asked for without dates", async () => {
    pages = [page([])];
    await keys();
    expect(asked[0]?.url.search).toBe("");
  });

  test("are asked for when they are wanted, and no sooner", async () => {
    pages = [page([row("1"), row("2")], "k-2"), page([row("3")])];
    const rows = accounts.transactions("acc-1");
    expect(asked).toHaveLength(0);
    for await (const one of rows) if (one.itemKey === "1") break;
    expect(asked).toHaveLength(1);
  });

  test("begin anew with each iteration", async () => {
    pages = [page([row("1")], "k-1"), page([row("2")]), page([row("1")], "k-1"), page([row("2")])];
    const rows = accounts.transactions("acc-1");
    for (let iteration = 0; iteration < 2; iteration++) {
      const found = [];
      for await (const { itemKey } of rows) found.push(itemKey);
      expect(found).toEqual(["1", "2"]);
    }
    expect(asked.map(({ url }) => url.search)).toEqual(["", "?nextItemKey=k-1", "", "?nextItemKey=k-1"]);
  });

  test("can be had in pages, without repeats", async () => {
    pages = [page([row("1")], "k-1"), page([row("1"), row("2")])];
    const found = [];
    for await (const one of accounts.transactions("acc-1").pages()) found.push(one);
    expect(found.map(one => one.rows.map(({ itemKey }) => itemKey))).toEqual([["1"], ["2"]]);
    expect(found[0]).toMatchObject({ dateFrom: "2026-04-01", baseDate: "2026-04-30" });
    expect(found[0]?.interactionId).not.toBe(found[1]?.interactionId);
  });
});

describe("a list of rows", () => {
  test("ends at its limit, and asks for no page more than it needs", async () => {
    pages = [page([row("1"), row("2")], "k"), page([row("3"), row("4")], "l")];
    const list = await accounts.transactions("acc-1").toArray({ limit: 3 });
    expect(list.map(({ itemKey }) => itemKey)).toEqual(["1", "2", "3"]);
    expect(Object.isFrozen(list)).toBe(true);
    expect(asked).toHaveLength(2);
    asked.length = 0;
    expect(
      await accounts
        .deposits("acc-1")
        .toArray({ limit: 1 })
        .catch(error => error),
    ).toBeInstanceOf(ValidationError);
    asked.length = 0;
    expect(await accounts.transactions("acc-1").toArray({ limit: 2 })).toHaveLength(2);
    expect(asked).toHaveLength(1);
  });

  test.each([0, -1, 1.5, Number.NaN, "3", undefined])("of %s rows is refused", async limit => {
    const list = accounts.transactions("acc-1").toArray({ limit: limit as number });
    expect(await rejection(list, ArgumentError)).toMatchObject({ argument: "limit" });
    expect(asked).toHaveLength(0);
  });
});

function cursorOf(from: unknown, to: unknown, next: string, seen: string, of = "transactions acc-1"): string {
  return Buffer.from(JSON.stringify([digestOf(of), from, to, next, seen])).toString("base64url");
}

test("keys that are alike are told apart: rows are not left out for their numbers", () => {
  const forms = [
    (n: number) => `${n}`,
    (n: number) => `2026112300-${String(n).padStart(6, "0")}`,
    (n: number) => `k${n}口座`,
  ];
  const numbers = new Set<number>();
  for (const form of forms) for (let n = 0; n < 100_000; n++) numbers.add(numberOf(form(n)));
  expect(numbers.size).toBe(300_000);
  expect([...numbers].every(Number.isSafeInteger)).toBe(true);
});

describe("an interrupted iteration", () => {
  async function cursors(range?: RowsRange): Promise<(string | undefined)[]> {
    const found: (string | undefined)[] = [];
    for await (const { cursor } of accounts.transactions("acc-1", range).pages()) found.push(cursor);
    return found;
  }

  test("goes on behind the page that was kept, with its days, and drops what stood on that page", async () => {
    pages = [page([row("1"), row("2")], "k-2"), () => answer(502, "<html>Bad Gateway</html>")];
    const kept: string[] = [];
    const range = { from: "2026-04-01", to: "2026-04-30" } as const;
    const iteration = (async () => {
      for await (const { cursor } of accounts.transactions("acc-1", range).pages()) kept.push(cursor ?? "");
    })();
    pages.push(pages[1]!, pages[1]!, pages[1]!);
    await rejection(iteration, ApiError);
    asked.length = 0;
    pages = [page([row("2"), row("3")], "k-3"), page([row("3"), row("4")])];
    expect(await keys({ cursor: kept[0]! })).toEqual(["3", "4"]);
    expect(asked[0]?.url.search).toBe("?dateFrom=2026-04-01&dateTo=2026-04-30&nextItemKey=k-2");
  });

  test("has no cursor on the last page, and one without days where none were given", async () => {
    pages = [page([row("1")], "k-2"), page([row("2")])];
    const [first, last] = await cursors();
    expect(last).toBeUndefined();
    asked.length = 0;
    pages = [page([row("2")])];
    expect(await keys({ cursor: first! })).toEqual(["2"]);
    expect(asked[0]?.url.search).toBe("?nextItemKey=k-2");
  });

  test("finds the cursor in every copy of its page", async () => {
    pages = [page([row("1")], "k-2")];
    for await (const found of accounts.transactions("acc-1").pages()) {
      expect(found.cursor).toBe(cursorOf(null, null, "k-2", digestOf(numberOf("1"))));
      expect([{ ...found }.cursor, JSON.parse(JSON.stringify(found)).cursor]).toEqual([found.cursor, found.cursor]);
      break;
    }
  });

  test("remembers across a page without keys which rows there were", async () => {
    pages = [page([row("1")], "k"), page([row(undefined)], "l"), page([row("2")])];
    const [, second] = await cursors();
    asked.length = 0;
    pages = [page([row("1"), row("2")])];
    expect(await keys({ cursor: second! })).toEqual(["2"]);
  });

  test.each<[string, RowsRange, string]>([
    ["text", { cursor: "next" }, "cursor"],
    ["empty", { cursor: "" }, "cursor"],
    ["of another form", { cursor: Buffer.from("[1,2,3,4]").toString("base64url") }, "cursor"],
    ["with a day that is none", { cursor: cursorOf("2026-02-30", null, "k", "") }, "cursor"],
    ["without a key", { cursor: cursorOf(null, null, "", "") }, "cursor"],
    ["of other rows", { cursor: cursorOf(null, null, "k", "", "deposits acc-1") }, "cursor"],
    ["of another account", { cursor: cursorOf(null, null, "k", "", "transactions acc-2") }, "cursor"],
    ["no text", { cursor: 1 as never }, "cursor"],
    ["beside days", { cursor: cursorOf(null, null, "k", ""), from: "2026-04-01" }, "cursor"],
  ])("whose cursor is %s is refused at once", (_, range, argument) => {
    expect(thrown(() => accounts.transactions("acc-1", range), ArgumentError)).toMatchObject({ argument });
  });
});

describe("a row that stands on two pages", () => {
  test("is dropped by its key", async () => {
    pages = [page([row("1"), row("2")], "k"), page([row("2"), row("3")])];
    expect(await keys()).toEqual(["1", "2", "3"]);
  });

  test("is dropped on a third page too: it stood on the page before", async () => {
    pages = [page([row("1"), row("2")], "k"), page([row("2"), row("3")], "l"), page([row("2"), row("3"), row("4")])];
    expect(await keys()).toEqual(["1", "2", "3", "4"]);
  });

  test("is dropped though a page without keys lies between", async () => {
    pages = [page([row("1")], "k"), page([row(undefined)], "l"), page([row("1"), row("2")])];
    expect(await keys()).toEqual(["1", undefined, "2"]);
  });

  test("is kept where it has no key: two equal rows can both be real", async () => {
    pages = [
      page([row(undefined), row(undefined), row(null), row("")], "k"),
      page([row(undefined), row(null), row("")]),
    ];
    expect(await keys()).toHaveLength(7);
  });

  test("is kept where only everything else is equal", async () => {
    pages = [page([row("1", 500), row("2", 500)])];
    expect(await keys()).toEqual(["1", "2"]);
  });
});

describe("a page that leads nowhere", () => {
  test.each<[string, object]>([
    ["no key", {}],
    ["null", { nextItemKey: null }],
    ["an empty key", { nextItemKey: "" }],
  ])("with %s for a next page that is announced ends with an error, not in silence", async (_, more) => {
    pages = [page([row("1")], undefined, { hasNext: true, ...more })];
    expect((await rejection(keys(), ValidationError)).check).toBe("nextItemKey");
  });

  test("with a key that was there before ends with an error, not never", async () => {
    pages = [page([row("1")], "k"), page([row("2")], "l"), page([row("3")], "k")];
    expect((await rejection(keys(), ValidationError)).check).toBe("nextItemKey");
    expect(asked).toHaveLength(3);
  });

  test("with a key though it is the last one ends there", async () => {
    pages = [page([row("1")], undefined, { hasNext: false, nextItemKey: "k" })];
    expect(await keys()).toEqual(["1"]);
  });
});

describe("an error on the way", () => {
  test("comes after the rows before it", async () => {
    pages = [page([row("1")], "k"), answer(503, "", { "retry-after": "60" })];
    const found: unknown[] = [];
    const iterate = async () => {
      for await (const { itemKey } of accounts.transactions("acc-1")) found.push(itemKey);
    };
    expect(await rejection(iterate(), ApiError)).toMatchObject({ code: "maintenance", retryAfter: 60 });
    expect(found).toEqual(["1"]);
  });

  test.each<[string, Answer]>([
    ["a fraction", page([row("1", "19.80")])],
    ["an amount beyond 2^53", page([row("1", "9007199254740993")])],
    ["no amount", page([row("1", null)])],
    ["hasNext as text", page([row("1")], undefined, { hasNext: "false" })],
    ["no rows", page([], undefined, { transactions: null })],
  ])("is %s in an answer, and shows nothing of it", async (_, given) => {
    pages = [{ ...given, body: given.body.replace('"transactionType"', '"remarks":"CANARY","transactionType"') }];
    const error = await rejection(keys(), ValidationError);
    expect(error.check).toBe("body");
    expect(everythingShown(error)).not.toContain("CANARY");
  });
});

describe("dates", () => {
  test.each<[RowsRange, string]>([
    [{ from: "2026-02-30" }, "from"],
    [{ from: "2026-4-1" }, "from"],
    [{ from: "2026-04-01T00:00:00+09:00" }, "from"],
    [{ to: "20260401" }, "to"],
    [{ to: "" }, "to"],
    [{ from: new Date() as never }, "from"],
    [{ from: "2026-04-02", to: "2026-04-01" }, "from"],
  ])("%j are refused at once", (range, argument) => {
    expect(thrown(() => accounts.transactions("acc-1", range), ArgumentError).argument).toBe(argument);
    expect(thrown(() => accounts.deposits("acc-1", range), ArgumentError).argument).toBe(argument);
  });

  test.each<[RowsRange, string]>([
    [{ from: "2026-04-01", to: "2026-04-01" }, "?dateFrom=2026-04-01&dateTo=2026-04-01"],
    [{ from: "2026-04-01" }, "?dateFrom=2026-04-01"],
    [{ to: "2024-02-29" }, "?dateTo=2024-02-29"],
  ])("%j are asked for as they are", async (range, query) => {
    pages = [page([])];
    await keys(range);
    expect(asked[0]?.url.search).toBe(query);
  });
});

test("deposits come with who sent them, from their own path", async () => {
  const deposit = {
    itemKey: "1",
    transactionDate: "2026-04-01",
    transactionType: "1",
    amount: "5000",
    applicantName: "ﾔﾏﾀﾞ ﾀﾛｳ",
    payerBankName: null,
  };
  pages = [page([], undefined, { transactions: undefined, deposits: [deposit] })];
  const found = [];
  for await (const one of accounts.deposits("acc-1")) found.push(one);
  expect(found).toEqual([{ ...deposit, amount: 5000 }]);
  expect(asked[0]?.url.pathname).toBe("/accounts/acc-1/deposits");
});
