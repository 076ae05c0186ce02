/** The options of the command. */
import { parseArgs } from "node:util";
import type { BenchCase, CountCase } from "./case.js";

export interface Options {
  readonly rounds: number;
  readonly short: boolean;
  /** Whether the page of the figures is written. */
  readonly write: boolean;
  /** Whether a goal that is missed makes the run fail. */
  readonly check: boolean;
  readonly json: string;
  readonly cases: readonly (BenchCase | CountCase)[];
}

/** @throws RangeError or TypeError for what is no option, or no value of one: its message says what is. */
export function optionsFrom(args: readonly string[], all: readonly (BenchCase | CountCase)[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      /** How often each contender is measured, after a round that does not count. */
      rounds: { type: "string" },
      /** Names of cases, with commas between. */
      only: { type: "string" },
      /** Fewer calls, and two rounds. */
      short: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      json: { type: "string", default: ".build/bench.json" },
    },
  });
  const { short, write, check, json, only } = values;
  const rounds = Number(values.rounds ?? (short ? "2" : "5"));
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError("--rounds must be a whole number, 1 at least.");
  if (write && (short || only !== undefined)) {
    throw new RangeError("--write puts a whole run on the page: leave out --short and --only.");
  }
  if (json === "") throw new RangeError("--json must be the name of a file.");
  return { rounds, short, write, check, json, cases: only === undefined ? all : chosen(only, all) };
}

function chosen(only: string, all: readonly (BenchCase | CountCase)[]): readonly (BenchCase | CountCase)[] {
  const wanted = only.split(",");
  const unknown = wanted.filter(name => !all.some(one => one.name === name));
  if (unknown.length > 0) {
    const names = all.map(({ name }) => name).join(", ");
    throw new RangeError(
      `--only knows no case ${unknown.map(name => JSON.stringify(name)).join(", ")}. There are ${names}.`,
    );
  }
  return all.filter(({ name }) => wanted.includes(name));
}
