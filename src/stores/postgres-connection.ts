/**
 * The partner's client for PostgreSQL, with errors of this package.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { StoreError } from "../errors.js";

/**
 * What the store needs of a client: a `Pool` of `pg` and a `PGlite` are ones. For Postgres.js it is one line:
 * `{ query: async (text, parameters) => ({ rows: await sql.unsafe(text, parameters) }) }`.
 */
export interface PostgresClient {
  /** Runs one statement, as a transaction of its own, on any connection. Parameters stand as `$1`, `$2`, … in the text. */
  query(text: string, parameters: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** A row of what was asked for. */
export type Row = Readonly<Record<string, unknown>>;

/** Errors after which PostgreSQL has undone the statement, and asks for it again: serialization failure and deadlock. */
export const CONFLICTS: readonly string[] = ["40001", "40P01"];
const ATTEMPTS = 12;
const LONGEST_PAUSE = 200;

/**
 * Runs a statement. What collided with others is undone as a whole, and tried again: a database whose transactions are
 * serializable by default makes a habit of that.
 */
export async function run(
  client: PostgresClient,
  operation: string,
  text: string,
  parameters: unknown[] = [],
  again: readonly string[] = CONFLICTS,
): Promise<readonly Row[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { rows } = await client.query(text, parameters);
      return rows as readonly Row[];
    } catch (error) {
      const state = sqlState(error);
      if (attempt === ATTEMPTS || state === undefined || !again.includes(state)) throw translated(operation, error);
    }
    // Spread out, so that those who collided do not meet again.
    await sleep(Math.random() * Math.min(2 ** attempt, LONGEST_PAUSE));
  }
}

/** PostgreSQL's own code, or the system's. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[A-Z0-9_]{1,40}$/.test(code) ? code : undefined;
}

/** No relation or no schema of this name. */
const NOT_THERE = ["42P01", "3F000"];
const NOT_ALLOWED = "42501";

/** A foreign error's message may hold rows, addresses and passwords: its code has to do. */
function translated(operation: string, error: unknown): StoreError {
  const state = sqlState(error);
  if (state !== undefined && NOT_THERE.includes(state)) {
    return new StoreError(operation, "store_not_migrated", "its tables are not there");
  }
  if (state === NOT_ALLOWED && operation === "migrate") {
    const reason =
      "this database role may not make its tables (42501): another role must, and grant this one the use of them";
    return new StoreError(operation, "store_not_migrated", reason);
  }
  if (state === NOT_ALLOWED) {
    const reason =
      "this database role may not use its tables (42501): grant it SELECT, INSERT, UPDATE and DELETE, and USAGE of the sequence and the schema";
    return new StoreError(operation, "store_failed", reason);
  }
  return new StoreError(
    operation,
    "store_failed",
    state === undefined ? "PostgreSQL gave no answer" : `PostgreSQL: ${state}`,
  );
}
