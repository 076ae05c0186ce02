import { randomUUID } from "node:crypto";
import { storeContract } from "minna-baas/testing";
import { createClient, createCluster, createSentinel, RESP_TYPES } from "redis";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ConfigurationError } from "../../src/errors.js";
import type { FindOptions, Store } from "../../src/links/store.js";
import { type RedisClient, redisStore } from "../../src/stores/redis.js";
import type { TestClient } from "../support/redis-server.js";

const url = process.env["MINNA_TEST_REDIS"];
if (url === undefined) console.log("The Redis store is not tested: MINNA_TEST_REDIS, the URL of a server, is not set.");

const LATER = 3_600_000;
const PREFIX = `minna-test-${randomUUID()}:`;

describe.skipIf(url === undefined)("on a server", () => {
  let client: TestClient;
  let stores = 0;

  beforeAll(async () => {
    client = await connect();
  });

  afterAll(async () => {
    for (const key of await keys(`${PREFIX}*`)) await client.del(key);
    await client.close();
  });

  async function connect(options: object = {}): Promise<TestClient> {
    const made = createClient({ url: url!, ...options }) as TestClient;
    made.on("error", () => {});
    await made.connect();
    return made;
  }

  async function keys(match: string): Promise<string[]> {
    const found: string[] = [];
    for await (const page of client.scanIterator({ MATCH: match, COUNT: 1000 })) found.push(...page);
    return found;
  }

  const nextPrefix = (): string => `${PREFIX}${++stores}:`;
  const makeStore = (): Store => redisStore(client, { prefix: nextPrefix() });

  describe.each<[string, object, (client: TestClient) => RedisClient]>([
    ["by default", {}, made => made],
    ["in RESP2", { RESP: 2 }, made => made],
    ["in buffers", {}, made => made.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })],
  ])("the contract of a store, with a client that speaks %s", (name, options, adapt) => {
    const made: TestClient[] = [];
    const prefix = nextPrefix();
    const open = async (): Promise<Store> => {
      const connected = await connect(options);
      made.push(connected);
      return redisStore(adapt(connected), { prefix });
    };
    // Inherited by the processes that the contract starts.
    beforeAll(() => {
      process.env["MINNA_TEST_REDIS_PREFIX"] = prefix;
      // Of what the server may lose with its machine: see redis-durability.test.ts.
      vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    });
    afterAll(() => {
      vi.restoreAllMocks();
    });
    afterEach(async () => {
      await Promise.all(made.splice(0).map(connected => connected.close()));
    });
    const processes = { module: new URL("redis-process.mjs", import.meta.url) };
    for (const { name: rule, run } of storeContract(open, name === "by default" ? { processes } : {})) {
      test(rule, run, 60_000);
    }
  });

  test("stores of two prefixes don't see each other", async () => {
    const [ours, theirs] = [makeStore(), makeStore()];
    await ours.put("a", "ours", { version: 0, labels: { l: "v" } });
    await ours.lock("a", "me", LATER);
    expect(await theirs.get("a")).toBeUndefined();
    expect(await theirs.find({ label: "l", value: "v", limit: 10 })).toEqual([]);
    expect(await theirs.lock("a", "you", LATER)).toBe(true);
    expect(await theirs.put("a", "theirs", { version: 0 })).toBeDefined();
    expect((await ours.get("a"))?.value).toBe("ours");
  });

  test("a server that forgot its scripts is told them again", async () => {
    const store = makeStore();
    await client.scriptFlush();
    const version = await store.put("a", "1", { version: 0, labels: { l: "v" } });
    await client.scriptFlush();
    expect(await store.find({ label: "l", value: "v", limit: 10 })).toHaveLength(1);
    await client.scriptFlush();
    expect(await store.take("a")).toMatchObject({ value: "1", version });
    await client.scriptFlush();
    expect(await store.lock("a", "me", LATER)).toBe(true);
    await client.scriptFlush();
    await store.unlock("a", "me");
    expect(await store.lock("a", "you", LATER)).toBe(true);
  });

  test("a version grows with each put, whatever happened to the entry and to the last version", async () => {
    const prefix = nextPrefix();
    const store = redisStore(client, { prefix });
    const versions: number[] = [];
    const put = async (version: number, expiresAt?: number) => {
      versions.push((await store.put("a", "", { version, ...(expiresAt === undefined ? {} : { expiresAt }) }))!);
    };
    await put(0);
    await put(versions.at(-1)!);
    await store.take("a");
    await put(0);
    await put(versions.at(-1)!, Date.now() - 1);
    await put(0);
    await client.del(`${prefix}version`);
    await put(versions.at(-1)!);
    const future = Date.now() * 1000 + 60_000_000;
    await client.set(`${prefix}version`, String(future));
    await put(versions.at(-1)!);
    expect(versions.at(-1)).toBe(future + 1);
    // The counter is lost, and the clock behind.
    await client.del(`${prefix}version`);
    await put(versions.at(-1)!);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    expect(versions.every(Number.isSafeInteger)).toBe(true);
  });

  test("an entry without an end has none in Redis, and one with an end has that one", async () => {
    const prefix = nextPrefix();
    const store = redisStore(client, { prefix });
    const end = Date.now() + LATER;
    const version = await store.put("a", "1", { version: 0, expiresAt: end });
    expect(Number(await client.sendCommand(["PEXPIRETIME", `${prefix}entry:a`]))).toBe(end);
    const next = await store.put("a", "1", { version: version!, expiresAt: Number.POSITIVE_INFINITY });
    expect(await client.pTTL(`${prefix}entry:a`)).toBe(-1);
    await store.put("a", "1", { version: next!, expiresAt: end + 0.5 });
    expect(Number(await client.sendCommand(["PEXPIRETIME", `${prefix}entry:a`]))).toBe(end);
  });

  test("what is gone leaves nothing behind but the last version", async () => {
    const prefix = nextPrefix();
    const store = redisStore(client, { prefix });
    const version = await store.put("a", "1", {
      version: 0,
      labels: { l: "v", m: "w" },
      expiresAt: Date.now() + LATER,
    });
    await store.put("a", "2", { version: version!, labels: { l: "v" }, expiresAt: Date.now() - 1 });
    await store.put("b", "1", { version: 0, labels: { l: "v" }, expiresAt: Date.now() - 1 });
    await store.put("c", "1", { version: 0, labels: { l: "v" } });
    await store.take("c");
    await store.lock("d", "me", LATER);
    await store.unlock("d", "me");
    await store.lock("e", "me", -1);
    expect(await keys(`${prefix}*`)).toEqual([`${prefix}version`]);
  });

  describe("finding", () => {
    const found = async (store: Store, options: Omit<FindOptions, "label">): Promise<string[]> =>
      (await store.find({ label: "l", ...options })).map(entry => entry.key);

    test("tells a value from those that begin with it, and orders them before those", async () => {
      const store = makeStore();
      const values = ["a", "a\0", "a\0\0", "a\0b", "a\x01", "aa", "b", "", "é", "😀"];
      for (const value of values) {
        for (const key of ["\0", "\0\0k", "z"]) {
          await store.put(`${value}|${key}`, "", { version: 0, labels: { l: value } });
        }
      }
      for (const value of values) {
        expect(await found(store, { value, limit: 10 })).toEqual([`${value}|\0`, `${value}|\0\0k`, `${value}|z`]);
      }
      const sorted = ["", "a", "a\0", "a\0\0", "a\0b", "a\x01", "aa", "b", "é", "😀"];
      const all = await found(store, { value: "", through: "😀", limit: 100 });
      expect([...new Set(all.map(key => key.split("|")[0]))]).toEqual(sorted);
      expect(await found(store, { value: "a\0", through: "a", limit: 100 })).toEqual([]);
      const range = await found(store, { value: "a", through: "a\0", limit: 100 });
      expect(range).toHaveLength(6);
    });

    test("starts where the range does, with a cursor from before it", async () => {
      const store = makeStore();
      for (const value of ["1", "2", "3"]) await store.put(`k${value}`, "", { version: 0, labels: { l: value } });
      await store.put("k1 too", "", { version: 0, labels: { l: "1" } });
      const [first] = await store.find({ label: "l", value: "1", limit: 1 });
      expect(await found(store, { value: "2", through: "3", after: first!.cursor, limit: 9 })).toEqual(["k2", "k3"]);
      const [second] = await store.find({ label: "l", value: "2", limit: 1 });
      expect(await found(store, { value: "1", through: "3", after: second!.cursor, limit: 9 })).toEqual(["k3"]);
    });

    test("gives no page for no limit", async () => {
      const store = makeStore();
      await store.put("a", "", { version: 0, labels: { l: "v" } });
      for (const limit of [0, -1, Number.NaN]) expect(await found(store, { value: "v", limit })).toEqual([]);
      expect(await found(store, { value: "v", limit: Number.POSITIVE_INFINITY })).toEqual(["a"]);
    });

    test("passes over thousands that Redis forgot, gives no empty page before the end, and forgets them too", async () => {
      const prefix = nextPrefix();
      const store = redisStore(client, { prefix });
      for (const key of ["a", "n", "z"]) await store.put(key, "", { version: 0, labels: { l: "v" } });
      const gone = Array.from({ length: 3_500 }, (_, at) => ({
        score: 0,
        value: `v\0\0${at < 1_000 ? "b" : "o"}${at}`,
      }));
      await client.zAdd(`${prefix}index:l`, gone);
      const pages: string[][] = [];
      for (let after: string | undefined; ; ) {
        const page = await store.find({ label: "l", value: "v", limit: 2, ...(after === undefined ? {} : { after }) });
        if (page.length === 0) break;
        pages.push(page.map(entry => entry.key));
        after = page.at(-1)?.cursor;
      }
      expect(pages.flat()).toEqual(["a", "n", "z"]);
      expect(await client.zCard(`${prefix}index:l`)).toBe(3);
    });

    test("does not take an entry for the one of the same key that had the label", async () => {
      const prefix = nextPrefix();
      const store = redisStore(client, { prefix });
      await store.put("a", "", { version: 0, labels: { l: "new" } });
      await client.zAdd(`${prefix}index:l`, { score: 0, value: "old\0\0a" });
      expect(await found(store, { value: "old", limit: 10 })).toEqual([]);
      expect(await found(store, { value: "new", limit: 10 })).toEqual(["a"]);
    });
  });

  test("entries that nobody asks for again leave nothing behind", async () => {
    const prefix = nextPrefix();
    const store = redisStore(client, { prefix });
    const labels = { customer: "u-1", month: "2026-11" };
    await store.put("kept", "", { version: 0, labels, expiresAt: Date.now() + LATER });
    for (let at = 0; at < 40; at += 1) {
      await store.put(`gone ${at}`, "", { version: 0, labels: { ...labels, l: `${at}` }, expiresAt: Date.now() + 20 });
    }
    const count = async (): Promise<unknown[]> => [
      (await keys(`${prefix}*`)).map(key => key.slice(prefix.length)).sort(),
      await client.zCard(`${prefix}index:customer`),
      await client.zCard(`${prefix}expiring`),
    ];
    await expect
      .poll(
        async () => {
          await store.take("any");
          await store.put("any", "", { version: 0 });
          return count();
        },
        { timeout: 10_000, interval: 50 },
      )
      .toEqual([["entry:any", "entry:kept", "expiring", "index:customer", "index:month", "version"], 1, 2]);
    expect(await store.find({ label: "customer", value: "u-1", limit: 10 })).toMatchObject([{ key: "kept" }]);
  });

  test("a lock that is kept has its new time, in whole milliseconds that Redis can count", async () => {
    const prefix = nextPrefix();
    const store = redisStore(client, { prefix });
    await store.lock("a", "me", 1_000);
    await store.lock("a", "me", LATER + 0.5);
    expect(await client.pTTL(`${prefix}lock:a`)).toBeGreaterThan(LATER - 1_000);
    expect(await store.lock("b", "me", Number.POSITIVE_INFINITY)).toBe(true);
    expect(await store.lock("b", "you", 1)).toBe(false);
    expect(await store.lock("c", "me", Number.NaN)).toBe(true);
    expect(await store.lock("c", "you", LATER)).toBe(true);
  });
});

describe("what is no client of the package redis", () => {
  const ioredis = { status: "ready", call() {}, sendCommand() {} };
  const rootNodes = [{ url: "redis://127.0.0.1:1" }];
  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["string", "redis://:CANARY@127.0.0.1"],
    ["without sendCommand", {}],
    ["ioredis", ioredis],
    ["Redis Cluster", createCluster({ rootNodes })],
    ["sentinel", createSentinel({ name: "m", sentinelRootNodes: [{ host: "127.0.0.1", port: 1 }] })],
  ])("is refused: %s", (found, client) => {
    const make = (): Store => redisStore(client as RedisClient);
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(found);
    expect(make).not.toThrow("CANARY");
  });

  test("options of another type are refused, all at once", () => {
    const client = { sendCommand: async () => null };
    const options = { prefix: 1, allowVolatileDebits: "yes" } as unknown as { prefix: string };
    expect(() => redisStore(client, options)).toThrow(/prefix: expected a string; found number\n.*allowVolatileDebits/);
  });
});
