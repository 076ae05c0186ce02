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
import { languageOf } from "./language.js";
import { MIGRATE_HELP, runMigrate } from "./migrate.js";
import { printable } from "./printable.js";
import { RESEAL_HELP, runReseal } from "./reseal.js";
import { runSandbox, SANDBOX_HELP } from "./sandbox.js";
import { UsageError } from "./usage.js";

interface Command {
  readonly summary: string;
  readonly help: string;
  run(args: string[]): Promise<void>;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["sandbox", { summary: "start a bank on this machine to build against", help: SANDBOX_HELP, run: runSandbox }],
  [
    "keygen",
    { summary: "make the keys that the bank registers", help: KEYGEN_HELP[languageOf(undefined)], run: runKeygen },
  ],
  ["doctor", { summary: "look at all that lies between the options and the bank", help: DOCTOR_HELP, run: runDoctor }],
  ["explain", { summary: "say what an error means, and what to do", help: EXPLAIN_HELP, run: runExplain }],
  ["migrate", { summary: "make a store's tables, or bring them up to date", help: MIGRATE_HELP, run: runMigrate }],
  ["reseal", { summary: "seal what a store holds under the newest key", help: RESEAL_HELP, run: runReseal }],
]);

async function main([name, ...args]: string[]): Promise<void> {
  if (name === undefined || name === "--help" || name === "-h") return print(overview());
  if (name === "--version" || name === "-v") return print(VERSION);
  const command = COMMANDS.get(name);
  if (command === undefined) throw new UsageError(`there is no command ${name}`);
  if (args.includes("--help") || args.includes("-h")) return print(command.help);
  await command.run(args);
}

function overview(): string {
  const commands = [...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
  return `Usage: minna-baas <command> [options]\n\nCommands:\n${commands.join("\n")}\n\nOptions:\n  --help      show this, or the help of a command\n  --version   show the version`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`minna-baas: ${message.split("\n").map(printable).join("\n")}\n`);
  if (error instanceof UsageError) process.stderr.write("Try: npx minna-baas --help\n");
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
