import { afterEach, expect, test, vi } from "vitest";
import { MemoryStore } from "../../src/links/memory-store.js";
import { describeStore } from "./store-contract.js";

describeStore("MemoryStore", () => new MemoryStore());

afterEach(() => {
  vi.useRealTimers();
});

test("an entry is there until its time, and not a moment longer", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_000_000 });
  const store = new MemoryStore();
  await store.put("a", "1", { version: 0, expiresAt: 1_000_010 });
  vi.setSystemTime(1_000_009);
  expect(await store.get("a")).toBeDefined();
  vi.setSystemTime(1_000_010);
  expect(await store.get("a")).toBeUndefined();
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
