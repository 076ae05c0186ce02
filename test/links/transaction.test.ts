import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ValidationError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import {
  openTransaction,
  peekTransaction,
  spendTransaction,
  TRANSACTION_LIFETIME,
  type Transaction,
} from "../../src/links/transaction.js";
import { rejection } from "../support/errors.js";

const CLIENT = { issuer: "https://auth.bank.example", clientId: "partner-1" };
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

async function refused(work: Promise<unknown>): Promise<void> {
  expect((await rejection(work, ValidationError)).check).toBe("transaction");
}

describe("a transaction", () => {
  test("can be looked at more than once: a forged callback does not end the customer's own attempt", async () => {
    const value = await openTransaction(store, TRANSACTION);
    expect(await peekTransaction(store, value, CLIENT)).toEqual(TRANSACTION);
    expect(await peekTransaction(store, value, CLIENT)).toEqual(TRANSACTION);
  });

  test("can be spent once, by one of a hundred", async () => {
    const value = await openTransaction(store, TRANSACTION);
    const spenders = await Promise.allSettled(Array.from({ length: 100 }, () => spendTransaction(store, value)));
    expect(spenders.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await refused(spendTransaction(store, value));
    await refused(peekTransaction(store, value, CLIENT));
  });

  test.each([{ issuer: "https://other.example" }, { clientId: "partner-2" }])(
    "is neither completed nor spent by another client (%j)",
    async other => {
      const value = await openTransaction(store, TRANSACTION);
      await refused(peekTransaction(store, value, { ...CLIENT, ...other }));
      expect(await peekTransaction(store, value, CLIENT)).toEqual(TRANSACTION);
    },
  );

  test("is over after its time", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const value = await openTransaction(store, TRANSACTION);
    vi.setSystemTime(Date.now() + TRANSACTION_LIFETIME * 1000 - 1);
    await peekTransaction(store, value, CLIENT);
    vi.setSystemTime(Date.now() + 1);
    await refused(peekTransaction(store, value, CLIENT));
    await refused(spendTransaction(store, value));
  });

  test.each([undefined, null, "", 7, "unheard-of"])("is not to be had with %j", async value => {
    await refused(peekTransaction(store, value, CLIENT));
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
    expect(seen.join()).not.toContain(value);
  });
});
