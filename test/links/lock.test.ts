import { expect, test } from "vitest";
import { TransportError } from "../../src/errors.js";
import { withLock } from "../../src/links/lock.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { aCall, shortCall } from "../support/calls.js";
import { rejection } from "../support/errors.js";

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

test("the lock is free again after the work, be it done or thrown out of", async () => {
  const store = new MemoryStore();
  await withLock(store, "a", aCall(), async () => {});
  const failing = withLock(store, "a", aCall(), () => Promise.reject(new Error("no")));
  expect((await rejection(failing, Error)).message).toBe("no");
  expect(await store.lock("lock:a", "next", 1_000)).toBe(true);
});

test("who waits in vain gives up when the call ends, and has done nothing", async () => {
  const store = new MemoryStore();
  await store.lock("lock:a", "somebody", 60_000);
  let worked = false;
  const waiting = withLock(store, "a", shortCall(30), async () => {
    worked = true;
  });
  expect((await rejection(waiting, TransportError)).code).toBe("timeout");
  expect(worked).toBe(false);
  expect(await store.lock("lock:a", "another", 1_000)).toBe(false);
});

test("a lock outlives its call, so that it is not free while the work is still ending", async () => {
  const store = new MemoryStore();
  await withLock(store, "a", shortCall(10), async () => {
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(await store.lock("lock:a", "another", 1_000)).toBe(false);
  });
});
