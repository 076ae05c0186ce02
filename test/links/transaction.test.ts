import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ValidationError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import type { PutOptions } from "../../src/links/store.js";
import {
  notOurs,
  openTransaction,
  peekTransaction,
  spendTransaction,
  TRANSACTION_LIFETIME,
  type Transaction,
} from "../../src/links/transaction.js";
import { rejection } from "../support/errors.js";

const CLIENT = { issuer: "https://auth.bank.example", clientId: "partner-1", profile: "fapi2-security" } as const;
const TRANSACTION: Transaction = {
  customerId: "u-42",
  scopes: ["balance"],
  wireScopes: ["openid", "balance"],
  secrets: { state: "s-1", nonce: "n-1", codeVerifier: "v-1" },
  ...CLIENT,
};

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});
afterEach(() => {
  vi.useRealTimers();
});

async function refused(work: Promise<unknown>, why: string): Promise<void> {
  const error = await rejection(work, ValidationError);
  expect(error.check).toBe("transaction");
  expect(error.message).toContain(why);
}

describe("a transaction", () => {
  test("can be looked at more than once: a forged callback does not end the customer's own attempt", async () => {
    const value = await openTransaction(store, TRANSACTION);
    expect(await peekTransaction(store, value)).toMatchObject(TRANSACTION);
    expect(await peekTransaction(store, value)).toMatchObject(TRANSACTION);
  });

  test("can be spent once, by one of a hundred", async () => {
    const value = await openTransaction(store, TRANSACTION);
    const spenders = await Promise.allSettled(Array.from({ length: 100 }, () => spendTransaction(store, value)));
    expect(spenders.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await refused(spendTransaction(store, value), "used already");
    await refused(peekTransaction(store, value), "unknown, over, or used already");
  });

  test("says who began it, and how: only that client may complete it", async () => {
    const value = await openTransaction(store, TRANSACTION);
    expect(await peekTransaction(store, value)).toMatchObject(CLIENT);
    expect(notOurs()).toMatchObject({
      check: "transaction",
      message: expect.stringContaining("another issuer or client id"),
    });
  });

  test.each([
    ["", (options: PutOptions) => options],
    [", also where the store does not forget it", ({ version }: PutOptions) => ({ version })],
  ])("is over after its time%s", async (_, kept) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const put = store.put.bind(store);
    store.put = async (key, text, options) => put(key, text, kept(options));
    const value = await openTransaction(store, TRANSACTION);
    vi.setSystemTime(Date.now() + TRANSACTION_LIFETIME * 1000 - 1);
    await peekTransaction(store, value);
    vi.setSystemTime(Date.now() + 1);
    await refused(peekTransaction(store, value), "unknown, over, or used already");
  });

  test("is forgotten by the store after its time", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const value = await openTransaction(store, TRANSACTION);
    vi.setSystemTime(Date.now() + TRANSACTION_LIFETIME * 1000);
    await refused(spendTransaction(store, value), "used already");
  });

  test.each([
    [undefined, "without its transaction"],
    [null, "without its transaction"],
    ["", "without its transaction"],
    [7, "without its transaction"],
    ["unheard-of", "unknown, over, or used already"],
  ])("is not to be had with %j: it came %s", async (value, why) => {
    await refused(peekTransaction(store, value), why);
  });

  test("is not mistaken for another one", async () => {
    const transactions = ["u-1", "u-2"].map(customerId => ({ ...TRANSACTION, customerId }));
    const values = await Promise.all(transactions.map(one => openTransaction(store, one)));
    expect(await Promise.all(values.map(value => peekTransaction(store, value)))).toMatchObject(transactions);
  });

  test("has a value of its own, that nobody guesses and that fits into a cookie", async () => {
    const values = await Promise.all(Array.from({ length: 20 }, () => openTransaction(store, TRANSACTION)));
    expect(new Set(values).size).toBe(20);
    for (const value of values) expect(value).toMatch(/^[\w-]{43,}$/);
  });

  test("is kept under a hash: who reads the store can't play the browser", async () => {
    const seen: string[] = [];
    const put = store.put.bind(store);
    store.put = async (key, value, options) => {
      seen.push(key, value);
      return put(key, value, options);
    };
    const value = await openTransaction(store, TRANSACTION);
    expect(seen[0]).toMatch(/^transaction:[\w-]{43}$/);
    expect(seen.join()).not.toContain(value);
  });
});
