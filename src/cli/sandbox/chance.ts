/**
 * Faults by chance, as they are written on the command line.
 *
 * @module
 */
import type { FaultOdds } from "../../sandbox/index.js";
import { UsageError } from "../usage.js";
import { faultName } from "./fault-list.js";

export interface FaultChance {
  readonly seed: number;
  readonly odds: FaultOdds;
}

/** Reads `SEED:NAME=ODDS,NAME=ODDS`. */
export function faultChance(value: string): FaultChance {
  const [, seed, list = ""] = /^(\d{1,9}):(.+)$/.exec(value) ?? [];
  if (seed === undefined)
    throw new UsageError({
      en: "--chance must be SEED:NAME=ODDS,NAME=ODDS",
      ja: "--chance は SEED:NAME=ODDS,NAME=ODDS の形で指定してください(例: 7:api-429=0.1)",
    });
  return { seed: Number(seed), odds: Object.fromEntries(list.split(",").map(oddsOfOne)) };
}

function oddsOfOne(entry: string): [string, number] {
  const [name = "", odds = ""] = entry.split("=");
  if (!/^(0(\.\d+)?|1)$/.test(odds))
    throw new UsageError({
      en: `--chance: the odds of ${name} must be from 0 to 1`,
      ja: `--chance: ${name} の確率は 0 から 1 までで指定してください`,
    });
  return [faultName(name), Number(odds)];
}
