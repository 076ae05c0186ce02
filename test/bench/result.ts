/** What came of the cases, for tables and for JSON. */
import type { BenchCase, Count, CountCase, Figure, Figures, Goal } from "./case.js";
import type { RaceRecord } from "./race.js";
import { ratio, type Spread, spread } from "./statistics.js";

/** A goal beside what was measured. */
export interface Verdict {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly reached: boolean;
}

/** A figure, and how many times the floor's it is. */
export interface Measured {
  readonly is: Spread;
  readonly ofFloor: Spread;
}

export interface RaceResult {
  readonly kind: "race";
  readonly name: string;
  readonly title: string;
  readonly floor: string;
  readonly contenders: readonly { readonly name: string; readonly figures: Readonly<Record<Figure, Measured>> }[];
  readonly goals: readonly Verdict[];
}

export interface CountResult {
  readonly kind: "count";
  readonly name: string;
  readonly title: string;
  readonly counts: readonly Count[];
  readonly goals: readonly Verdict[];
}

export interface Skipped {
  readonly kind: "skipped";
  readonly name: string;
  readonly title: string;
  readonly why: string;
}

export type Result = RaceResult | CountResult | Skipped;

const FIGURES: readonly (keyof Figures)[] = ["callsPerSecond", "p50", "p99", "cpu", "loopDelay"];

/** @param major - Node's major version, which some goals depend on. */
export function resultOfRace(race: BenchCase, records: readonly RaceRecord[], major: number): RaceResult {
  const { kind, name, title, floor, goals = [] } = race;
  const asked = goals.filter(({ sinceNode = 0, beforeNode = Infinity }) => sinceNode <= major && major < beforeNode);
  return {
    ...{ kind, name, title, floor },
    contenders: records.map(record => ({ name: record.name, figures: figuresOf(record, recordOf(floor, records)) })),
    goals: asked.map(goal => verdictOf(goal, floor, records)),
  };
}

export function resultOfCount({ kind, name, title }: CountCase, counts: readonly Count[]): CountResult {
  const goals = counts.filter(({ atLeast, atMost }) => atLeast !== undefined || atMost !== undefined);
  return { kind, name, title, counts, goals: goals.map(count => judged(count.name, count.value, count.unit, count)) };
}

function figuresOf(record: RaceRecord, floor: RaceRecord): Record<Figure, Measured> {
  const entries = [...FIGURES, "bytes" as const].map(figure => [
    figure,
    { is: spread(valuesOf(record, figure)), ofFloor: ratio(valuesOf(record, figure), valuesOf(floor, figure)) },
  ]);
  return Object.fromEntries(entries) as Record<Figure, Measured>;
}

const SPOKEN: Readonly<Record<Figure, string>> = {
  callsPerSecond: "calls per second",
  p50: "median time",
  p99: "time at p99",
  cpu: "CPU per call",
  loopDelay: "delay of the event loop",
  bytes: "allocations per call",
};

function verdictOf(goal: Goal, floor: string, records: readonly RaceRecord[]): Verdict {
  const { figure, of, against = floor } = goal;
  const measured = ratio(valuesOf(recordOf(of, records), figure), valuesOf(recordOf(against, records), figure)).median;
  return judged(`${SPOKEN[figure]}: ${of} / ${against}`, measured, "×", goal);
}

/** Not a number is not reached. */
function judged(
  what: string,
  measured: number,
  unit: string,
  { atLeast, atMost }: { readonly atLeast?: number; readonly atMost?: number },
): Verdict {
  const reached = measured >= (atLeast ?? -Infinity) && measured <= (atMost ?? Infinity);
  const limits = { ...(atLeast === undefined ? {} : { atLeast }), ...(atMost === undefined ? {} : { atMost }) };
  return { what, measured, unit, ...limits, reached };
}

function valuesOf(record: RaceRecord, figure: Figure): readonly number[] {
  return figure === "bytes" ? [record.bytes] : record.rounds.map(round => round[figure]);
}

function recordOf(name: string, records: readonly RaceRecord[]): RaceRecord {
  const found = records.find(record => record.name === name);
  if (found === undefined) throw new Error(`No contender is called ${JSON.stringify(name)}.`);
  return found;
}
