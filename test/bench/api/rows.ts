/** A million transactions, page by page: speed, and the memory that it takes. */
import type { Count, CountCase } from "../case.js";
import { fresh } from "../fresh-process.js";
import { median, ratio, spread } from "../statistics.js";
import { shown } from "../table.js";

/** What one process tells. */
export interface RowsRun {
  readonly rows: number;
  /** Of all amounts, so that nobody can leave rows out. */
  readonly sum: number;
  readonly seconds: number;
  /** Microseconds of CPU for each row. */
  readonly cpu: number;
  /** Megabytes of the process after its first page, and at most. */
  readonly idle: number;
  readonly peak: number;
}

const SCRIPT = new URL("rows-run.js", import.meta.url);
/** Each takes seconds, and the noise of one evens out over them. */
const MOST_ROUNDS = 3;

export const rows: CountCase = {
  kind: "count",
  name: "rows-1000000",
  title: "1,000,000 transactions iterated over in pages of 500, in fresh processes",
  needs: ["bank"],
  async run(servers, { rounds, short }) {
    const count = short ? 50_000 : 1_000_000;
    const runs = { sdk: [] as RowsRun[], floor: [] as RowsRun[] };
    for (let round = 0; round < Math.min(rounds, MOST_ROUNDS); round++) {
      const turns = [["minna-baas", runs.sdk] as const, ["undici request", runs.floor] as const];
      if (round % 2 === 1) turns.reverse();
      for (const [who, list] of turns) {
        list.push(await fresh<RowsRun>(SCRIPT, [who, String(count), JSON.stringify(servers.addresses)]));
      }
    }
    const sums = new Set([...runs.sdk, ...runs.floor].map(run => `${run.rows} rows, ${run.sum}`));
    if (sums.size !== 1) throw new Error(`The contenders did not see the same rows: ${[...sums].join("; ")}.`);
    return countsOf(runs.sdk, runs.floor);
  },
};

function countsOf(sdk: readonly RowsRun[], floor: readonly RowsRun[]): readonly Count[] {
  const speed = (run: RowsRun) => run.rows / run.seconds;
  const growth = (run: RowsRun) => run.peak - run.idle;
  const slower = ratio(floor.map(speed), sdk.map(speed));
  return [
    figure("rows/s: minna-baas", sdk.map(speed), ""),
    figure("rows/s: undici request + JSON.parse", floor.map(speed), ""),
    {
      ...{ name: "times slower than undici request", value: slower.median, unit: "×", atMost: 1.5 },
      note: `${shown(slower.least)}–${shown(slower.most)}`,
    },
    { name: "CPU: minna-baas / undici request", value: ratio(sdk.map(cpu), floor.map(cpu)).median, unit: "×" },
    figure("memory of the idle process: minna-baas", sdk.map(idle), "MB"),
    { ...figure("memory beyond that, at most: minna-baas", sdk.map(growth), "MB"), atMost: 64 },
    figure("memory beyond that, at most: undici request", floor.map(growth), "MB"),
  ];
}

function cpu(run: RowsRun): number {
  return run.cpu;
}

function idle(run: RowsRun): number {
  return run.idle;
}

function figure(name: string, values: readonly number[], unit: string): Count {
  const { least, most } = spread(values);
  return { name, value: median(values), unit, note: `${shown(least)}–${shown(most)}` };
}
