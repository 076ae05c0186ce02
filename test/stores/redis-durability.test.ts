import { RESP_TYPES } from "redis";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { StoreError } from "../../src/errors.js";
import { GuardedStore } from "../../src/links/guarded-store.js";
import { type RedisClient, redisStore } from "../../src/stores/redis.js";
import { everythingShown, rejection } from "../support/errors.js";
import { hasRedisServer, RedisServer, type TestClient } from "../support/redis-server.js";

if (!hasRedisServer) console.log("What Redis keeps is not tested: there is no program redis-server.");

const AOF = ["--appendonly", "yes"];
const ALWAYS = [...AOF, "--appendfsync", "always"];
const DEBIT = { version: 0, durable: true, labels: { debit: "open" } };
const OPEN = { label: "debit", value: "open", limit: 10 };

/** Adds up what the store sends. */
function listening(client: RedisClient): { client: RedisClient; sent: string[]; fail: (error?: Error) => void } {
  const sent: string[] = [];
  let failure: Error | undefined;
  return {
    sent,
    fail: error => {
      failure = error;
    },
    client: {
      sendCommand: async args => {
        sent.push(args.slice(0, 2).join(" "));
        if (failure !== undefined) throw failure;
        return client.sendCommand(args);
      },
    },
  };
}

describe.skipIf(!hasRedisServer)("a server", () => {
  const servers: RedisServer[] = [];
  let warnings: MockInstance<typeof process.emitWarning>;

  const start = async (...settings: string[]): Promise<RedisServer> => {
    const server = await RedisServer.start(...settings);
    servers.push(server);
    return server;
  };
  const connect = async (...settings: string[]): Promise<TestClient> => (await start(...settings)).connect();
  const warned = (): unknown[] => warnings.mock.calls.map(([, options]) => (options as { code: string }).code);

  beforeEach(() => {
    warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  });

  afterEach(async () => {
    vi.restoreAllMocks();
    await Promise.all(servers.splice(0).map(server => server.close()));
  });

  describe("that would lose or evict a debit gets none, and keeps the rest:", () => {
    test.each<[string, string[], string]>([
      ["no append-only file", ["--appendonly", "no"], "appendonly yes"],
      ["snapshots only", ["--appendonly", "no", "--save", "60 1"], "appendonly yes"],
      ["allkeys-lru", [...ALWAYS, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"], "noeviction"],
      ["allkeys-random", [...ALWAYS, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-random"], "noeviction"],
    ])("%s", async (_, settings, advice) => {
      const client = await connect(...settings);
      const store = new GuardedStore(redisStore(client), 5_000);
      const error = await rejection(store.put("CANARY", "CANARY", DEBIT), StoreError);
      expect(error).toMatchObject({ code: "store_not_durable", operation: "put", retryable: false });
      expect(error.message).toContain(advice);
      expect(everythingShown(error)).not.toContain("CANARY");
      expect(await client.dbSize()).toBe(0);
      expect(warned()).toEqual([]);

      expect(await store.put("a", "1", { version: 0 })).toBeDefined();
      const volatile = redisStore(client, { allowVolatileDebits: true });
      expect(await volatile.put("b", "1", DEBIT)).toBeDefined();
      expect(await volatile.find(OPEN)).toMatchObject([{ key: "b" }]);
      expect(warned()).toEqual([]);
    });

    test("until it is set right, and again when that is undone", async () => {
      const client = await connect(...ALWAYS, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lfu");
      const clock = vi.spyOn(performance, "now").mockReturnValue(0);
      const store = redisStore(client);
      await store.put("free", "1", { version: 0 });
      await rejection(store.put("a", "1", DEBIT), StoreError);
      await client.configSet("maxmemory-policy", "volatile-lru");
      expect(await store.put("a", "1", DEBIT)).toBeDefined();
      await client.configSet("maxmemory-policy", "allkeys-lru");
      clock.mockReturnValue(59_999);
      expect(await store.put("b", "1", DEBIT)).toBeDefined();
      clock.mockReturnValue(60_000);
      await rejection(store.put("c", "1", DEBIT), StoreError);
      expect(await store.get("c")).toBeUndefined();
    });
  });

  test.each<[string, string[], string[]]>([
    ["appendfsync always", ALWAYS, []],
    ["noeviction", [...ALWAYS, "--maxmemory", "100mb", "--maxmemory-policy", "noeviction"], []],
    ["allkeys-lru without a limit", [...ALWAYS, "--maxmemory-policy", "allkeys-lru"], []],
    ["appendfsync everysec", [...AOF, "--appendfsync", "everysec"], ["MINNA_REDIS_APPENDFSYNC"]],
    ["appendfsync no", [...AOF, "--appendfsync", "no"], ["MINNA_REDIS_APPENDFSYNC"]],
  ])("with %s keeps debits, and is warned of once", async (_, settings, codes) => {
    const client = await connect(...settings);
    const store = redisStore(client);
    const clock = vi.spyOn(performance, "now").mockReturnValue(0);
    expect(await store.put("free", "1", { version: 0 })).toBeDefined();
    expect(warned()).toEqual([]);
    expect(await store.put("a", "1", DEBIT)).toBeDefined();
    clock.mockReturnValue(60_000);
    expect(await store.put("b", "1", DEBIT)).toBeDefined();
    expect(warned()).toEqual(codes);
    for (const [message, options] of warnings.mock.calls) {
      expect(options).toMatchObject({
        type: "MinnaBaasWarning",
        detail: expect.stringContaining("appendfsync always"),
      });
      expect(message).toMatch(settings.includes("no") ? /half a minute/ : /about two seconds/);
    }
  });

  test.each<[string, string[], string[]]>([
    ["volatile-lru", ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"], ["MINNA_REDIS_EVICTION"]],
    ["volatile-ttl", ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"], ["MINNA_REDIS_EVICTION"]],
    ["volatile-lru without a limit", ["--maxmemory", "0", "--maxmemory-policy", "volatile-lru"], []],
  ])("with %s may evict locks, not debits: keeps them, and is warned of once", async (_, settings, codes) => {
    const store = redisStore(await connect(...ALWAYS, ...settings));
    const clock = vi.spyOn(performance, "now").mockReturnValue(0);
    expect(await store.put("a", "1", DEBIT)).toBeDefined();
    clock.mockReturnValue(60_000);
    expect(await store.put("b", "1", DEBIT)).toBeDefined();
    expect(warned()).toEqual(codes);
    for (const [message, options] of warnings.mock.calls) {
      expect(message).toContain("locks");
      expect(options).toMatchObject({ type: "MinnaBaasWarning", detail: expect.stringContaining("noeviction") });
    }
  });

  test.each([Map, Array, Object])("is understood by a client that makes a %o of a reply", async type => {
    const client = await connect(...AOF, "--appendfsync", "everysec");
    const store = redisStore(client.withTypeMapping({ [RESP_TYPES.MAP]: type as never }));
    expect(await store.put("a", "1", DEBIT)).toBeDefined();
    expect(warned()).toEqual(["MINNA_REDIS_APPENDFSYNC"]);
  });

  test("that says how it writes, and not what it evicts, is warned of", async () => {
    const client = await connect(...ALWAYS);
    const hides = (args: string[]): boolean => args[1] === "memory" || args[2] === "maxmemory*";
    const store = redisStore({
      sendCommand: async args => {
        if (hides(args)) throw new Error("ERR unknown command");
        return client.sendCommand(args);
      },
    });
    expect(await store.put("a", "1", DEBIT)).toBeDefined();
    expect(warned()).toEqual(["MINNA_REDIS_PERSISTENCE_UNKNOWN"]);
  });

  describe("whose access list hides", () => {
    const as = async (rules: string[], ...settings: string[]): Promise<TestClient> => {
      const server = await start(...settings);
      const owner = await server.connect();
      await owner.sendCommand(["ACL", "SETUSER", "partner", "on", ">CANARY", "~minna-baas:*", "+@all", ...rules]);
      return server.connect({ username: "partner", password: "CANARY" });
    };

    test.each<[string, string[], string[]]>([
      ["INFO and CONFIG", ["-info", "-config"], ["MINNA_REDIS_PERSISTENCE_UNKNOWN"]],
      ["CONFIG", ["-config"], ["MINNA_REDIS_PERSISTENCE_UNKNOWN"]],
      ["INFO", ["-info"], []],
    ])("%s keeps debits, with a warning where it can't be known", async (_, rules, codes) => {
      const store = redisStore(await as(rules, ...ALWAYS));
      const clock = vi.spyOn(performance, "now").mockReturnValue(0);
      expect(await store.put("a", "1", DEBIT)).toBeDefined();
      clock.mockReturnValue(60_000);
      expect(await store.put("b", "1", DEBIT)).toBeDefined();
      expect(await store.find(OPEN)).toHaveLength(2);
      expect(warned()).toEqual(codes);
    });

    test.each([
      ["INFO", ["-info"]],
      ["CONFIG", ["-config"]],
    ])("%s gets no debits where the other one tells", async (_, rules) => {
      for (const settings of [
        ["--appendonly", "no"],
        [...ALWAYS, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"],
      ]) {
        const error = await rejection(redisStore(await as(rules, ...settings)).put("a", "1", DEBIT), StoreError);
        expect(error.code).toBe("store_not_durable");
      }
    });

    test("scripts gets an error that says nothing of what was written", async () => {
      const store = new GuardedStore(redisStore(await as(["-eval", "-evalsha"], ...ALWAYS)), 5_000);
      const error = await rejection(store.put("CANARY", "CANARY", { version: 0 }), StoreError);
      expect(error).toMatchObject({ code: "store_failed", operation: "put" });
      expect(everythingShown(error)).not.toContain("CANARY");
    });
  });

  test("is asked once a minute, after a failure again, and never for what is no debit", async () => {
    const { client, sent, fail } = listening(await connect(...ALWAYS));
    vi.spyOn(performance, "now").mockReturnValue(0);
    const store = redisStore(client);
    const asked = (): number => sent.splice(0).filter(command => command === "INFO persistence").length;
    await store.put("a", "1", { version: 0 });
    expect(asked()).toBe(0);
    await store.put("b", "1", DEBIT);
    await store.put("c", "1", DEBIT);
    expect(asked()).toBe(1);
    fail(new Error("Socket closed unexpectedly"));
    await rejection(store.get("a"), Error);
    await rejection(store.put("d", "1", DEBIT), Error);
    expect(sent.filter(command => command.startsWith("EVAL"))).toEqual([]);
    fail();
    sent.length = 0;
    await store.put("d", "1", DEBIT);
    await store.put("e", "1", DEBIT);
    expect(asked()).toBe(1);
  });

  test("that crashed and came back on its append-only file has every entry, version and label", async () => {
    const server = await start(...ALWAYS);
    const store = redisStore(await server.connect());
    const end = Date.now() + 3_600_000;
    const first = await store.put("a", "1", DEBIT);
    const second = await store.put("a", "2", { ...DEBIT, version: first! });
    await store.put("b", "1", { version: 0, labels: { debit: "open" }, expiresAt: end });
    await store.put("c", "1", { version: 0, labels: { debit: "open" }, expiresAt: Date.now() + 1 });
    await store.lock("l", "me", 3_600_000);
    await server.kill();
    await server.restart();

    const client = await server.connect();
    const after = redisStore(client);
    expect(await after.get("a")).toEqual({ key: "a", value: "2", version: second });
    expect((await after.find(OPEN)).map(entry => entry.key)).toEqual(["a", "b"]);
    expect(Number(await client.sendCommand(["PEXPIRETIME", "minna-baas:entry:b"]))).toBe(end);
    expect(await after.lock("l", "you", 1_000)).toBe(false);
    expect(await after.put("a", "3", { version: first! })).toBeUndefined();
    expect(await after.put("a", "3", { version: second! })).toBeGreaterThan(second!);
    expect((await after.find(OPEN)).map(entry => entry.key)).toEqual(["b"]);
  });

  test.each<[string, (server: RedisServer, client: TestClient) => Promise<unknown>]>([
    [
      "restarted",
      async server => {
        await server.kill();
        await server.restart();
      },
    ],
    ["been flushed", (_, client) => client.flushAll()],
  ])("that lost everything, having %s, gives no version twice", async (_, lose) => {
    const server = await start("--appendonly", "no");
    const client = await server.connect();
    const stale = await redisStore(client).put("a", "1", { version: 0, labels: { debit: "open" } });
    await lose(server, client);
    const after = redisStore(await server.connect());
    expect(await after.get("a")).toBeUndefined();
    expect(await after.find(OPEN)).toEqual([]);
    expect(await after.put("a", "stale", { version: stale! })).toBeUndefined();
    expect(await after.put("a", "2", { version: 0 })).toBeGreaterThan(stale!);
    expect(await after.put("a", "stale", { version: stale! })).toBeUndefined();
    expect(await after.get("a")).toMatchObject({ value: "2" });
  });

  test("that goes away fails every call at once with an error of ours, and serves again when it is back", async () => {
    const server = await start(...ALWAYS);
    const client = await server.connect();
    const store = new GuardedStore(redisStore(client), 5_000);
    const version = await store.put("a", "1", DEBIT);
    const lost = new Promise(resolve => client.once("error", resolve));
    await server.kill();
    await lost;
    for (const call of [
      () => store.get("a"),
      () => store.put("a", "CANARY", { ...DEBIT, version: version! }),
      () => store.put("a", "CANARY", { version: version! }),
      () => store.take("a"),
      () => store.find(OPEN),
      () => store.lock("a", "CANARY", 1_000),
      () => store.unlock("a", "CANARY"),
    ]) {
      const error = await rejection(call(), StoreError);
      expect(error).toMatchObject({ code: "store_failed", retryable: true });
      expect(everythingShown(error)).not.toMatch(/CANARY|redis\.sock/);
    }
    const ready = new Promise(resolve => client.once("ready", resolve));
    await server.restart();
    await ready;
    expect(await store.get("a")).toMatchObject({ value: "1", version });
    expect(await store.put("a", "2", { ...DEBIT, version: version! })).toBeDefined();
  });
});
