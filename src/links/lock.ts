/**
 * One at a time, over all processes that share the store.
 *
 * Who begins by writing what nobody else can write then has a claim: it keeps others out without a lock, for as long as it may
 * take to see that its work still goes on. Clocks of machines differ: how long a claim has stood is for each to see by
 * themselves, and no time is compared with another machine's.
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
/** Milliseconds that closing waits for locks that are given back. */
const GIVING_BACK = 1_000;
/** Milliseconds between one renewal of the lease and the next. */
const BEAT = 3_000;
/** Milliseconds after which work that began with a claim takes the lock: most of it is over by then. */
const CLAIMED_BEAT = 2_000;
/** Milliseconds that making a claim may take: who was kept longer takes the lock before anything else. */
export const CLAIMING: number = 1_000;
/** Milliseconds that others leave a claim alone from when they first saw it: its holder has tried twice by then to take the lock. */
export const CLAIM: number = CLAIMING + CLAIMED_BEAT + BEAT;

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
  const patience = new Patience(call);
  while (!(await lock.take())) await patience.pause();
  return lock.holding(work);
}

/**
 * Does the work by a claim that was made just now. Where it lasts, the lock is taken, and kept as any other; where the work
 * needs it before, `hold` takes it and says whether it could be had.
 */
export function withClaim<T>(
  store: Store,
  name: string,
  work: (hold: () => Promise<boolean>) => Promise<T>,
): Promise<T> {
  const lock = new Lock(store, name);
  return lock.holding(() => work(() => lock.take()), CLAIMED_BEAT);
}

/**
 * Looks until no claim shows any more, or it has stood for so long that the lock tells whether somebody is at it. A call that
 * ends before leaves to the next one what it has waited.
 *
 * @param claimOf - The version of a claim; `undefined` for what is none.
 */
export async function lookPastClaim<T>(
  store: Store,
  name: string,
  call: Call,
  look: () => Promise<T>,
  claimOf: (seen: T) => number | undefined,
): Promise<T> {
  const patience = new Patience(call);
  for (;;) {
    const seen = await look();
    const claim = claimOf(seen);
    if (claim === undefined || hasStood(store, name, claim)) return seen;
    await patience.pause();
  }
}

/** When this process first saw a claim that still stood when it last looked, by its lock's name. */
const watched = new WeakMap<Store, Map<string, { readonly claim: number; readonly since: number }>>();
const MOST_WATCHED = 10_000;

/** Whether a claim has stood for long enough. */
function hasStood(store: Store, name: string, claim: number): boolean {
  const claims = watched.get(store) ?? new Map<string, { readonly claim: number; readonly since: number }>();
  watched.set(store, claims);
  const known = claims.get(name);
  claims.delete(name);
  const since = known?.claim === claim ? known.since : performance.now();
  if (performance.now() - since >= CLAIM) return true;
  claims.set(name, { claim, since });
  const [oldest = name] = claims.keys();
  if (claims.size > MOST_WATCHED) claims.delete(oldest);
  return false;
}

/** Resolves when the locks of this store that are given back are free. What takes too long frees itself in time. */
export async function handedBack(store: Store): Promise<void> {
  await atMost(GIVING_BACK, Promise.all(returning.get(store) ?? []));
}

/** Locks that are being given back. Nobody but closing waits for them. */
const returning = new WeakMap<Store, Set<Promise<unknown>>>();

/** Waits, longer each time, and spread out, so that those who wait do not all come back in step. */
class Patience {
  readonly #call: Call;
  #wait = FIRST_WAIT;

  constructor(call: Call) {
    this.#call = call;
  }

  async pause(): Promise<void> {
    const wait = this.#wait * (0.5 + Math.random());
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    await sleep(wait, undefined, { signal: this.#call.signal }).catch(() => {
      throw endedEarly(this.#call, "no", "store lock");
    });
  }
}

/** A lease that its holder keeps by a heartbeat, for as long as its work takes; one that is killed keeps it no longer. */
class Lock {
  readonly #store: Store;
  // Never the key of an entry: a store may keep locks and entries side by side.
  readonly #key: string;
  readonly #owner = randomUUID();
  /** Whether there may be something to give back. */
  #asked = false;

  constructor(store: Store, name: string) {
    this.#store = store;
    this.#key = `lock:${name}`;
  }

  take(): Promise<boolean> {
    this.#asked = true;
    return this.#store.lock(this.#key, this.#owner, LEASE);
  }

  async holding<T>(work: () => Promise<T>, firstBeat: number = BEAT): Promise<T> {
    const beats = new Set<Promise<unknown>>();
    const beat = () => {
      const taken: Promise<unknown> = this.take()
        .catch(() => {})
        .finally(() => beats.delete(taken));
      beats.add(taken);
      heart = setTimeout(beat, BEAT);
    };
    let heart = setTimeout(beat, firstBeat);
    try {
      return await work();
    } finally {
      clearTimeout(heart);
      if (this.#asked) this.#giveBack(beats);
    }
  }

  /** The result of the work does not wait for it. */
  #giveBack(beats: ReadonlySet<Promise<unknown>>): void {
    const unlock = () => this.#store.unlock(this.#key, this.#owner);
    const others = returning.get(this.#store) ?? new Set();
    returning.set(this.#store, others);
    // A beat under way would take the lock again behind our back. What was done is done: a lock that can't be given back
    // frees itself in time.
    const given: Promise<unknown> = (beats.size === 0 ? unlock() : Promise.all(beats).then(unlock))
      .catch(() => {})
      .finally(() => others.delete(given));
    others.add(given);
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
