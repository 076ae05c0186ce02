/**
 * What the store says to PostgreSQL. Each operation is one statement.
 *
 * `now()` is when the statement began, and can be looked up in an index; `clock_timestamp()` is when a row is looked at,
 * after waiting for whoever had it. Only the latter may decide who has a lock.
 *
 * @module
 */
import { INDEXED_LABELS, labelColumn, type Tables } from "./postgres-schema.js";

/** How many expired rows are removed along the way: more than one, so that they become fewer. */
const SWEPT = 2;

const LIVES = "(expires_at IS NULL OR expires_at > clock_timestamp())";
const ENTRY = "key, value, version::text AS version";
const END = "to_timestamp($3::float8 / 1000)";

/**
 * A commit that is not flushed to disk can be lost in a crash of the server. Where that is how the database or the role is
 * set, this transaction is excepted from it.
 */
const FLUSHED = `CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END`;

/** The statements, for the tables of one schema. */
export class Statements {
  readonly get: string;
  readonly take: string;
  readonly lock: string;
  readonly unlock: string;
  readonly state: string;
  readonly #tables: Tables;

  constructor(tables: Tables) {
    const { entries, locks, migrations } = tables;
    this.#tables = tables;
    this.get = `SELECT ${ENTRY} FROM ${entries} WHERE key = $1::text AND ${LIVES}`;
    this.take = `DELETE FROM ${entries} WHERE key = $1::text AND ${LIVES} RETURNING ${ENTRY}`;
    const until = "clock_timestamp() + $3::float8 * interval '1 millisecond'";
    this.lock = `INSERT INTO ${locks} AS held (key, owner, until) VALUES ($1::text, $2::text, ${until})
      ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, until = ${until}
      WHERE held.owner = excluded.owner OR held.until <= clock_timestamp()
      RETURNING key`;
    this.unlock = `WITH ${sweep(locks, "until")}
      DELETE FROM ${locks} WHERE key = $1::text AND owner = $2::text`;
    this.state = `SELECT coalesce(max(version), 0) AS version,
        current_setting('fsync') = 'on' OR version() LIKE '%PGlite%' AS flushes FROM ${migrations}`;
  }

  /** Puts a key that must be free, or be over. */
  insert(options: { readonly ends: boolean; readonly durable: boolean }): string {
    const { entries, versions } = this.#tables;
    // What is never finished always has an end: who puts such an entry makes up for it.
    return `${options.ends ? `WITH ${sweep(entries, "expires_at")}` : ""}
      INSERT INTO ${entries} AS entry (key, value, version, expires_at, labels)
      VALUES ($1::text, $2::text, nextval('${versions}'), ${END}, $4::text::jsonb)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version,
        expires_at = excluded.expires_at, labels = excluded.labels
      WHERE entry.expires_at <= clock_timestamp()
      RETURNING entry.version::text AS version${options.durable ? `, ${FLUSHED}` : ""}`;
  }

  /** Puts over a version. */
  update(options: { readonly durable: boolean }): string {
    const { entries, versions } = this.#tables;
    return `UPDATE ${entries} SET value = $2::text, version = nextval('${versions}'), expires_at = ${END},
        labels = $4::text::jsonb
      WHERE key = $1::text AND version = $5::bigint AND ${LIVES}
      RETURNING version::text AS version${options.durable ? `, ${FLUSHED}` : ""}`;
  }

  /** Finds by one value or a range of them, from the beginning or behind an entry, with parameters in this order. */
  find(
    search: { readonly label: string; readonly value: string; readonly through: string; readonly limit: number },
    after: readonly [value: string, key: string] | undefined,
  ): readonly [text: string, parameters: unknown[]] {
    const parameters: unknown[] = [];
    const bind = (value: unknown, type = "text") => `$${parameters.push(value)}::${type}`;
    // An index is used only where the statement names the label as the index does.
    const known = INDEXED_LABELS.find(label => label === search.label);
    const label = known === undefined ? `((labels->>${bind(search.label)}) COLLATE "C")` : labelColumn(known);
    const conditions = [LIVES];
    // The index's own condition: not every version of PostgreSQL sees that the next ones imply it.
    if (known !== undefined) conditions.push(`labels->>'${known}' IS NOT NULL`);
    if (search.value === search.through) {
      conditions.push(`${label} = ${bind(search.value)}`);
      if (after !== undefined) conditions.push(`key > ${bind(after[1])}`);
    } else {
      conditions.push(`${label} <= ${bind(search.through)}`);
      if (after === undefined) conditions.push(`${label} >= ${bind(search.value)}`);
      else conditions.push(`(${label}, key) > (${bind(after[0])}, ${bind(after[1])})`);
    }
    const text = `SELECT ${ENTRY}, ${label} AS label FROM ${this.#tables.entries}
      WHERE ${conditions.join(" AND ")} ORDER BY ${label}, key LIMIT ${bind(search.limit, "integer")}`;
    return [text, parameters];
  }
}

/** Removes a few rows that are over, and waits for nobody who is at them already. */
function sweep(table: string, end: string): string {
  return `swept AS (
        DELETE FROM ${table} WHERE key = ANY (ARRAY(
          SELECT key FROM ${table} WHERE ${end} <= now() AND key <> $1::text
          ORDER BY ${end} LIMIT ${SWEPT} FOR UPDATE SKIP LOCKED))
      )`;
}
