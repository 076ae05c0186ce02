#!/usr/bin/env node
/**
 * The command `minna-baas`.
 *
 * @module
 */
import { VERSION } from "../version.js";
import { DOCTOR_HELP, runDoctor } from "./doctor.js";
import { EXPLAIN_HELP, runExplain } from "./explain.js";
import { KEYGEN_HELP, runKeygen } from "./keygen.js";
import { type Bilingual, type Language, languageAmong } from "./language.js";
import { MIGRATE_HELP, runMigrate } from "./migrate.js";
import { printable } from "./printable.js";
import { RESEAL_HELP, runReseal } from "./reseal.js";
import { SANDBOX_HELP } from "./sandbox/help.js";
import { runSandbox } from "./sandbox.js";
import { UsageError } from "./usage.js";

interface Command {
  readonly summary: Bilingual;
  readonly help: Bilingual;
  run(args: string[]): Promise<void>;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  [
    "sandbox",
    {
      summary: { en: "start a bank on this machine to build against", ja: "開発用の銀行をこのマシンで起動する" },
      help: SANDBOX_HELP,
      run: runSandbox,
    },
  ],
  [
    "keygen",
    {
      summary: { en: "make the keys that the bank registers", ja: "銀行に登録する鍵を作成する" },
      help: KEYGEN_HELP,
      run: runKeygen,
    },
  ],
  [
    "doctor",
    {
      summary: {
        en: "look at all that lies between the options and the bank",
        ja: "設定から銀行までを調べ、問題と対処方法を表示する",
      },
      help: DOCTOR_HELP,
      run: runDoctor,
    },
  ],
  [
    "explain",
    {
      summary: { en: "say what an error means, and what to do", ja: "エラーの意味と対処方法を表示する" },
      help: EXPLAIN_HELP,
      run: runExplain,
    },
  ],
  [
    "migrate",
    {
      summary: {
        en: "make a store's tables, or bring them up to date",
        ja: "ストアのテーブルを作成または更新する",
      },
      help: MIGRATE_HELP,
      run: runMigrate,
    },
  ],
  [
    "reseal",
    {
      summary: {
        en: "seal what a store holds under the newest key",
        ja: "ストアの内容を最新の鍵で暗号化し直す",
      },
      help: RESEAL_HELP,
      run: runReseal,
    },
  ],
]);

const TRY: Bilingual = { en: "Try: npx minna-baas --help", ja: "使い方: npx minna-baas --help" };

async function main(given: readonly string[]): Promise<void> {
  const language = languageAmong(given);
  const [name, ...args] = commandFirst(given);
  if (name === undefined || name === "--help" || name === "-h") return print(overview(language));
  if (name === "--version" || name === "-v") return print(VERSION);
  const command = COMMANDS.get(name);
  if (command === undefined) {
    throw new UsageError({ en: `there is no command ${name}`, ja: `${name} というコマンドはありません` });
  }
  if (args.includes("--help") || args.includes("-h")) return print(command.help[language]);
  await command.run(args);
}

/** The language may be said before the command. */
function commandFirst(given: readonly string[]): readonly string[] {
  const [first = "", ...rest] = given;
  const said = first === "--lang" ? 2 : first.startsWith("--lang=") ? 1 : 0;
  if (said === 0) return given;
  return given.length === said ? [] : [...rest.slice(said - 1), ...given.slice(0, said)];
}

function overview(language: Language): string {
  const commands = [...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(12)}${summary[language]}`).join("\n");
  const texts = {
    en: `Usage: minna-baas <command> [options]

Commands:
${commands}

Options:
  --help          show this, or the help of a command
  --version       show the version
  --lang ja|en    the language (default: the environment's)`,
    ja: `使い方: minna-baas <コマンド> [オプション]

コマンド:
${commands}

オプション:
  --help          この説明、またはコマンドの説明を表示する
  --version       バージョンを表示する
  --lang ja|en    表示言語(既定値: 環境の設定)`,
  };
  return texts[language];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const given = process.argv.slice(2);
main(given).catch((error: unknown) => {
  const language = languageAmong(given);
  const usage = error instanceof UsageError;
  const message = usage ? error.words[language] : error instanceof Error ? error.message : String(error);
  process.stderr.write(`minna-baas: ${message.split("\n").map(printable).join("\n")}\n`);
  if (usage) process.stderr.write(`${TRY[language]}\n`);
  process.exitCode = usage ? 2 : 1;
});
