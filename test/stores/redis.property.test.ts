/** Whatever is done to a store, Redis answers as the store in memory does: versions are others, and change with the same puts. */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { createClient } from "redis";
import { expect, test } from "vitest";
import { MemoryStore } from "../../src/links/memory-store.js";
import type { FoundEntry, Store, StoreEntry } from "../../src/links/store.js";
import { redisStore } from "../../src/stores/redis.js";

// Another seed or more runs: FC_SEED=… FC_RUNS=… npx vitest run test/stores
const SEED = Number(process.env["FC_SEED"] ?? 5);
const RUNS = Number(process.env["FC_RUNS"] ?? 200);

const url = process.env["MINNA_TEST_REDIS"];
if (url === undefined) console.log("Redis is not compared with the store in memory: MINNA_TEST_REDIS is not set.");

const FUTURE = Date.now() + 3_600_000;
const KEYS = ["a", "aa", "b", "é"];
const LABELS = ["l", "m"];
const VALUES = ["", "v", "v!", "va", "w"];

const key = fc.constantFrom(...KEYS);
const label = fc.constantFrom(...LABELS);
const value = fc.constantFrom(...VALUES);
/** One of the versions, or cursors, that were given before, counted from the last. */
const back = fc.constantFrom(0, 0, 0, 1, 2, 5);

const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      key,
      value: fc.string({ unit: "grapheme" }),
      // Mostly the one that the entry has: others are refused.
      version: fc.constantFrom<"current" | "none" | 0 | 1 | 2>("current", "current", "current", "none", 0, 1, 2),
      expiresAt: fc.constantFrom(undefined, undefined, FUTURE, FUTURE, Number.POSITIVE_INFINITY, 0, FUTURE - 7_200_000),
      labels: fc.option(fc.dictionary(label, value), { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("take" as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("get" as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("find" as const),
      label,
      value,
      through: fc.option(value, { nil: undefined }),
      after: fc.option(back, { nil: undefined }),
      limit: fc.integer({ min: 0, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("lock" as const),
      key,
      owner: fc.constantFrom("me", "you"),
      duration: fc.constantFrom(-1, 0, 3_600_000, 3_600_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("unlock" as const), key, owner: fc.constantFrom("me", "you") }),
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Plays operations on one store; what they give is told in terms of the puts and pages before. */
class Player {
  readonly #store: Store;
  readonly #versions: number[] = [];
  readonly #cursors: string[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  async play(step: Operation): Promise<unknown> {
    switch (step.kind) {
      case "put":
        return this.#put(step);
      case "take":
        return this.#told(await this.#store.take(step.key));
      case "get":
        return this.#told(await this.#store.get(step.key));
      case "find": {
        const { label: name, value: from, through, after, limit } = step;
        const cursor = after === undefined ? undefined : this.#cursors.at(-1 - after);
        return this.#page({ label: name, value: from, limit, ...optional({ through, after: cursor }) });
      }
      case "lock":
        return this.#store.lock(step.key, step.owner, step.duration);
      case "unlock":
        return this.#store.unlock(step.key, step.owner);
    }
  }

  /** All that can be found, a page at a time. */
  async everything(): Promise<unknown> {
    const pages: unknown[] = [];
    for (const name of LABELS) {
      for (let after: string | undefined; ; after = this.#cursors.at(-1)) {
        const page = await this.#page({ label: name, value: "", through: "z", limit: 2, ...optional({ after }) });
        pages.push(page);
        if (page.length === 0) break;
      }
    }
    return pages;
  }

  async #put({ key: name, value: text, version, expiresAt, labels }: Operation & { kind: "put" }): Promise<unknown> {
    const replaced =
      version === "current"
        ? ((await this.#store.get(name))?.version ?? 0)
        : version === "none"
          ? 0
          : (this.#versions.at(-1 - version) ?? 0);
    const given = await this.#store.put(name, text, { version: replaced, ...optional({ expiresAt, labels }) });
    if (given === undefined) return "refused";
    expect(this.#versions).not.toContain(given);
    this.#versions.push(given);
    return this.#versions.length;
  }

  async #page(options: Parameters<Store["find"]>[0]): Promise<readonly unknown[]> {
    const page = await this.#store.find(options);
    this.#cursors.push(...page.map((entry: FoundEntry) => entry.cursor));
    return page.map(entry => this.#told(entry));
  }

  #told(entry: StoreEntry | undefined): unknown {
    if (entry === undefined) return undefined;
    return { key: entry.key, value: entry.value, put: this.#versions.indexOf(entry.version) + 1 };
  }
}

function optional<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, given]) => given !== undefined)) as never;
}

test.skipIf(url === undefined)(
  `Redis does as memory does (seed ${SEED}, ${RUNS} runs)`,
  async () => {
    const client = createClient({ url: url! });
    await client.connect();
    const prefixes = `minna-test-${randomUUID()}:`;
    let runs = 0;
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 40 }), async operations => {
          const [memory, redis] = [
            new Player(new MemoryStore()),
            new Player(redisStore(client, { prefix: `${prefixes}${++runs}:` })),
          ];
          for (const step of operations) expect(await redis.play(step)).toEqual(await memory.play(step));
          expect(await redis.everything()).toEqual(await memory.everything());
        }),
        { seed: SEED, numRuns: RUNS },
      );
    } finally {
      for await (const keys of client.scanIterator({ MATCH: `${prefixes}*`, COUNT: 1000 })) {
        if (keys.length > 0) await client.del(keys);
      }
      await client.close();
    }
  },
  60_000 + RUNS * 100,
);
