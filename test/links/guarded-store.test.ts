import { inspect } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { StoreError } from "../../src/errors.js";
import { GuardedStore } from "../../src/links/guarded-store.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { persist } from "../../src/links/persist.js";
import { readLink } from "../../src/links/record.js";
import type { Store } from "../../src/links/store.js";
import { storeContract } from "../../src/testing/index.js";
import { rejection } from "../support/errors.js";

describe("the contract of a store, behind a guard", () => {
  const store = new GuardedStore(new MemoryStore(), 5_000);
  for (const { name, run } of storeContract(() => store)) test(name, run);
});

const storeWith = (methods: Record<string, unknown>): GuardedStore =>
  new GuardedStore(Object.assign(new MemoryStore(), methods) as Store, 50);

afterEach(() => {
  vi.useRealTimers();
});

const CALLS: readonly [keyof Store, (store: Store) => Promise<unknown>][] = [
  ["get", store => store.get("a")],
  ["put", store => store.put("a", "1", { version: 0 })],
  ["take", store => store.take("a")],
  ["find", store => store.find({ label: "l", value: "v", limit: 1 })],
  ["lock", store => store.lock("a", "o", 1)],
  ["unlock", store => store.unlock("a", "o")],
];

async function failure(work: Promise<unknown>, operation: string, code = "store_failed"): Promise<string> {
  const error = await rejection(work, StoreError);
  expect(error).toMatchObject({ code, operation, retryable: true, sideEffect: "none" });
  expect(inspect(error, { depth: 10 })).not.toContain("CANARY");
  return error.message;
}

describe("a store that fails", () => {
  test.each(CALLS)("at %s does so with an error of this package", async (operation, call) => {
    const store = storeWith({ [operation]: async () => Promise.reject(new Error("CANARY")) });
    expect(await failure(call(store), operation)).toContain(`at ${operation} (Error)`);
  });

  test.each<[string, unknown]>([
    ["Error 57P01", Object.assign(new Error("password=CANARY"), { code: "57P01", detail: "CANARY" })],
    ["TypeError", new TypeError("CANARY")],
    ["Error 1205", Object.assign(new Error("CANARY"), { code: 1205 })],
    ["Error", Object.assign(new Error("CANARY"), { code: "57P01 canary" })],
    ["Error", Object.assign(new Error("CANARY"), { code: "canary 57P01" })],
    ["Error", Object.assign(new Error("CANARY"), { name: "SQL CANARY" })],
    ["Error", Object.assign(new Error("CANARY"), { name: "the SQL" })],
    ["Error", Object.assign(new Error("CANARY"), { name: "" })],
    ["string", "CANARY"],
    ["object", null],
  ])("says no more of its own than %s", async (reason, thrown) => {
    const store = storeWith({ get: async () => Promise.reject(thrown) });
    expect(await failure(store.get("a"), "get")).toContain(`(${reason})`);
  });

  test.each(CALLS)("at %s by never answering does so in time", async (operation, call) => {
    const store = storeWith({ [operation]: () => new Promise(() => {}) });
    expect(await failure(call(store), operation, "store_timeout")).toContain("(it did not answer in time)");
  });

  test.each<[keyof Store, unknown, string]>([
    ["get", "CANARY", "no entry"],
    ["get", { key: "a", value: 7, version: 1 }, "no entry"],
    ["take", { key: "a", value: "CANARY", version: "1" }, "no entry"],
    ["put", true, "neither a version nor undefined"],
    ["put", 0, "neither a version nor undefined"],
    ["put", 2 ** 53, "neither a version nor undefined"],
    ["get", { key: "a", value: "CANARY", version: 0 }, "no entry"],
    ["get", { key: "a", value: "CANARY", version: 1.5 }, "no entry"],
    ["lock", "OK", "no boolean"],
    ["find", { 0: "CANARY" }, "no list"],
    ["find", [null], "no entry"],
    ["find", [{ key: "a", value: "CANARY", version: "1" }], "no entry"],
  ])("at %s by returning %j is told so", async (operation, returned, reason) => {
    const store = storeWith({ [operation]: async () => returned });
    const call = CALLS.find(([name]) => name === operation)![1];
    expect(await failure(call(store), operation)).toContain(`(it returned ${reason})`);
  });

  test.each([async () => undefined, async () => Promise.reject(new Error("no"))])(
    "or not leaves no timer behind",
    async get => {
      vi.useFakeTimers();
      await Promise.allSettled([storeWith({ get }).get("a")]);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  test("by garbling an entry is told so", async () => {
    const store = storeWith({ get: async () => ({ key: "link:l", value: '{"id":', version: 1 }) });
    expect(await rejection(readLink(store, "l"), StoreError)).toMatchObject({ code: "store_failed" });
  });
});

test("a store that says null for nothing is understood", async () => {
  const store = storeWith({ get: async () => null, take: async () => null, put: async () => null });
  expect(await store.get("a")).toBeUndefined();
  expect(await store.take("a")).toBeUndefined();
  expect(await store.put("a", "1", { version: 0 })).toBeUndefined();
});

test("what must not be lost is written again while the store fails, and other errors pass at once", async () => {
  let attempts = 0;
  const written = await persist(async () => {
    if (++attempts < 3) throw new StoreError("put", "store_failed", "once more");
    return "written";
  });
  expect([written, attempts]).toEqual(["written", 3]);
  await expect(persist(async () => Promise.reject(new TypeError("no")))).rejects.toThrow(TypeError);
});
