import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { TransportError } from "../../src/errors.js";
import { CLAIM, CLAIMING, handedBack, ifUnlocked, lookPastClaim, withClaim, withLock } from "../../src/links/lock.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import type { Store } from "../../src/links/store.js";
import type { Call } from "../../src/transport/call.js";
import { aCall, shortCall } from "../support/calls.js";
import { rejection } from "../support/errors.js";

const CLOCK = ["Date", "setTimeout", "clearTimeout"] as const;

/** Work that ends when the test says so. */
function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>(done => {
    resolve = done;
  });
  return { promise, resolve };
}

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
  [
    "that is taken or left",
    (store: Store, name: string, _: Call, work: () => Promise<unknown>) => ifUnlocked(store, name, work),
  ],
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

  test("is kept for as long as the work takes, by its holder alone", async () => {
    vi.useFakeTimers({ toFake: [...CLOCK] });
    const store = new MemoryStore();
    const lock = vi.spyOn(store, "lock");
    const work = deferred();
    const held = locked(store, "a", aCall(), () => work.promise);
    for (let second = 1; second <= 60; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await MemoryStore.prototype.lock.call(store, "lock:a", "another", 1)).toBe(false);
    }
    // Three beats to a lease: two of them may be lost.
    expect(lock.mock.calls.length).toBe(21);
    expect(new Set(lock.mock.calls.map(call => JSON.stringify(call))).size).toBe(1);
    expect(lock.mock.calls[0]).toEqual(["lock:a", expect.any(String), 10_000]);
    work.resolve();
    await held;
    expect(await store.lock("lock:a", "another", 1)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is kept though the store fails twice in between", async () => {
    vi.useFakeTimers({ toFake: [...CLOCK] });
    const store = new MemoryStore();
    const work = deferred();
    const held = locked(store, "a", aCall(), () => work.promise);
    await vi.advanceTimersByTimeAsync(0);
    const failing = vi
      .spyOn(store, "lock")
      .mockRejectedValueOnce(new Error("gone"))
      .mockRejectedValueOnce(new Error("gone"));
    await vi.advanceTimersByTimeAsync(9_900);
    expect(failing).toHaveBeenCalledTimes(3);
    expect(await store.lock("lock:a", "another", 1)).toBe(false);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(await store.lock("lock:a", "another", 1)).toBe(false);
    work.resolve();
    await held;
  });

  test("is not taken again after the work, by a beat that comes late or is under way", async () => {
    vi.useFakeTimers({ toFake: [...CLOCK] });
    const store = new MemoryStore();
    const work = deferred();
    const held = locked(store, "a", aCall(), () => work.promise);
    await vi.advanceTimersByTimeAsync(0);
    const way = deferred();
    const slow = vi.spyOn(store, "lock").mockImplementation(async (...parameters) => {
      await way.promise;
      return MemoryStore.prototype.lock.apply(store, parameters);
    });
    const unlock = vi.spyOn(store, "unlock");
    await vi.advanceTimersByTimeAsync(3_000);
    expect(slow).toHaveBeenCalledTimes(1);
    work.resolve();
    // The result waits for nothing.
    await held;
    // The beat could arrive behind the unlock: that waits for it.
    expect(unlock).not.toHaveBeenCalled();
    way.resolve();
    await handedBack(store);
    slow.mockRestore();
    expect(unlock).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await store.lock("lock:a", "another", 1)).toBe(true);
  });
});

test("a lock whose holder was killed is free again after ten seconds", async () => {
  vi.useFakeTimers({ toFake: [...CLOCK] });
  const store = new MemoryStore();
  const killed = new AbortController();
  const heard = {
    lock: (...parameters: Parameters<Store["lock"]>) =>
      killed.signal.aborted ? new Promise<boolean>(() => {}) : store.lock(...parameters),
  };
  void withLock(Object.assign(Object.create(store) as MemoryStore, heard), "a", aCall(), () => new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(4_000);
  killed.abort();
  // Its last beat was a second ago.
  await vi.advanceTimersByTimeAsync(8_900);
  expect(await store.lock("lock:a", "next", 10_000)).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(await store.lock("lock:a", "next", 10_000)).toBe(true);
});

test("work that is left where somebody is at it is not done", async () => {
  const store = new MemoryStore();
  await store.lock("lock:a", "somebody", 60_000);
  const work = vi.fn(async () => "done");
  expect(await ifUnlocked(store, "a", work)).toBeUndefined();
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

describe("work that begins with a claim", () => {
  test("says nothing to the store where it is over soon, be it done or thrown out of", async () => {
    vi.useFakeTimers({ toFake: [...CLOCK] });
    const store = new MemoryStore();
    const [lock, unlock] = [vi.spyOn(store, "lock"), vi.spyOn(store, "unlock")];
    const work = deferred();
    const claimed = withClaim(store, "a", () => work.promise);
    await vi.advanceTimersByTimeAsync(1_999);
    work.resolve();
    await claimed;
    const failing = withClaim(store, "a", () => Promise.reject(new Error("no")));
    expect((await rejection(failing, Error)).message).toBe("no");
    expect(lock).not.toHaveBeenCalled();
    expect(unlock).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("takes the lock where it lasts, before a claim stops counting, and keeps it as any other", async () => {
    vi.useFakeTimers({ toFake: [...CLOCK] });
    const store = new MemoryStore();
    // The first time in vain: there is time for another one.
    vi.spyOn(store, "lock").mockRejectedValueOnce(new Error("gone"));
    const work = deferred();
    const claimed = withClaim(store, "a", () => work.promise);
    await vi.advanceTimersByTimeAsync(CLAIM - CLAIMING - 1_000);
    for (let second = 0; second < 30; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await MemoryStore.prototype.lock.call(store, "lock:a", "another", 1)).toBe(false);
    }
    work.resolve();
    await claimed;
    expect(await store.lock("lock:a", "another", 1)).toBe(true);
  });

  test("leaves a lock that somebody else has to them", async () => {
    vi.useFakeTimers({ toFake: [...CLOCK] });
    const store = new MemoryStore();
    await store.lock("lock:a", "somebody", 60_000);
    const work = deferred();
    const claimed = withClaim(store, "a", () => work.promise);
    await vi.advanceTimersByTimeAsync(3_000);
    work.resolve();
    await claimed;
    expect(await store.lock("lock:a", "another", 1)).toBe(false);
  });
});

describe("who meets a claim", () => {
  const VERSIONS: Readonly<Record<string, number>> = { claim: 1, another: 2 };
  const past = (store: Store, look: () => Promise<string | undefined>, call = aCall()) =>
    lookPastClaim(store, "a", call, look, seen => VERSIONS[seen ?? ""]);
  /** Waits take no time, but the clock of the test. */
  const waits = () => {
    vi.useFakeTimers({ toFake: [...CLOCK, "performance"] });
    return vi
      .mocked(sleep)
      .mockReset()
      .mockImplementation(async (wait = 0) => void (await vi.advanceTimersByTimeAsync(wait)));
  };

  test("looks again until it shows no more", async () => {
    const asleep = waits();
    const seen = ["claim", "claim", "known"];
    expect(await past(new MemoryStore(), async () => seen.shift())).toBe("known");
    expect(asleep).toHaveBeenCalledTimes(2);
  });

  test("does not wait where there is none", async () => {
    const asleep = waits();
    expect(await past(new MemoryStore(), async () => "known")).toBe("known");
    expect(asleep).not.toHaveBeenCalled();
  });

  test.each([0, 0.5, 1])("goes on when it has stood for as long as it counts (%d)", async random => {
    vi.spyOn(Math, "random").mockReturnValue(random);
    const asleep = waits();
    const look = vi.fn(async () => "claim");
    const began = performance.now();
    expect(await past(new MemoryStore(), look)).toBe("claim");
    const waited = performance.now() - began;
    expect(waited).toBeGreaterThanOrEqual(CLAIM);
    expect(waited).toBeLessThan(CLAIM + 1_000);
    // And looks once more after the last wait.
    expect(look).toHaveBeenCalledTimes(asleep.mock.calls.length + 1);
  });

  test("begins anew with another one", async () => {
    waits();
    const store = new MemoryStore();
    const began = performance.now();
    const look = async () => (performance.now() - began < CLAIM / 2 ? "claim" : "another");
    await past(store, look);
    expect(performance.now() - began).toBeGreaterThanOrEqual(1.5 * CLAIM);
  });

  test("leaves to the next call what it has waited, when its own ends", async () => {
    const store = new MemoryStore();
    waits();
    const began = performance.now();
    const ending = aCall();
    const look = async () => {
      if (performance.now() - began > CLAIM / 2) vi.mocked(sleep).mockRejectedValueOnce(new Error("aborted"));
      return "claim";
    };
    expect(await rejection(past(store, look, ending), TransportError)).toMatchObject({ reached: "no" });
    await past(store, async () => "claim");
    expect(performance.now() - began).toBeLessThan(1.2 * CLAIM);
    // Of another store it knows nothing.
    const again = performance.now();
    await past(new MemoryStore(), async () => "claim");
    expect(performance.now() - again).toBeGreaterThanOrEqual(CLAIM);
  });

  test("gives up when the call ends", async () => {
    vi.useRealTimers();
    vi.mocked(sleep).mockReset();
    const waiting = past(new MemoryStore(), async () => "claim", shortCall(30));
    expect(await rejection(waiting, TransportError)).toMatchObject({ code: "timeout", reached: "no" });
  });
});

describe("a lock that is given back", () => {
  test("does not keep the result waiting; who closes can wait for it", async () => {
    const store = new MemoryStore();
    const way = deferred();
    vi.spyOn(store, "unlock").mockImplementation(async (...parameters) => {
      await way.promise;
      return MemoryStore.prototype.unlock.apply(store, parameters);
    });
    expect(await withLock(store, "a", aCall(), async () => "done")).toBe("done");
    const back = handedBack(store);
    expect(await store.lock("lock:a", "next", 1)).toBe(false);
    way.resolve();
    await back;
    expect(await store.lock("lock:a", "next", 1)).toBe(true);
  });

  test("is not waited for longer than a second", async () => {
    vi.useFakeTimers({ toFake: [...CLOCK] });
    const store = new MemoryStore();
    vi.spyOn(store, "unlock").mockReturnValue(new Promise(() => {}));
    await withLock(store, "a", aCall(), async () => {});
    let over = false;
    const waiting = handedBack(store).then(() => {
      over = true;
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    await handedBack(new MemoryStore());
    expect(vi.getTimerCount()).toBe(0);
  });
});
