import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { storeContract } from "minna-baas/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StoreError } from "../../src/errors.js";
import { type PostgresStore, postgresStore } from "../../src/stores/postgres.js";
import { rejection } from "../support/errors.js";
import { Database, freshName, url } from "./postgres-database.js";

describe("the contract of a store, in PGlite in memory", () => {
  const client = new PGlite();
  const store = postgresStore(client);
  // A whole PostgreSQL is compiled first, which takes its time.
  beforeAll(() => store.migrate());
  afterAll(() => client.close());
  for (const { name, run } of storeContract(() => store)) test(name, run);
});

test("a PGlite in a folder keeps everything when it is opened again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "minna-baas-"));
  try {
    const before = new PGlite(folder);
    await postgresStore(before).put("debit:1", "open", { version: 0, durable: true, labels: { debit: "open" } });
    await before.close();
    const after = new PGlite(folder);
    const store = postgresStore(after);
    const [entry] = await store.find({ label: "debit", value: "open", limit: 1 });
    expect(entry).toMatchObject({ key: "debit:1", value: "open" });
    expect(await store.put("debit:1", "done", { version: entry!.version })).toBeGreaterThan(entry!.version);
    await after.close();
  } finally {
    await rm(folder, { recursive: true });
  }
}, 60_000);

describe.skipIf(url === undefined)("the contract of a store, in PostgreSQL", () => {
  const database = new Database();
  const pool = database.pool({ max: 12 });
  beforeAll(() => {
    process.env["MINNA_TEST_SCHEMA"] = database.schema;
  });
  afterAll(() => database.drop());
  const module = new URL("./open-postgres.mjs", import.meta.url);
  const open = () => postgresStore(pool, { schema: database.schema });
  for (const { name, run } of storeContract(open, { processes: { module } })) test(name, run, 60_000);
});

describe.skipIf(url === undefined)("the contract of a store, where transactions are serializable", () => {
  const database = new Database();
  const pool = database.pool({ max: 12, options: "-c default_transaction_isolation=serializable" });
  afterAll(() => database.drop());
  for (const { name, run } of storeContract(() => postgresStore(pool, { schema: database.schema }))) test(name, run);
});

describe.skipIf(url === undefined)("the contract of a store, where text is sorted by a language's rules", () => {
  const name = freshName();
  const server = new Database();
  const database = new Database(url?.replace(/\/[^/?]+(\?|$)/, `/${name}$1`));
  const pool = database.pool();
  beforeAll(async () => {
    await server.say(`CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`);
    // The rules do differ from those of the characters' order.
    expect(await database.say("SELECT 'a' < 'B' AS differs")).toEqual([{ differs: true }]);
  });
  afterAll(async () => {
    await pool.end();
    await server.say(`DROP DATABASE ${name}`);
  });
  for (const { name, run } of storeContract(() => postgresStore(pool))) test(name, run);
});

describe.skipIf(url === undefined)("a store in PostgreSQL", () => {
  const database = new Database();
  const pool = database.pool();
  const { schema } = database;
  const entries = `"${schema}".minna_baas_entries`;
  let store: PostgresStore;
  beforeAll(() => {
    store = postgresStore(pool, { schema });
  });
  afterAll(() => database.drop());

  test("takes SQL for text", async () => {
    for (const text of [
      "'; DROP TABLE x; --",
      `"; DROP SCHEMA "${schema}" CASCADE; --`,
      "$1",
      "\\",
      "%s",
      "') OR ('1'='1",
    ]) {
      const version = await store.put(text, text, { version: 0, labels: { [text]: text, customer: text } });
      expect(await store.get(text)).toEqual({ key: text, value: text, version });
      for (const label of [text, "customer"]) {
        for (const through of [text, `${text}x`]) {
          const [entry, ...more] = await store.find({ label, value: text, through, limit: 5 });
          expect([entry?.key, more.length]).toEqual([text, 0]);
          expect(await store.find({ label, value: text, through, limit: 5, after: entry!.cursor })).toEqual([]);
        }
      }
      expect([await store.lock(text, text, 60_000), await store.lock(text, "you", 1)]).toEqual([true, false]);
      await store.unlock(text, text);
      expect(await store.take(text)).toMatchObject({ key: text });
    }
  });

  test("has nothing under a key that PostgreSQL could not keep, and refuses to put it", async () => {
    for (const key of ["a\0", "\ud800", "😀\udc00"]) {
      expect([await store.get(key), await store.take(key)]).toEqual([undefined, undefined]);
      expect(await store.find({ label: "customer", value: key, limit: 1 })).toEqual([]);
      const labels = { customer: key };
      for (const put of [store.put(key, "", { version: 0 }), store.put("a", key, { version: 0 })])
        expect((await rejection(put, StoreError)).message).toContain("surrogate");
      expect(await rejection(store.put("a", "", { version: 0, labels }), StoreError)).toMatchObject({
        operation: "put",
      });
    }
  });

  test("refuses a cursor of another's making", async () => {
    for (const after of ["", "CANARY", "[1,2]", '["CANARY"]', "null"]) {
      const error = await rejection(store.find({ label: "debit", value: "open", limit: 1, after }), StoreError);
      expect(error).toMatchObject({ code: "store_failed", operation: "find" });
      expect(error.message).not.toContain("CANARY");
    }
  });

  test("removes what nobody came back for, two for each that is put with an end, and never what lives", async () => {
    const count = async () => {
      const [row] = await database.say(`SELECT count(*)::int AS all FROM ${entries} WHERE key LIKE 'sweep %'`);
      return row?.["all"];
    };
    const put = (key: string, expiresAt?: number) =>
      store.put(`sweep ${key}`, "", { version: 0, ...(expiresAt !== undefined && { expiresAt }) });
    await database.say(`INSERT INTO ${entries} (key, value, version, expires_at)
      SELECT 'sweep ' || n, '', 0, now() - interval '1 day' FROM generate_series(1, 5) n`);
    await put("lives", Date.now() + 60_000);
    expect(await count()).toBe(4);
    await put("for ever");
    expect(await count()).toBe(5);
    await put("also", Date.now() + 60_000);
    await put("and", Date.now() + 60_000);
    expect(await count()).toBe(4);
    expect(await store.get("sweep lives")).toBeDefined();
  });

  test("sweeps nothing away under its own feet: an expired key is put anew by a put that sweeps", async () => {
    for (let round = 0; round < 5; round++) {
      await store.put("again", `${round - 1}`, { version: 0, expiresAt: Date.now() - 1000 });
      await store.put("again", `${round}`, {
        version: 0,
        expiresAt: round < 4 ? Date.now() - 1000 : Date.now() + 60_000,
      });
    }
    expect(await store.get("again")).toMatchObject({ value: "4" });
  });

  test("does not wait for who is at an expired entry, to remove it", async () => {
    await database.say(
      `INSERT INTO ${entries} (key, value, version, expires_at) VALUES ('busy', '', 0, now() - interval '9 days')`,
    );
    const other = await pool.connect();
    try {
      await other.query(`BEGIN; SELECT FROM ${entries} WHERE key = 'busy' FOR UPDATE`);
      const put = store.put("not busy", "", { version: 0, expiresAt: Date.now() + 60_000 });
      expect(await put).toBeGreaterThan(0);
    } finally {
      await other.query("ROLLBACK");
      other.release();
    }
  }, 5_000);

  test("removes locks that nobody gave back", async () => {
    const locks = `"${schema}".minna_baas_locks`;
    await database.say(
      `INSERT INTO ${locks} SELECT 'dead ' || n, 'o', now() - interval '1 day' FROM generate_series(1, 3) n`,
    );
    await store.lock("live", "me", 60_000);
    for (let round = 0; round < 2; round++) await store.unlock("other", "me");
    expect(await database.say(`SELECT key FROM ${locks} WHERE key = 'live' OR key LIKE 'dead %'`)).toEqual([
      { key: "live" },
    ]);
  });

  test("flushes what must be durable, though the role's commits are not flushed", async () => {
    const lax = database.pool({ max: 1, options: "-c synchronous_commit=off" });
    // What the transaction is committed with shows only inside of it: a trigger at its end writes it down.
    await database.say(`CREATE TABLE "${schema}".seen (setting text);
      CREATE FUNCTION "${schema}".see() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO "${schema}".seen VALUES (NEW.key || ' ' || current_setting('synchronous_commit')); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER see AFTER INSERT OR UPDATE ON ${entries} DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.key LIKE 'flush %') EXECUTE FUNCTION "${schema}".see()`);
    const laxStore = postgresStore(lax, { schema });
    await laxStore.put("flush no", "", { version: 0 });
    const version = await laxStore.put("flush yes", "", { version: 0, durable: true });
    await laxStore.put("flush yes", "", { version: version!, durable: true });
    const seen = await database.say(`SELECT setting FROM "${schema}".seen`);
    expect(seen.map(row => row["setting"])).toEqual(["flush no off", "flush yes on", "flush yes on"]);
    await database.say(`DROP TRIGGER see ON ${entries}`);
  });

  test("keeps nothing durable on a server that does not flush", async () => {
    const lying = {
      query: async (text: string, parameters: unknown[]) =>
        pool.query(text.replace("'fsync'", "'zero_damaged_pages'"), parameters),
    };
    const careless = postgresStore(lying, { schema });
    const error = await rejection(careless.put("debit:x", "", { version: 0, durable: true }), StoreError);
    expect(error).toMatchObject({ code: "store_not_durable", operation: "put", retryable: false });
    expect(await store.get("debit:x")).toBeUndefined();
    expect(await careless.put("debit:x", "", { version: 0 })).toBeDefined();
  });
});
