import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { StoreError } from "../../src/errors.js";
import { GuardedStore } from "../../src/links/guarded-store.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { persist } from "../../src/links/persist.js";
import { readLink } from "../../src/links/record.js";
import type { Store } from "../../src/links/store.js";
import { rejection } from "../support/errors.js";
import { describeStore } from "./store-contract.js";

describeStore("a guarded store", () => new GuardedStore(new MemoryStore(), 5_000));

const storeWith = (methods: Record<string, unknown>): GuardedStore =>
  new GuardedStore(Object.assign(new MemoryStore(), methods) as Store, 200);

describe("a store that fails", () => {
  test("does so with an error of this package, and nothing of its own but name and code", async () => {
    const thrown = Object.assign(new Error("password=CANARY"), { code: "57P01", detail: "CANARY" });
    const store = storeWith({ get: async () => Promise.reject(thrown) });
    const error = await rejection(store.get("a"), StoreError);
    expect(error).toMatchObject({ code: "store_failed", operation: "get", retryable: true, sideEffect: "none" });
    expect(error.message).toContain("57P01");
    expect(inspect(error, { depth: 10 })).not.toContain("CANARY");
  });

  test("by never answering does so in time", async () => {
    const store = storeWith({ put: () => new Promise(() => {}) });
    expect(await rejection(store.put("a", "1", { version: 0 }), StoreError)).toMatchObject({ code: "store_timeout" });
  });

  test("by returning something else is told so", async () => {
    const store = storeWith({ lock: async () => "OK", get: async () => "text", put: async () => true });
    for (const call of [store.lock("a", "o", 1), store.get("a"), store.put("a", "1", { version: 0 })]) {
      expect(await rejection<StoreError>(call, StoreError)).toMatchObject({ code: "store_failed" });
    }
  });

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
