/** The results as text, which is Markdown too. */
import type { Count, Figure } from "./case.js";
import type { CountResult, RaceResult, Result, Verdict } from "./result.js";
import type { Spread } from "./statistics.js";
import { shown, table } from "./table.js";

const COLUMNS: readonly (readonly [Figure, string])[] = [
  ["callsPerSecond", "calls/s"],
  ["p50", "p50, ms"],
  ["p99", "p99, ms"],
  ["cpu", "CPU, µs/call"],
  ["bytes", "heap, bytes/call"],
  ["loopDelay", "loop delay p99, ms"],
];

/** A case under its title. */
export function sectionOf(result: Result): string {
  const head = `### ${result.title}`;
  switch (result.kind) {
    case "race":
      return `${head}\n\n${raceTables(result)}`;
    case "count":
      return `${head}\n\n${countTable(result)}`;
    case "skipped":
      return `${head}\n\nSkipped: ${result.why}`;
  }
}

function raceTables({ contenders, floor }: RaceResult): string {
  const titles = COLUMNS.map(([, title]) => title);
  const figures = contenders.map(({ name, figures: measured }) => [
    name,
    ...COLUMNS.map(([figure]) => within(measured[figure].is)),
  ]);
  const ratios = contenders
    .filter(({ name }) => name !== floor)
    .map(({ name, figures: measured }) => [name, ...COLUMNS.map(([figure]) => within(measured[figure].ofFloor))]);
  return `${table([["", ...titles], ...figures])}\n\n${table([[`times ${floor}`, ...titles.map(nameOnly)], ...ratios])}`;
}

function nameOnly(title: string): string {
  return title.split(",")[0] ?? title;
}

function countTable({ counts }: CountResult): string {
  return table([["", "", ""], ...counts.map(count => [count.name, amountOf(count), count.note ?? ""])], [0, 2]);
}

function amountOf({ value, unit }: Count): string {
  return unit === "" ? shown(value) : `${shown(value)} ${unit}`;
}

/** The median, and between what it lay. */
function within({ median, least, most }: Spread): string {
  return least === most ? shown(median) : `${shown(median)} (${shown(least)}–${shown(most)})`;
}

/** All goals of a run; empty where none was measured. */
export function goalsOf(results: readonly Result[]): string {
  const rows = results.flatMap(result =>
    result.kind === "skipped" ? [] : result.goals.map(verdict => [result.name, ...cellsOf(verdict)]),
  );
  return rows.length === 0 ? "" : table([["case", "what", "goal", "measured", "reached"], ...rows], [0, 1]);
}

function cellsOf({ what, measured, unit, atLeast, atMost, reached }: Verdict): string[] {
  const limits = [
    ...(atLeast === undefined ? [] : [`≥ ${shown(atLeast)}`]),
    ...(atMost === undefined ? [] : [`≤ ${shown(atMost)}`]),
  ];
  const goal = atLeast !== undefined && atLeast === atMost ? `= ${shown(atLeast)}` : limits.join(", ");
  return [what, `${goal} ${unit}`.trim(), `${shown(measured)} ${unit}`.trim(), reached ? "yes" : "no"];
}
