/**
 * The arguments of a command.
 *
 * @module
 */
import { type ParseArgsConfig, parseArgs } from "node:util";
import type { Bilingual } from "./language.js";
import { UsageError } from "./usage.js";

/**
 * Reads them as Node does.
 *
 * @throws UsageError where one is unknown, has no value, or is not to be there.
 */
export function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(inWords(error instanceof Error ? error.message : String(error)));
  }
}

const SENTENCES: readonly (readonly [sentence: RegExp, ja: string])[] = [
  [/^Unknown option '([^']*)'/, "$1 というオプションはありません"],
  [/^Option '([^']*)' argument missing/, "$1 の値がありません"],
  [
    /^Option '([^']*)' argument is ambiguous/,
    "$1 の値が - で始まっています。値であれば --名前=値 の形で指定してください",
  ],
  [/^Option '([^']*)' does not take an argument/, "$1 に値は指定できません"],
  [/^Unexpected argument '([^']*)'/, "余分な引数があります: $1"],
];

/** What Node says, as long as it does so in these words. */
function inWords(said: string): Bilingual {
  const [en = said] = said.split("\n");
  for (const [sentence, ja] of SENTENCES) {
    const [found] = sentence.exec(en) ?? [];
    if (found !== undefined) return { en, ja: found.replace(sentence, ja) };
  }
  return { en, ja: en };
}
