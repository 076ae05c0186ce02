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
/** Milliseconds that a lock outlives its call, so that it never frees itself under work that is still ending. */
const MARGIN = 5_000;

/** Does the work if nobody holds the lock; `undefined` where somebody does. */
export async function ifUnlocked<T>(
  store: Store,
  name: string,
  call: Call,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const owner = randomUUID();
  const key = `lock:${name}`;
  if (!(await store.lock(key, owner, call.deadline - Date.now() + MARGIN))) return undefined;
  try {
    return await work();
  } finally {
    await store.unlock(key, owner).catch(() => {});
  }
}

/**
 * Does the work while holding a lock. Who had to wait must look again at what it came for: somebody else may have done it.
 *
 * @param work - `stay` keeps the lock for another while: for work that must not be overtaken while it tries again.
 * @param hold - Milliseconds that the work may take. Default: what is left of the call.
 */
export async function withLock<T>(
  store: Store,
  name: string,
  call: Call,
  work: (stay: () => Promise<void>) => Promise<T>,
  hold?: number,
): Promise<T> {
  const owner = randomUUID();
  // Never the key of an entry: a store may keep locks and entries side by side.
  const key = `lock:${name}`;
  let wait = FIRST_WAIT;
  const take = () => store.lock(key, owner, (hold ?? call.deadline - Date.now()) + MARGIN);
  while (!(await take())) {
    // Spread out, so that those who wait do not all come back in step.
    await sleep(wait * (0.5 + Math.random()), undefined, { signal: call.signal }).catch(() => {
      throw endedEarly(call, "no", "store lock");
    });
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
  try {
    return await work(async () => {
      await take();
    });
  } finally {
    // What was done is done: a lock that can't be given back frees itself in time.
    await store.unlock(key, owner).catch(() => {});
  }
}
