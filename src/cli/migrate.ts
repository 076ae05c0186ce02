/**
 * `minna-baas migrate`: makes the store's tables, or brings them up to date.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ConfigurationError } from "../errors.js";
import { type PostgresStore, postgresMigrations } from "../stores/postgres.js";
import { exportOf, write } from "./partner-module.js";
import { UsageError } from "./usage.js";

export const MIGRATE_HELP: string = `Usage: minna-baas migrate MODULE
       minna-baas migrate --print [--schema NAME]

Makes the tables of a store in PostgreSQL, or brings them up to date.

MODULE is a JavaScript file that exports the store, as "store" or by default:

  import { postgresStore } from "minna-baas/postgres";
  import pg from "pg";
  export const store = postgresStore(new pg.Pool(), { migrations: "manual" });

Options:
  --print         print the SQL instead, for who applies it by hand: it may be applied any number of times
  --schema NAME   the schema that the tables are in, with --print`;

/** Migrates, or prints what would. */
export async function runMigrate(args: string[]): Promise<void> {
  const { module, print, schema } = read(args);
  if (print) return write(sql(schema));
  try {
    const applied = await (await storeOf(module)).migrate();
    await write(
      applied.length === 0
        ? "The tables are up to date.\n"
        : `The tables are up to date now: version ${applied.join(", ")} was missing.\n`,
    );
  } finally {
    // The module's connections would keep the process for as long as they like; an error is still to be printed.
    setImmediate(() => process.exit());
  }
}

function read(args: string[]): {
  readonly module: string;
  readonly print: boolean;
  readonly schema: string | undefined;
} {
  const { values, positionals } = parse(args);
  const [module = "", ...more] = positionals;
  if (more.length > 0) throw new UsageError("migrate takes one module");
  if (values.print && module !== "") throw new UsageError("--print takes no module");
  if (!values.print && module === "")
    throw new UsageError("migrate needs the module that exports the store, or --print");
  if (!values.print && values.schema !== undefined) {
    throw new UsageError("--schema goes with --print: a store has its own");
  }
  return { module, print: values.print, schema: values.schema };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { print: { type: "boolean", default: false }, schema: { type: "string" } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function sql(schema: string | undefined): string {
  try {
    return postgresMigrations(schema === undefined ? {} : { schema });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new UsageError(`--schema must be ${error.problems.map(({ expected }) => expected).join(", ")}`);
  }
}

async function storeOf(module: string): Promise<PostgresStore> {
  return exportOf(module, "store", isMigratable, "a store that was made with postgresStore()");
}

function isMigratable(value: unknown): value is PostgresStore {
  return typeof (value as Partial<PostgresStore> | undefined | null)?.migrate === "function";
}
