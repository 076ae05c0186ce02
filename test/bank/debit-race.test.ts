/** Processes that make the same debits at once, die or stand still wherever it happens, by clocks that differ: in a time of their own. */
import { AsyncLocalStorage } from "node:async_hooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Debits } from "../../src/bank/debits.js";
import { DebitOutcomeUnknownError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import type { PutOptions, Store } from "../../src/links/store.js";
import { Calls } from "../../src/transport/calls.js";
import { untilEnded } from "../../src/transport/single-flight.js";
import { generator } from "../soak/random.js";
import { DebitBank, FATES } from "../support/debit-bank.js";
import { configuration } from "../support/options.js";
import { contextTo, openDebits } from "../support/stub-rooms.js";

// The clock of the test moves only when the test moves it.
vi.mock("node:timers/promises", () => ({
  setTimeout: (milliseconds: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason);
      const end = () => reject(signal?.reason);
      setTimeout(() => {
        signal?.removeEventListener("abort", end);
        resolve(value);
      }, milliseconds);
      signal?.addEventListener("abort", end, { once: true });
    }),
}));

// Others or more: RACE_SEED=… RACE_RUNS=… npx vitest run test/bank/debit-race.test.ts
const SEED = Number(process.env["RACE_SEED"] ?? 1);
const RUNS = Number(process.env["RACE_RUNS"] ?? 20);
const REFERENCES = ["order-1", "order-2"];
const MINUTE = 60_000;
const CALLS = new Calls(15_000);
const SETTINGS = {
  "by-reference": configuration("fapi2-security"),
  none: configuration("fapi2-security", { contract: { inquiry: "none" } }),
};

interface Weather {
  /** Milliseconds by which a clock may be wrong. */
  readonly skew: number;
  /** Whether processes stand still, and the store takes its time. */
  readonly rough: boolean;
  readonly inquiry: "by-reference" | "none";
}

/** What a clock is wrong by, for all that is done in its process. */
const skews = new AsyncLocalStorage<number>();

/** What waits are spread out by. */
let backoff = generator(0);

class World {
  readonly bank = new DebitBank();
  readonly store = new MemoryStore();
  readonly random: () => number;
  readonly weather: Weather;
  /** Who has sent a POST for a reference that has not arrived yet, and who waits for the answer to one. */
  readonly underWay = new Map<string, Set<Process>>();
  readonly waiting = new Map<string, Set<Process>>();
  /** What should not have been. */
  readonly wrong: string[] = [];

  constructor(seed: number, weather: Weather) {
    this.random = generator(seed);
    this.weather = weather;
  }

  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  /** A way that is short most of the time, and at times longer than a lock is held for. */
  wait(long: number): Promise<void> {
    const wait = this.random() < long ? this.between(1_000, 14_000) : this.between(0, 40);
    return new Promise(resolve => setTimeout(resolve, wait));
  }

  of(map: Map<string, Set<Process>>, reference: string): Set<Process> {
    const processes = map.get(reference) ?? new Set();
    map.set(reference, processes);
    return processes;
  }

  moved(reference: string): number {
    return this.bank.ledger.filter(debit => debit.partnerTransactionId === reference).length;
  }
}

/** One process. Nothing that leaves it, or comes to it, does so after its death, or while it stands still. */
class Process {
  readonly debits: Debits;
  readonly recover: () => AsyncIterable<unknown>;
  readonly refused = new Set<string>();
  dead = false;
  #still: Promise<unknown> = Promise.resolve();
  readonly #world: World;
  readonly #skew: number;

  constructor(world: World, skew: number) {
    this.#world = world;
    this.#skew = skew;
    const settings = SETTINGS[world.weather.inquiry];
    const context = contextTo(async (outgoing, call) => {
      if (outgoing.method !== "POST") return this.#step(() => world.bank.send(outgoing), 0.02);
      const { partnerTransactionId: reference } = JSON.parse(outgoing.body ?? "{}");
      const [waiting, underWay] = [world.of(world.waiting, reference), world.of(world.underWay, reference)];
      const others = [...waiting].filter(process => process !== this && !process.dead);
      if (!world.weather.rough && others.length > 0) world.wrong.push(`${reference} is sent by two at once`);
      waiting.add(this);
      underWay.add(this);
      // What has left arrives, whatever becomes of its sender.
      const answered = this.#step(
        () => world.bank.send(outgoing),
        0.2,
        () => underWay.delete(this),
      );
      return untilEnded(answered, call, "https://api.bank.example/direct-debits", "possible").finally(() =>
        waiting.delete(this),
      );
    }, settings);
    const store = this.#through(world.store);
    this.debits = new Debits(context, store);
    const open = openDebits(store, CALLS, () => this.debits);
    this.recover = () => open.recover();
  }

  does<T>(work: () => Promise<T>): Promise<T> {
    return skews.run(this.#skew, work);
  }

  standStill(milliseconds: number): void {
    this.#still = new Promise(resolve => setTimeout(resolve, milliseconds));
  }

  /** There, and back. */
  async #step<T>(work: () => T | Promise<T>, long: number, arrived: () => void = () => {}): Promise<T> {
    await this.#still;
    if (this.dead) {
      arrived();
      return new Promise(() => {});
    }
    await this.#world.wait(long);
    const settled = await Promise.allSettled([skews.exit(async () => work())]);
    arrived();
    await this.#world.wait(long);
    await this.#still;
    if (this.dead) return new Promise(() => {});
    const [outcome] = settled;
    if (outcome?.status === "rejected") throw outcome.reason;
    return outcome?.value as T;
  }

  #through(kept: Store): Store {
    const long = this.#world.weather.rough ? 0.03 : 0;
    const put = async (key: string, value: string, options: PutOptions) => {
      const version = await kept.put(key, value, options);
      const { state, reference } = JSON.parse(value);
      if (version !== undefined && state === "prepared") this.#refuse(reference);
      return version;
    };
    return {
      get: key => this.#step(() => kept.get(key), long),
      put: (key, value, options) => this.#step(() => put(key, value, options), long),
      take: key => this.#step(() => kept.take(key), long),
      find: options => this.#step(() => kept.find(options), long),
      lock: (key, owner, duration) => this.#step(() => kept.lock(key, owner, duration), long),
      unlock: (key, owner) => this.#step(() => kept.unlock(key, owner), long),
    };
  }

  /** "It was not made": then none was, and none can come any more. */
  #refuse(reference: string): void {
    this.refused.add(reference);
    const { bank, wrong } = this.#world;
    const comes = bank.isRunning(reference) || this.#world.of(this.#world.underWay, reference).size > 0;
    if (this.#world.moved(reference) > 0 || comes) wrong.push(`${reference} was called not made, and is`);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout", "performance"] });
  const right = Date.now;
  Date.now = () => right() + (skews.getStore() ?? 0);
  vi.spyOn(Math, "random").mockImplementation(() => backoff());
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Lets time pass until the work is over, at most that long. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let over = false;
  void work.then(
    () => (over = true),
    () => (over = true),
  );
  for (let passed = 0; !over && passed < milliseconds; passed += 1_000) await vi.advanceTimersByTimeAsync(1_000);
  if (!over) throw new Error("it does not end");
  await work;
}

async function race(seed: number, weather: Weather): Promise<void> {
  const world = new World(seed, weather);
  backoff = generator(-seed);
  const { bank, random } = world;
  const between = (least: number, most: number) => world.between(least, most);
  bank.fates.push(
    ...Array.from({ length: 12 }, () => (random() < 0.5 ? "succeeds" : FATES[between(0, FATES.length - 1)]!)),
  );
  // The bank can't be asked either, now and then.
  if (weather.rough)
    for (const at of [between(0, 9_000), between(0, 20_000)]) setTimeout(() => bank.failingInquiries++, at);
  const processes = Array.from({ length: 6 }, () => new Process(world, between(-weather.skew, weather.skew)));
  const told: { readonly process: Process; readonly reference: string; readonly outcome: unknown }[] = [];
  const living: Promise<unknown>[] = [];
  for (const [index, process] of processes.entries()) {
    const dies = index % 2 === 1;
    if (dies) setTimeout(() => (process.dead = true), between(0, random() < 0.5 ? 150 : 8_000));
    if (weather.rough && random() < 0.5) setTimeout(() => process.standStill(between(500, 20_000)), between(0, 300));
    const calls = REFERENCES.map(async reference => {
      await new Promise(resolve => setTimeout(resolve, random() < 0.7 ? between(0, 60) : between(0, 15_000)));
      const order = { reference, amount: 100, description: "ﾎﾝ" };
      const outcome = await process.does(() => process.debits.create(order)).catch((error: unknown) => error);
      told.push({ process, reference, outcome });
    });
    const recovers = (async () => {
      await new Promise(resolve => setTimeout(resolve, between(0, 20_000)));
      await process.does(async () => {
        for await (const _ of process.recover()) if (process.dead) return;
      });
    })();
    if (!dies) living.push(...calls, ...(index === 0 ? [recovers] : []));
  }
  await within(5 * MINUTE, Promise.all(living));

  // All that was sent has come by now; somebody comes after them, by the right clock.
  for (const process of processes) process.dead = true;
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  bank.catchUp();
  bank.complete("succeeded");
  bank.fates.length = 0;
  const heir = new Process(world, 0);
  const isOpen = async () => (await world.store.find({ label: "debit", value: "open", limit: 10 })).length > 0;
  const settling = async () => {
    for (let round = 0; round < 20 && (await isOpen()); round++) for await (const _ of heir.recover());
  };
  await within(60 * MINUTE, settling());
  expect(await isOpen()).toBe(false);
  for (const reference of REFERENCES) {
    const keys = new Set(bank.posts.filter(post => post.body.partnerTransactionId === reference).map(post => post.key));
    if (keys.size > 1) world.wrong.push(`${reference} was sent under two keys`);
    if (world.moved(reference) > 1) world.wrong.push(`${reference} was made twice`);
  }
  for (const { process, reference, outcome } of told) {
    if (outcome instanceof DebitOutcomeUnknownError) continue;
    if (outcome instanceof Error) {
      if (!process.refused.has(reference)) world.wrong.push(`${reference} ended in ${outcome}`);
      continue;
    }
    const ids = bank.ledger.filter(debit => debit.partnerTransactionId === reference).map(debit => debit.debitId);
    if (!ids.includes((outcome as { debitId: string }).debitId))
      world.wrong.push(`${reference} is told of, and was not made`);
  }
  expect(world.wrong, world.wrong.join("; ")).toEqual([]);
}

const HOUR = 60 * MINUTE;

describe.each<[string, Weather]>([
  ["that die", { skew: 0, rough: false, inquiry: "by-reference" }],
  ["that die, by clocks that are half an hour off", { skew: HOUR / 2 - MINUTE, rough: false, inquiry: "by-reference" }],
  [
    "that die, at a bank that can't be asked, by clocks that are hours off",
    { skew: 8 * HOUR, rough: false, inquiry: "none" },
  ],
  ["that die or stand still, with a slow store", { skew: HOUR / 2 - MINUTE, rough: true, inquiry: "by-reference" }],
  [
    "that die or stand still, with a slow store, at a bank that can't be asked",
    { skew: 0, rough: true, inquiry: "none" },
  ],
])("processes %s", (_, weather) => {
  test(`make each debit once, under one key, and tell the truth: ${RUNS} runs from seed ${SEED}`, async () => {
    for (let run = 0; run < RUNS; run++) {
      await race(SEED + run, weather).catch((error: Error) => {
        throw new Error(`seed ${SEED + run}: ${error.message}`, { cause: error });
      });
    }
  }, 300_000);
});
