/**
 * One at a time, over all processes that share the store.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Call, endedEarly } from "../transport/call.js";
import type { Store } from "./store.js";

const FIRST_WAIT = 20;
const LONGEST_WAIT = 500;
/** Milliseconds for which a lock is taken: so long others wait for a holder that was killed. */
const LEASE = 10_000;
/** Milliseconds that giving a lock back may keep its work's result waiting. */
const GIVING_BACK = 1_000;
/** Milliseconds between one renewal of the lease and the next. */
const BEAT = 3_000;

/** Does the work if nobody holds the lock; `undefined` where somebody does. */
export async function ifUnlocked<T>(store: Store, name: string, work: () => Promise<T>): Promise<T | undefined> {
  const lock = new Lock(store, name);
  return (await lock.take()) ? lock.holding(work) : undefined;
}

/**
 * Does the work while holding a lock. Who had to wait must look again at what it came for: somebody else may have done it.
 */
export async function withLock<T>(store: Store, name: string, call: Call, work: () => Promise<T>): Promise<T> {
  const lock = new Lock(store, name);
  let wait = FIRST_WAIT;
  while (!(await lock.take())) {
    // Spread out, so that those who wait do not all come back in step.
    await sleep(wait * (0.5 + Math.random()), undefined, { signal: call.signal }).catch(() => {
      throw endedEarly(call, "no", "store lock");
    });
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
  return lock.holding(work);
}

/** A lease that its holder keeps by a heartbeat, for as long as its work takes; one that is killed keeps it no longer. */
class Lock {
  readonly #store: Store;
  // Never the key of an entry: a store may keep locks and entries side by side.
  readonly #key: string;
  readonly #owner = randomUUID();

  constructor(store: Store, name: string) {
    this.#store = store;
    this.#key = `lock:${name}`;
  }

  take(): Promise<boolean> {
    return this.#store.lock(this.#key, this.#owner, LEASE);
  }

  async holding<T>(work: () => Promise<T>): Promise<T> {
    const beats = new Set<Promise<unknown>>();
    const heart = setInterval(() => {
      const beat: Promise<unknown> = this.take()
        .catch(() => {})
        .finally(() => beats.delete(beat));
      beats.add(beat);
    }, BEAT);
    try {
      return await work();
    } finally {
      clearInterval(heart);
      // A beat under way would take the lock again behind our back. What was done is done: a lock that can't be given back
      // soon frees itself in time.
      await atMost(
        GIVING_BACK,
        Promise.all(beats).then(() => this.#store.unlock(this.#key, this.#owner)),
      );
    }
  }
}

/** Waits for work that may fail, and no longer than that. */
async function atMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
}
