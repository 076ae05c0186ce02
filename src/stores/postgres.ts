/**
 * A store in PostgreSQL, for links and debits that outlive every process.
 *
 * A client may run each statement on another connection of its pool. So each operation here is one statement, which
 * PostgreSQL runs as a transaction: no process can end between two halves, and nothing is held while the process thinks.
 *
 * @module minna-baas/postgres
 * @packageDocumentation
 */
import { ConfigurationError, type ConfigurationProblem, StoreError } from "../errors.js";
import type { FindOptions, FoundEntry, PutOptions, Store, StoreEntry } from "../links/store.js";
import { CONFLICTS, type PostgresClient, type Row, run } from "./postgres-connection.js";
import { migrationStatement, SCHEMA_VERSION, schemaProblem, tablesIn } from "./postgres-schema.js";
import { Statements } from "./postgres-statements.js";

export type {
  ConfigurationError,
  ConfigurationProblem,
  MinnaError,
  MinnaErrorDetails,
  SideEffect,
  StoreError,
} from "../errors.js";
export type { FindOptions, FoundEntry, PutOptions, Store, StoreEntry } from "../links/store.js";
export type { PostgresClient } from "./postgres-connection.js";
export { postgresMigrations } from "./postgres-schema.js";

/** How the store uses the database. */
export interface PostgresStoreOptions {
  /**
   * The schema that the tables are in, made with them where it is missing: small letters, digits and underscores. By default
   * the one that the connection's `search_path` begins with. All tables' names begin with `minna_baas_`.
   */
  readonly schema?: string;
  /**
   * `automatic`, the default: tables are made and brought up to date when the store is first used. `manual`: only by
   * {@link PostgresStore.migrate} or `minna-baas migrate`, so that the server's database role needs no right to make tables.
   */
  readonly migrations?: "automatic" | "manual";
}

/** The store. It holds no connection of its own: the client that it was made with is the caller's, to watch and to close. */
export interface PostgresStore extends Store {
  /**
   * Makes the tables, or brings them up to date. Any number of processes may do so at once.
   *
   * @returns the versions that were missing; none where the tables were up to date, or newer than this release.
   * @throws {@link StoreError} `store_not_migrated` where the database role may not; `store_failed` for anything else.
   */
  migrate(): Promise<readonly number[]>;
}

/**
 * Makes a store from a client for PostgreSQL 12 or later: a `Pool` of `pg`, a `PGlite`, or anything else with their `query`.
 * Without I/O: the database is first asked when the store is first used.
 *
 * The client must reach the primary server. Handle the `error` event of a `Pool`: without a handler, a connection that is lost
 * while idle ends the process. What must be durable is flushed to disk even where the role's `synchronous_commit` is off, and
 * refused where the server's `fsync` is.
 *
 * @param client - Stays the caller's: closing it is up to them.
 * @throws {@link ConfigurationError} where `client` is no client, or an option is wrong.
 * @example
 * ```ts
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL });
 * pool.on("error", error => log.warn(error.message));
 * const minna = new MinnaClient({ ...options, store: postgresStore(pool) });
 * ```
 */
export function postgresStore(client: PostgresClient, options: PostgresStoreOptions = {}): PostgresStore {
  const { migrations = "automatic" } = options;
  const problems: ConfigurationProblem[] = [];
  if (typeof client?.query !== "function") {
    const found =
      typeof client === "object" && client !== null
        ? "an object without query()"
        : client === null
          ? "null"
          : typeof client;
    problems.push({ option: "client", expected: "a client with a method query(text, parameters)", found });
  }
  const schema = schemaProblem(options.schema);
  if (schema !== undefined) problems.push(schema);
  if (migrations !== "automatic" && migrations !== "manual") {
    const found = typeof migrations === "string" ? "another string" : typeof migrations;
    problems.push({ option: "migrations", expected: '"automatic" or "manual"', found });
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return new Tables(client, options.schema, migrations === "automatic");
}

/** What the server is like, as far as it matters. */
interface State {
  readonly version: number;
  readonly flushes: boolean;
}

class Tables implements PostgresStore {
  readonly #client: PostgresClient;
  readonly #schema: string | undefined;
  readonly #automatic: boolean;
  readonly #statements: Statements;
  #ready: Promise<State> | undefined;

  constructor(client: PostgresClient, schema: string | undefined, automatic: boolean) {
    this.#client = client;
    this.#schema = schema;
    this.#automatic = automatic;
    this.#statements = new Statements(tablesIn(schema));
  }

  async migrate(): Promise<readonly number[]> {
    const { version } = await this.#state("migrate");
    const missing = Array.from({ length: SCHEMA_VERSION }, (_, index) => index + 1).filter(one => one > version);
    if (missing.length > 0) {
      // Who waited in a transaction that began before the other one ended still finds nothing, and makes it again: once more.
      await run(this.#client, "migrate", migrationStatement(this.#schema), [], [...CONFLICTS, ...MADE_ALREADY]);
    }
    return missing;
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    if (!isText(key)) return undefined;
    const [row] = await this.#run("get", this.#statements.get, [key]);
    return row && entryOf(row);
  }

  async put(key: string, value: string, options: PutOptions): Promise<number | undefined> {
    const { version, expiresAt, labels = {}, durable = false } = options;
    if (![key, value, ...Object.entries(labels).flat()].every(isText)) {
      throw new StoreError("put", "store_failed", "PostgreSQL keeps neither U+0000 nor half a surrogate pair");
    }
    if (durable && !(await this.#opened("put")).flushes) {
      throw new StoreError("put", "store_not_durable", "the server's fsync is off: it would lose data in a crash");
    }
    const ends = expiresAt !== undefined;
    const given = [key, value, ends ? expiresAt : null, JSON.stringify(labels)];
    const [row] =
      version === 0
        ? await this.#run("put", this.#statements.insert({ ends, durable }), given)
        : await this.#run("put", this.#statements.update({ durable }), [...given, version]);
    return row && Number(row["version"]);
  }

  async take(key: string): Promise<StoreEntry | undefined> {
    if (!isText(key)) return undefined;
    const [row] = await this.#run("take", this.#statements.take, [key]);
    return row && entryOf(row);
  }

  async find(options: FindOptions): Promise<readonly FoundEntry[]> {
    const { label, value, through = value, after, limit } = options;
    if (![label, value, through].every(isText)) return [];
    const cursor = after === undefined ? undefined : readCursor(after);
    const rows = await this.#run("find", ...this.#statements.find({ label, value, through, limit }, cursor));
    return rows.map(row => ({ ...entryOf(row), cursor: JSON.stringify([row["label"], row["key"]]) }));
  }

  async lock(key: string, owner: string, duration: number): Promise<boolean> {
    return (await this.#run("lock", this.#statements.lock, [key, owner, duration])).length > 0;
  }

  async unlock(key: string, owner: string): Promise<void> {
    await this.#run("unlock", this.#statements.unlock, [key, owner]);
  }

  async #run(operation: keyof Store, text: string, parameters: unknown[]): Promise<readonly Row[]> {
    await this.#opened(operation);
    try {
      return await run(this.#client, operation, text, parameters);
    } catch (error) {
      // The tables went away: they are looked for again, and made where that is allowed.
      if (error instanceof StoreError && error.code === "store_not_migrated") this.#ready = undefined;
      throw error;
    }
  }

  /** Once for all callers; a failure is forgotten, and the next caller asks again. */
  async #opened(operation: keyof Store): Promise<State> {
    const ready = this.#ready ?? this.#open(operation);
    this.#ready = ready;
    try {
      return await ready;
    } catch (error) {
      if (this.#ready === ready) this.#ready = undefined;
      throw error;
    }
  }

  async #open(operation: keyof Store): Promise<State> {
    const found = await this.#state(operation);
    // A newer version is left by a newer release, which leaves this one able to work.
    if (found.version >= SCHEMA_VERSION) return found;
    if (!this.#automatic) {
      throw new StoreError(operation, "store_not_migrated", "its tables are not there, or not up to date");
    }
    await this.migrate();
    return await this.#state(operation);
  }

  async #state(operation: string): Promise<State> {
    try {
      const [row] = await run(this.#client, operation, this.#statements.state);
      return { version: Number(row?.["version"]), flushes: row?.["flushes"] === true };
    } catch (error) {
      if (error instanceof StoreError && error.code === "store_not_migrated") return { version: 0, flushes: false };
      throw error;
    }
  }
}

/** Table, schema, index or row that is there already. */
const MADE_ALREADY = ["42P07", "42P06", "42710", "23505"];

function entryOf(row: Row): StoreEntry {
  return { key: String(row["key"]), value: String(row["value"]), version: Number(row["version"]) };
}

/** Whether PostgreSQL can keep it as it is. What it can't keep is not there, either. */
function isText(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text);
}

function readCursor(cursor: string): readonly [value: string, key: string] {
  try {
    const [value, key]: unknown[] = JSON.parse(cursor);
    if (typeof value === "string" && typeof key === "string") return [value, key];
  } catch {}
  throw new StoreError("find", "store_failed", "the cursor is not one that find gave");
}
