import { PGlite } from "@electric-sql/pglite";
import { createClient } from "redis";
import { afterAll, describe, expect, test } from "vitest";
import { examineStore } from "../../../src/cli/doctor/store.js";
import { postgresStore } from "../../../src/stores/postgres.js";
import { redisStore } from "../../../src/stores/redis.js";
import { Database, url } from "../../stores/postgres-database.js";
import { hasRedisServer, RedisServer } from "../../support/redis-server.js";

const HEALTHY = ["reachable", "entries", "versions", "take", "locks"].map(id => `store.${id}`);

async function idsOf(store: Parameters<typeof examineStore>[0], status: string) {
  const findings = await examineStore(store, "store.mjs", 5_000);
  return findings.filter(finding => finding.status === status).map(({ id, subject }) => subject ?? id);
}

describe("PostgreSQL", () => {
  test("without tables, where they are made by hand", async () => {
    await using database = await PGlite.create();
    const findings = await examineStore(postgresStore(database, { migrations: "manual" }), "my store.mjs", 5_000);
    expect(findings).toMatchObject([
      { id: "store.migrated", status: "problem", command: "npx minna-baas migrate 'my store.mjs'" },
    ]);
  }, 60_000);

  test.skipIf(url === undefined)("does all that it must, and keeps nothing of it", async () => {
    const database = new Database();
    try {
      const pool = database.pool();
      const store = postgresStore(pool, { schema: database.schema });
      expect(await idsOf(store, "ok")).toEqual(expect.arrayContaining(HEALTHY.slice(1)));
      expect(await idsOf(store, "problem")).toEqual([]);
      const { rows } = await pool.query(`SELECT count(*)::int AS count FROM "${database.schema}".minna_baas_entries`);
      expect(rows).toEqual([{ count: 0 }]);
    } finally {
      await database.drop();
    }
  });
});

/** The store's own counter, which stays. */
const COUNTER = ["minna-baas:version"];

if (!hasRedisServer) console.log("The doctor is not tested with Redis: there is no program redis-server.");

describe.skipIf(!hasRedisServer)("Redis", () => {
  const servers: RedisServer[] = [];
  afterAll(() => Promise.all(servers.map(server => server.close())));

  async function clientOf(...settings: string[]) {
    const server = await RedisServer.start(...settings);
    servers.push(server);
    return server.connect();
  }

  test("that would lose debits", async () => {
    const client = await clientOf("--appendonly", "no");
    expect(await idsOf(redisStore(client), "problem")).toEqual(["store.durable"]);
    expect(await client.dbSize()).toBe(0);
  });

  test("that may lose the last second", async () => {
    const client = await clientOf("--appendonly", "yes", "--appendfsync", "everysec");
    const before = process.listeners("warning");
    expect(await idsOf(redisStore(client), "warning")).toContain("MINNA_REDIS_APPENDFSYNC");
    expect(process.listeners("warning")).toEqual(before);
    expect(await client.keys("*")).toEqual(COUNTER);
  });

  test("that loses nothing", async () => {
    const client = await clientOf("--appendonly", "yes", "--appendfsync", "always");
    expect(await idsOf(redisStore(client), "ok")).toEqual(expect.arrayContaining(HEALTHY.slice(1)));
    expect(await idsOf(redisStore(client), "warning")).toEqual([]);
  });
});

const address = process.env["MINNA_TEST_REDIS"];
if (address === undefined) console.log("The doctor is not tested with a shared Redis: MINNA_TEST_REDIS is not set.");
test.skipIf(address === undefined)("a shared Redis keeps nothing of it", async () => {
  const client = createClient({ url: address as string });
  client.on("error", () => {});
  await client.connect();
  try {
    const prefix = `minna-test-${process.pid}:`;
    await examineStore(redisStore(client, { prefix, allowVolatileDebits: true }), "store.mjs", 5_000);
    expect(await client.keys(`${prefix}*`)).toEqual([`${prefix}version`]);
  } finally {
    client.destroy();
  }
});
