/**
 * The tables in PostgreSQL, and how they come to be.
 *
 * @module
 */

import { ConfigurationError, type ConfigurationProblem } from "../errors.js";

/** The tables' names as they are written in a statement, with their schema. */
export interface Tables {
  readonly entries: string;
  readonly versions: string;
  readonly locks: string;
  readonly migrations: string;
}

const PREFIX = "minna_baas_";

/** What a schema may be called: what needs no quotes to be typed by hand. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;

/** The labels that the client searches by: each has an index. Any other one is searched for without. */
export const INDEXED_LABELS: readonly string[] = ["customer", "link", "debit", "grant-ends", "seal"];

/** An entry's label, as the indexes have it; every character counts, and none is sorted by a language's rules. */
export function labelColumn(label: string): string {
  return `((labels->>'${label}') COLLATE "C")`;
}

/** What is wrong with a schema's name, which goes into statements as it is. */
export function schemaProblem(schema: unknown): ConfigurationProblem | undefined {
  if (schema === undefined || (typeof schema === "string" && SCHEMA.test(schema))) return undefined;
  const expected = "up to 63 small letters, digits and underscores, not beginning with a digit";
  return { option: "schema", expected, found: typeof schema === "string" ? "another string" : typeof schema };
}

/** Names the tables. Without a schema they are where the connection's `search_path` leads. */
export function tablesIn(schema: string | undefined): Tables {
  const name = (table: string) => `${schema === undefined ? "" : `"${schema}".`}${PREFIX}${table}`;
  return { entries: name("entries"), versions: name("versions"), locks: name("locks"), migrations: name("migrations") };
}

/** The statements of one version. */
export type Migration = (tables: Tables) => readonly string[];

/**
 * What each version adds. Never changed once released, only followed by another one.
 *
 * While a new release of the partner's server is rolled out, the old one works on: each migration must leave the tables so
 * that the release before it can use them. What it no longer needs is removed a release later.
 */
export const MIGRATIONS: readonly Migration[] = [
  ({ entries, versions, locks }) => [
    `CREATE SEQUENCE ${versions}`,
    `CREATE TABLE ${entries} (
      key text COLLATE "C" PRIMARY KEY,
      value text NOT NULL,
      version bigint NOT NULL,
      expires_at timestamptz,
      labels jsonb NOT NULL DEFAULT '{}'
    )`,
    ...INDEXED_LABELS.map(
      label => `CREATE INDEX ${PREFIX}entries_${label.replace("-", "_")} ON ${entries} (${labelColumn(label)}, key)
      WHERE labels->>'${label}' IS NOT NULL`,
    ),
    `CREATE INDEX ${PREFIX}entries_expires_at ON ${entries} (expires_at) WHERE expires_at IS NOT NULL`,
    `CREATE TABLE ${locks} (
      key text COLLATE "C" PRIMARY KEY,
      owner text NOT NULL,
      until timestamptz NOT NULL
    )`,
    `CREATE INDEX ${PREFIX}locks_until ON ${locks} (until)`,
  ],
];

/** The version that this release needs. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

/**
 * One statement, and so one transaction, that brings the tables up to date: a second one waits for the first, and then finds
 * nothing to do. It asks only for rights that what is missing needs.
 */
export function migrationStatement(schema: string | undefined, migrations: readonly Migration[] = MIGRATIONS): string {
  const tables = tablesIn(schema);
  const steps = migrations.map((statements, index) => {
    const version = index + 1;
    const work = statements(tables).map(statement => `    ${statement};\n`);
    return `  IF NOT EXISTS (SELECT FROM ${tables.migrations} WHERE version = ${version}) THEN
${work.join("")}    INSERT INTO ${tables.migrations} (version) VALUES (${version});
  END IF;
`;
  });
  const inSchema =
    schema === undefined
      ? ""
      : `  IF to_regnamespace('"${schema}"') IS NULL THEN
    CREATE SCHEMA "${schema}";
  END IF;
`;
  return `DO $minna_baas$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('minna-baas'), hashtext('migrations'));
${inSchema}  IF to_regclass('${tables.migrations}') IS NULL THEN
    CREATE TABLE ${tables.migrations} (
      version integer PRIMARY KEY,
      applied_at timestamptz NOT NULL DEFAULT now()
    );
  END IF;
${steps.join("")}END
$minna_baas$;
`;
}

/**
 * The statement that makes the tables or brings them up to date, for who applies it by hand: `minna-baas migrate --print`
 * prints it. It may be applied any number of times.
 *
 * @param options - The schema that the store is given, if any.
 * @throws {@link ConfigurationError} for a schema's name that a store would not take.
 */
export function postgresMigrations(options: { readonly schema?: string } = {}): string {
  const problem = schemaProblem(options.schema);
  if (problem !== undefined) throw new ConfigurationError([problem]);
  return migrationStatement(options.schema);
}
