import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FindOptions } from "../../src/links/store.js";
import { type PostgresClient, postgresStore } from "../../src/stores/postgres.js";
import { Database, url } from "./postgres-database.js";

// A few thousand rows with statistics: the planner decides as it does in production, nothing is forbidden to it.
describe.skipIf(url === undefined)("the statements in PostgreSQL", () => {
  const database = new Database();
  const pool = database.pool();
  const { schema } = database;
  const said: { text: string; parameters: unknown[] }[] = [];
  const listening: PostgresClient = {
    query: (text, parameters) => {
      said.push({ text, parameters });
      return pool.query(text, parameters);
    },
  };
  const store = postgresStore(listening, { schema });

  beforeAll(async () => {
    await store.migrate();
    await database.say(`
      INSERT INTO "${schema}".minna_baas_entries (key, value, version, expires_at, labels)
      SELECT 'link:' || n, repeat('x', 200), n, NULL, jsonb_build_object('customer', 'u-' || n % 4000, 'link', 'active',
        'grant-ends', to_char(date '2026-01-01' + n % 700, 'YYYY-MM-DD'), 'seal', 'k-' || n % 50)
      FROM generate_series(1, 8000) n;
      INSERT INTO "${schema}".minna_baas_entries (key, value, version, expires_at, labels)
      SELECT 'debit:' || n, repeat('x', 200), n, NULL,
        CASE WHEN n % 100 = 0 THEN '{"debit":"open"}'::jsonb ELSE '{}' END FROM generate_series(1, 8000) n;
      INSERT INTO "${schema}".minna_baas_entries (key, value, version, expires_at)
      SELECT 'transaction:' || n, '', n, now() + interval '1 hour' FROM generate_series(1, 4000) n;
      INSERT INTO "${schema}".minna_baas_locks SELECT 'lock:' || n, 'o', now() + interval '1 hour' FROM generate_series(1, 4000) n;
      ANALYZE "${schema}".minna_baas_entries; ANALYZE "${schema}".minna_baas_locks;`);
  });
  afterAll(() => database.drop());

  /** The plan of what the store said last. */
  async function planOfLast(): Promise<string> {
    const { text, parameters } = said.at(-1)!;
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const { rows } = await client.query(`EXPLAIN ${text}`, parameters);
      return rows.map(row => row["QUERY PLAN"]).join("\n");
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
  }

  const searches: [string, Omit<FindOptions, "limit">][] = [
    ["customer", { label: "customer", value: "u-42" }],
    ["link", { label: "link", value: "active" }],
    ["debit", { label: "debit", value: "open" }],
    ["grant_ends", { label: "grant-ends", value: "2026-11-01", through: "2026-12-01" }],
    ["grant_ends", { label: "grant-ends", value: "", through: "9999-12-31" }],
    ["seal", { label: "seal", value: "k-7" }],
    ["seal", { label: "seal", value: "", through: "k-2" }],
  ];

  test.each(searches)("use the index by %s for %o, on every page and without sorting", async (index, search) => {
    const first = await store.find({ ...search, limit: 2 });
    expect(first).toHaveLength(2);
    const plans = [await planOfLast()];
    const second = await store.find({ ...search, limit: 2, after: first[1]!.cursor });
    expect(second.map(entry => entry.key)).not.toContain(first[1]!.key);
    plans.push(await planOfLast());
    for (const plan of plans) {
      expect(plan).toMatch(new RegExp(`Index Scan using minna_baas_entries_${index} `));
      expect(plan).not.toContain("Sort");
      expect(plan).not.toContain("Seq Scan");
    }
    // A later page begins at its place, and does not pass over what came before.
    expect(plans[1]).toMatch(/Index Cond: .*key/);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["get", () => store.get("link:1")],
    ["put of a free key", () => store.put("link:new", "", { version: 0 })],
    ["put with an end", () => store.put("transaction:new", "", { version: 0, expiresAt: Date.now() + 1000 })],
    ["put over", () => store.put("link:2", "", { version: 2, durable: true })],
    ["take", () => store.take("debit:1")],
    ["lock", () => store.lock("lock:1", "me", 1)],
    ["unlock", () => store.unlock("lock:1", "me")],
  ])("read no table from end to end: %s", async (_, call) => {
    const before = said.length;
    await call();
    expect(said.length - before).toBe(1);
    expect(await planOfLast()).not.toContain("Seq Scan");
  });
});
