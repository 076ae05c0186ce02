import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { StoreError } from "../../src/errors.js";
import { type PostgresClient, postgresMigrations, postgresStore } from "../../src/stores/postgres.js";
import { MIGRATIONS, migrationStatement } from "../../src/stores/postgres-schema.js";
import { problemsOf, rejection } from "../support/errors.js";
import { Database, freshName, url } from "./postgres-database.js";

const NEWEST = MIGRATIONS.length;
const ALL = Array.from({ length: NEWEST }, (_, index) => index + 1);

describe.skipIf(url === undefined)("the tables in PostgreSQL", () => {
  let databases: Database[] = [];
  const fresh = () => {
    const database = new Database();
    databases.push(database);
    return database;
  };
  afterEach(async () => {
    for (const database of databases) await database.drop();
    databases = [];
  });

  const versions = async ({ say, schema, ...database }: Database) => {
    const rows = await say.call(database, `SELECT version FROM "${schema}".minna_baas_migrations ORDER BY version`);
    return rows.map(row => row["version"]);
  };

  test.each(["read committed", "repeatable read", "serializable"])(
    "are made once by eight clients at once, in transactions that are %s",
    async isolation => {
      const database = fresh();
      const stores = Array.from({ length: 8 }, () => {
        const options = `-c default_transaction_isolation=${isolation.replace(" ", "\\ ")}`;
        return postgresStore(database.pool({ max: 1, options }), { schema: database.schema });
      });
      const put = await Promise.all(stores.map((store, index) => store.put(`k${index}`, "", { version: 0 })));
      expect(new Set(put).size).toBe(8);
      expect(await versions(database)).toEqual(ALL);
    },
  );

  test("are made once by the statement itself, however many apply it at once", async () => {
    const database = fresh();
    const pool = database.pool({ max: 8 });
    const statement = postgresMigrations({ schema: database.schema });
    await Promise.all(Array.from({ length: 8 }, () => pool.query(statement)));
    expect(await versions(database)).toEqual(ALL);
  });

  test("are made once by processes that start together", async () => {
    const database = fresh();
    const script = `
      import { store } from ${JSON.stringify(new URL("./open-postgres.mjs", import.meta.url).href)};
      process.stdin.once("data", async () => {
        console.log(await store.put(String(process.pid), "", { version: 0 }));
        process.exit();
      });
      console.log("ready");`;
    const env = { ...process.env, MINNA_TEST_SCHEMA: database.schema };
    const running = Array.from({ length: 4 }, () =>
      promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env }),
    );
    await Promise.all(running.map(({ child }) => new Promise(done => child.stdout!.once("data", done))));
    for (const { child } of running) child.stdin!.write("go\n");
    const put = (await Promise.all(running)).map(({ stdout }) => stdout.split("\n")[1]);
    expect(new Set(put).size).toBe(4);
    expect(await versions(database)).toEqual(ALL);
  });

  test("are brought up to date with what is in them, and say what was missing", async () => {
    const database = fresh();
    const pool = database.pool();
    await pool.query(migrationStatement(database.schema, MIGRATIONS.slice(0, 0)));
    expect(await versions(database)).toEqual([]);
    const store = postgresStore(pool, { schema: database.schema, migrations: "manual" });
    expect(await store.migrate()).toEqual(ALL);
    expect(await store.migrate()).toEqual([]);
    await store.put("a", "kept", { version: 0 });
    const added = migrationStatement(database.schema, [
      ...MIGRATIONS,
      ({ entries }) => [`ALTER TABLE ${entries} ADD COLUMN added text DEFAULT 'new'`],
    ]);
    // Whoever applies it a second time finds nothing to do.
    for (let time = 0; time < 2; time++) await pool.query(added);
    expect(await versions(database)).toEqual([...ALL, NEWEST + 1]);
    // The release before goes on with what a newer one has left, also where it starts anew.
    for (const old of [store, postgresStore(pool, { schema: database.schema })]) {
      expect(await old.get("a")).toMatchObject({ value: "kept" });
      expect(await old.migrate()).toEqual([]);
    }
  });

  test("are not half made by a migration that fails", async () => {
    const database = fresh();
    const failing = migrationStatement(database.schema, [...MIGRATIONS, () => ["SELECT 1 / 0"]]);
    await expect(database.say(failing)).rejects.toThrow("division by zero");
    const [row] = await database.say(`SELECT to_regnamespace('${database.schema}') AS schema`);
    expect(row).toEqual({ schema: null });
  });

  test("are asked for once by all who come first, and with one question by who finds them", async () => {
    const database = fresh();
    const pool = database.pool();
    let said: string[] = [];
    const client: PostgresClient = {
      query: (text, parameters) => {
        said.push(text.trim().split(/\s/)[0]!);
        return pool.query(text, parameters);
      },
    };
    const first = postgresStore(client, { schema: database.schema });
    await Promise.all(["a", "b", "c"].map(key => first.get(key)));
    expect(said.filter(word => word === "DO")).toHaveLength(1);
    said = [];
    const later = postgresStore(client, { schema: database.schema });
    await Promise.all(["a", "b", "c"].map(key => later.get(key)));
    await later.get("d");
    expect(said).toEqual(Array.from({ length: 5 }, () => "SELECT"));
  });

  test("are not made where that is left to others, whom a store waits for", async () => {
    const database = fresh();
    const pool = database.pool();
    const store = postgresStore(pool, { schema: database.schema, migrations: "manual" });
    for (const call of [store.get("a"), store.put("a", "", { version: 0, durable: true }), store.lock("a", "o", 1)]) {
      const error = await rejection(call, StoreError);
      expect(error).toMatchObject({ code: "store_not_migrated", retryable: false });
      expect(error.message).toContain("minna-baas migrate");
    }
    await database.say(postgresMigrations({ schema: database.schema }));
    expect(await store.put("a", "", { version: 0 })).toBeGreaterThan(0);
  });

  test("are made anew where they went away under a store, and asked for where they may not be", async () => {
    const database = fresh();
    const pool = database.pool();
    const [automatic, manual] = (["automatic", "manual"] as const).map(migrations =>
      postgresStore(pool, { schema: database.schema, migrations }),
    );
    for (const store of [automatic!, manual!]) await store.get("a");
    await database.say(`DROP SCHEMA "${database.schema}" CASCADE`);
    for (const store of [automatic!, manual!]) {
      expect(await rejection(store.get("a"), StoreError)).toMatchObject({ code: "store_not_migrated" });
    }
    expect(await rejection(manual!.get("a"), StoreError)).toMatchObject({ code: "store_not_migrated" });
    expect(await automatic!.get("a")).toBeUndefined();
    expect(await manual!.get("a")).toBeUndefined();
  });

  test("are where search_path begins, without a schema", async () => {
    const database = fresh();
    await database.say(`CREATE SCHEMA "${database.schema}"`);
    const pool = database.pool({ options: `-c search_path=${database.schema}` });
    await postgresStore(pool).put("a", "here", { version: 0 });
    expect(await database.say(`SELECT value FROM "${database.schema}".minna_baas_entries`)).toEqual([
      { value: "here" },
    ]);
  });
});

describe.skipIf(url === undefined)("a database role with few rights", () => {
  const database = new Database();
  const role = freshName();
  const { schema } = database;
  let pool: pg.Pool;
  beforeAll(async () => {
    await database.say(`CREATE ROLE ${role} LOGIN`);
    const address = new URL(database.url);
    address.username = role;
    pool = new pg.Pool({ connectionString: address.href, max: 2 });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
    await database.say(`DROP ROLE ${role}`);
  });

  test("is told who has to make the tables, and needs no more than the use of them", async () => {
    const store = postgresStore(pool, { schema });
    const refused = await rejection(store.get("a"), StoreError);
    expect(refused).toMatchObject({ code: "store_not_migrated", operation: "migrate" });
    expect(refused.message).toContain("another role must");
    expect((await rejection(store.migrate(), StoreError)).code).toBe("store_not_migrated");

    await postgresStore(database.pool(), { schema }).migrate();
    const unusable = await rejection(store.get("a"), StoreError);
    expect(unusable.message).toContain("grant it SELECT, INSERT, UPDATE and DELETE");

    await database.say(`GRANT USAGE ON SCHEMA "${schema}" TO ${role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA "${schema}" TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO ${role}`);
    const version = await store.put("a", "1", { version: 0, expiresAt: Date.now() + 60_000, durable: true });
    expect(await store.put("a", "2", { version: version! })).toBeDefined();
    expect(await store.lock("a", "o", 1)).toBe(true);
    await store.unlock("a", "o");
    expect(await store.take("a")).toMatchObject({ value: "2" });
    expect(await store.migrate()).toEqual([]);
  });
});

describe("options", () => {
  test.each(['x"; DROP SCHEMA public CASCADE; --', "", "1a", "A", "a-b", "a.b", "ａ", "a".repeat(64), "a\n"])(
    "refuse %j for a schema",
    schema => {
      for (const make of [
        () => postgresStore({ query: async () => ({ rows: [] }) }, { schema }),
        () => postgresMigrations({ schema }),
      ]) {
        const problems = problemsOf(make);
        expect(problems).toMatchObject([{ option: "schema", found: "another string" }]);
      }
    },
  );

  test.each<[unknown, string]>([
    [undefined, "undefined"],
    [null, "null"],
    [{}, "an object without query()"],
    [{ query: 1 }, "an object without query()"],
  ])("refuse %o for a client", (client, found) => {
    const problems = problemsOf(() => postgresStore(client as never));
    expect(problems).toMatchObject([{ option: "client", found }]);
  });

  test.each<[unknown, string]>([
    [null, "object"],
    [1, "number"],
  ])("refuse %o for a schema", (schema, found) => {
    const problems = problemsOf(() => postgresMigrations({ schema: schema as never }));
    expect(problems).toMatchObject([{ option: "schema", found }]);
  });

  test("that are wrong are named all at once", () => {
    const wrong = { schema: "a-b", migrations: "never" as never };
    const problems = problemsOf(() => postgresStore({} as never, wrong));
    expect(problems.map(({ option }) => option)).toEqual(["client", "schema", "migrations"]);
  });
});

test("tables are made in a schema of a PGlite", async () => {
  const client = new PGlite();
  const store = postgresStore(client, { schema: "partner", migrations: "manual" });
  expect(await rejection(store.get("a"), StoreError)).toMatchObject({ code: "store_not_migrated" });
  expect(await store.migrate()).toEqual(ALL);
  await store.put("a", "1", { version: 0 });
  expect((await client.query("SELECT key FROM partner.minna_baas_entries")).rows).toEqual([{ key: "a" }]);
  await client.close();
}, 60_000);
