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
  if (seed === undefined) throw new UsageError("--chance must be SEED:NAME=ODDS,NAME=ODDS");
  return { seed: Number(seed), odds: Object.fromEntries(list.split(",").map(oddsOfOne)) };
}

function oddsOfOne(entry: string): [string, number] {
  const [name = "", odds = ""] = entry.split("=");
  if (!/^(0(\.\d+)?|1)$/.test(odds)) throw new UsageError(`--chance: the odds of ${name} must be from 0 to 1`);
  return [faultName(name), Number(odds)];
}
