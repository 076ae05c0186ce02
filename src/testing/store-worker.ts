/**
 * A process that works on a store, for its contract: one of several at the same time.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../links/store.js";

/** What a process is told to do. */
export type Work =
  | { readonly kind: "increment"; readonly key: string; readonly attempts: number }
  | { readonly kind: "take"; readonly keys: readonly string[] }
  | { readonly kind: "guard"; readonly lock: string; readonly key: string; readonly rounds: number }
  | { readonly kind: "hold"; readonly lock: string; readonly duration: number };

/** What a process says: that it has opened its store, what it has done, or why it can't go on. */
export type Report = { readonly done?: readonly (string | number)[]; readonly failure?: string };

const LONG = 60_000;
const LONGEST_PAUSE = 5;

/** The versions that were written. */
async function increment(store: Store, key: string, attempts: number): Promise<readonly number[]> {
  const versions: number[] = [];
  for (let attempt = 0; attempt < attempts; attempt++) {
    const entry = await store.get(key);
    if (!entry) throw new Error("an entry is away while it is put over");
    const version = await store.put(key, String(Number(entry.value) + 1), { version: entry.version });
    if (typeof version === "number") versions.push(version);
  }
  return versions;
}

/** The keys of the entries that this process got. */
async function take(store: Store, keys: readonly string[]): Promise<readonly string[]> {
  const taken = await Promise.all(keys.map(async key => ((await store.take(key)) ? [key] : [])));
  return taken.flat();
}

/** Adds to what only the lock protects: whatever version is there is put over. */
async function guard(store: Store, lock: string, key: string, rounds: number): Promise<readonly number[]> {
  const owner = `process ${process.pid}`;
  for (let round = 0; round < rounds; round++) {
    while (!(await store.lock(lock, owner, LONG))) await sleep(Math.random() * LONGEST_PAUSE);
    const before = await store.get(key);
    await sleep(1);
    const now = await store.get(key);
    await store.put(key, String(Number(before?.value) + 1), { version: now?.version ?? 0 });
    await store.unlock(lock, owner);
  }
  return [rounds];
}

async function hold(store: Store, lock: string, duration: number): Promise<readonly number[]> {
  return (await store.lock(lock, `process ${process.pid}`, duration)) ? [duration] : [];
}

function doWork(store: Store, work: Work): Promise<readonly (string | number)[]> {
  switch (work.kind) {
    case "increment":
      return increment(store, work.key, work.attempts);
    case "take":
      return take(store, work.keys);
    case "guard":
      return guard(store, work.lock, work.key, work.rounds);
    case "hold":
      return hold(store, work.lock, work.duration);
  }
}

async function openStore(module: string): Promise<Store> {
  const { default: open }: { readonly default?: () => Store | Promise<Store> } = await import(module);
  if (typeof open !== "function") throw new Error("its default export is not a function that opens a store");
  return await open();
}

function report(said: Report): void {
  process.send?.(said);
}

function fail(error: unknown): void {
  report({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

// Ends with who started it, and leaves connections to the system: that is what happens to a server, too.
process.on("disconnect", () => process.exit());
openStore(process.argv[2] ?? "")
  .then(store => {
    process.on("message", work => {
      doWork(store, work as Work).then(done => report({ done }), fail);
    });
    report({});
  })
  .catch(fail);
