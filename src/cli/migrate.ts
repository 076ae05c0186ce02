/**
 * `minna-baas migrate`: makes the store's tables, or brings them up to date.
 *
 * @module
 */
import { ConfigurationError } from "../errors.js";
import { type PostgresStore, postgresMigrations } from "../stores/postgres.js";
import { readArguments } from "./arguments.js";
import { type Bilingual, type Language, languageOf } from "./language.js";
import { exportOf, write } from "./partner-module.js";
import { UsageError } from "./usage.js";

const EXAMPLE = `  import { postgresStore } from "minna-baas/postgres";
  import pg from "pg";
  export const store = postgresStore(new pg.Pool(), { migrations: "manual" });`;

export const MIGRATE_HELP: Bilingual = {
  en: `Usage: minna-baas migrate MODULE
       minna-baas migrate --print [--schema NAME]

Makes the tables of a store in PostgreSQL, or brings them up to date.

MODULE is a JavaScript file that exports the store, as "store" or by default:

${EXAMPLE}

Options:
  --print         print the SQL instead, for who applies it by hand: it may be applied any number of
                  times
  --schema NAME   the schema that the tables are in, with --print
  --lang ja|en    the language (default: the environment's)`,
  ja: `使い方: minna-baas migrate モジュール
        minna-baas migrate --print [--schema 名前]

PostgreSQL のストアのテーブルを作成または更新します。

モジュールは、ストアを "store" または default でエクスポートする JavaScript ファイルです:

${EXAMPLE}

オプション:
  --print         実行せずに SQL を出力する(手動で適用する場合。何度適用しても問題ありません)
  --schema 名前   --print で使う、テーブルのスキーマ
  --lang ja|en    表示言語(既定値: 環境の設定)`,
};

/** Migrates, or prints what would. */
export async function runMigrate(args: string[]): Promise<void> {
  const { module, print, schema, language } = read(args);
  if (print) return write(sql(schema));
  try {
    const applied = await (await storeOf(module)).migrate();
    await write(
      applied.length === 0
        ? { ja: "テーブルは最新です。\n", en: "The tables are up to date.\n" }[language]
        : {
            ja: `テーブルを更新しました(適用したバージョン: ${applied.join(", ")})。\n`,
            en: `The tables are up to date now: version ${applied.join(", ")} was missing.\n`,
          }[language],
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
  readonly language: Language;
} {
  const { values, positionals } = parse(args);
  const [module = "", ...more] = positionals;
  if (more.length > 0)
    throw new UsageError({ en: "migrate takes one module", ja: "モジュールは 1 つだけ指定してください" });
  if (values.print && module !== "")
    throw new UsageError({ en: "--print takes no module", ja: "--print にモジュールは指定できません" });
  if (!values.print && module === "")
    throw new UsageError({
      en: "migrate needs the module that exports the store, or --print",
      ja: "ストアをエクスポートするモジュールか、--print を指定してください",
    });
  if (!values.print && values.schema !== undefined) {
    throw new UsageError({
      en: "--schema goes with --print: a store has its own",
      ja: "--schema は --print と一緒に指定してください(ストアには自身のスキーマがあります)",
    });
  }
  return { module, print: values.print, schema: values.schema, language: languageOf(values.lang) };
}

function parse(args: string[]) {
  return readArguments({
    args,
    allowPositionals: true,
    options: { print: { type: "boolean", default: false }, schema: { type: "string" }, lang: { type: "string" } },
  });
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
  return exportOf(module, "store", isMigratable, {
    en: "a store that was made with postgresStore()",
    ja: " postgresStore() で作ったストア",
  });
}

function isMigratable(value: unknown): value is PostgresStore {
  return typeof (value as Partial<PostgresStore> | undefined | null)?.migrate === "function";
}
