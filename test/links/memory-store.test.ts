import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MemoryStore } from "../../src/links/memory-store.js";
import { storeContract } from "../../src/testing/index.js";

describe("the contract of a store, in memory", () => {
  const store = new MemoryStore();
  for (const { name, run } of storeContract(() => store)) test(name, run);
});

afterEach(() => {
  vi.useRealTimers();
});

const NOW = 1_000_000;

function at(time: number): void {
  vi.setSystemTime(NOW + time);
}

describe("time", () => {
  let store: MemoryStore;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: NOW });
    store = new MemoryStore();
  });

  test("an entry is there until its own, and not a moment longer", async () => {
    await store.put("a", "1", { version: 0, expiresAt: NOW + 10 });
    at(9);
    expect(await store.get("a")).toBeDefined();
    at(10);
    expect(await store.get("a")).toBeUndefined();
  });

  test("a lock is held until its own, and not a moment longer", async () => {
    await store.lock("a", "me", 10);
    at(9);
    expect(await store.lock("a", "you", 10)).toBe(false);
    at(10);
    expect(await store.lock("a", "you", 10)).toBe(true);
  });

  test("what is over makes room for what is put, also behind what never ends", async () => {
    await store.put("for ever", "1", { version: 0 });
    for (const key of ["a", "b"]) await store.put(key, "1", { version: 0, expiresAt: NOW + 10 });
    at(10);
    await store.put("c", "1", { version: 0 });
    // Only a clock that goes back shows what is forgotten, and not merely passed over.
    at(0);
    expect(await store.get("for ever")).toBeDefined();
    expect([await store.get("a"), await store.get("b")]).toEqual([undefined, undefined]);
  });

  test("a put takes no longer where many entries wait for their end", async () => {
    const clock = vi.spyOn(Date, "now");
    for (let key = 0; key < 1_000; key++) await store.put(`${key}`, "", { version: 0, expiresAt: NOW + 10 });
    expect(clock.mock.calls.length).toBeLessThan(10_000);
    clock.mockRestore();
  });
});

test("no version stands for two entries", async () => {
  const store = new MemoryStore();
  const versions = [await store.put("a", "1", { version: 0 }), await store.put("b", "1", { version: 0 })];
  expect(versions).toEqual([1, 2]);
});

test("the first page begins with the first key of all", async () => {
  const store = new MemoryStore();
  await store.put("!", "1", { version: 0, labels: { l: "v" } });
  expect(await store.find({ label: "l", value: "v", limit: 1 })).toHaveLength(1);
});

test("an entry can't be changed by who has read it", async () => {
  const store = new MemoryStore();
  await store.put("a", "1", { version: 0 });
  expect(Object.isFrozen(await store.get("a"))).toBe(true);
});

test("labels are the store's own: changing the object they came in changes nothing", async () => {
  const store = new MemoryStore();
  const labels = { l: "v" };
  await store.put("a", "1", { version: 0, labels });
  labels.l = "w";
  expect(await store.find({ label: "l", value: "v", limit: 1 })).toHaveLength(1);
});
