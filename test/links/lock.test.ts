import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { TransportError } from "../../src/errors.js";
import { ifUnlocked, withLock } from "../../src/links/lock.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { aCall, shortCall } from "../support/calls.js";
import { rejection } from "../support/errors.js";

vi.mock("node:timers/promises", async original => {
  const timers = await original<typeof import("node:timers/promises")>();
  return { ...timers, setTimeout: vi.fn(timers.setTimeout) };
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("of fifty callers one at a time is at work, and all of them get their turn", async () => {
  const store = new MemoryStore();
  let inside = 0;
  let most = 0;
  const turns = Array.from({ length: 50 }, (_, caller) =>
    withLock(store, "a", aCall(), async () => {
      most = Math.max(most, ++inside);
      await new Promise(resolve => setImmediate(resolve));
      inside--;
      return caller;
    }),
  );
  expect(await Promise.all(turns)).toEqual(Array.from({ length: 50 }, (_, caller) => caller));
  expect(most).toBe(1);
});

test("different keys do not wait for each other", async () => {
  const store = new MemoryStore();
  const result = await withLock(store, "a", aCall(), () => withLock(store, "b", aCall(), async () => "both"));
  expect(result).toBe("both");
});

describe.each([
  ["that is waited for", withLock],
  ["that is taken or left", ifUnlocked],
])("a lock %s", (_, locked) => {
  test("is free again after the work, be it done or thrown out of", async () => {
    const store = new MemoryStore();
    expect(await locked(store, "a", aCall(), async () => "done")).toBe("done");
    const failing = locked(store, "a", aCall(), () => Promise.reject(new Error("no")));
    expect((await rejection(failing, Error)).message).toBe("no");
    expect(await store.lock("lock:a", "next", 1_000)).toBe(true);
  });

  test("that can't be given back undoes nothing", async () => {
    const store = new MemoryStore();
    vi.spyOn(store, "unlock").mockRejectedValue(new Error("the database is gone"));
    expect(await locked(store, "a", aCall(), async () => "done")).toBe("done");
  });

  test("outlives its call, so that it is not free while the work is still ending", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const store = new MemoryStore();
    const lock = vi.spyOn(store, "lock");
    await locked(store, "a", aCall(undefined, 10_000), async () => {});
    expect(lock.mock.calls).toEqual([["lock:a", expect.any(String), 15_000]]);
  });
});

test("work that is left where somebody is at it is not done", async () => {
  const store = new MemoryStore();
  await store.lock("lock:a", "somebody", 60_000);
  const work = vi.fn(async () => "done");
  expect(await ifUnlocked(store, "a", aCall(), work)).toBeUndefined();
  expect(work).not.toHaveBeenCalled();
  expect(await store.lock("lock:a", "somebody", 60_000)).toBe(true);
});

test("who waits in vain gives up when the call ends, and has done nothing", async () => {
  const store = new MemoryStore();
  await store.lock("lock:a", "somebody", 60_000);
  let worked = false;
  const waiting = withLock(store, "a", shortCall(30), async () => {
    worked = true;
  });
  expect(await rejection(waiting, TransportError)).toMatchObject({
    code: "timeout",
    reached: "no",
    sideEffect: "none",
    endpoint: "store lock",
  });
  expect(worked).toBe(false);
  expect(await store.lock("lock:a", "another", 1_000)).toBe(false);
});

test.each([
  [0, [10, 20, 40, 80, 160, 250, 250]],
  [0.5, [20, 40, 80, 160, 320, 500, 500]],
  [1, [30, 60, 120, 240, 480, 750, 750]],
])("who waits looks again ever later, within bounds, and not in step with others (%d)", async (random, waits) => {
  vi.spyOn(Math, "random").mockReturnValue(random);
  const asleep = vi.mocked(sleep).mockClear().mockResolvedValue(undefined);
  const store = new MemoryStore();
  const lock = vi.spyOn(store, "lock");
  for (const _ of waits) lock.mockResolvedValueOnce(false);
  await withLock(store, "a", aCall(), async () => {});
  expect(asleep.mock.calls.map(([wait]) => wait)).toEqual(waits);
});

test.each([
  ["what is left of the call", undefined, 15_000],
  ["what the work may take", 60_000, 60_000],
])("the lock is taken for %s and a margin, and for as long again by who stays", async (_, hold, duration) => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const store = new MemoryStore();
  const lock = vi.spyOn(store, "lock");
  await withLock(store, "a", aCall(), stay => stay(), hold);
  const [first, second] = lock.mock.calls;
  expect(first).toEqual(["lock:a", expect.any(String), duration + 5_000]);
  expect(second).toEqual(first);
});
