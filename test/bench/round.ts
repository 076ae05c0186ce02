/** One round of one contender, made of heats: in between the others have theirs. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Figures, Runnable } from "./case.js";
import { median, percentile } from "./statistics.js";

export interface Load {
  /** How many calls are under way at a time, and how many are made. */
  readonly callers: number;
  readonly calls: number;
}

/** Milliseconds between two looks at the event loop. */
const RESOLUTION = 2;

/** What is measured of one contender in one round. */
export class Round {
  readonly #times: number[] = [];
  /** Of each heat. */
  readonly #delays: number[] = [];
  #milliseconds = 0;
  #cpu = 0;

  /** Makes some of the round's calls and measures them. */
  async heat(runnable: Runnable, { callers, calls }: Load): Promise<void> {
    // What went cold while others had their turn is warm again before the clock runs.
    await callAll(runnable, { callers, calls: Math.min(calls, callers) });
    // One for each heat: it would count the time in between.
    const loop = monitorEventLoopDelay({ resolution: RESOLUTION });
    loop.enable();
    const cpuBefore = process.cpuUsage();
    const before = performance.now();
    const times = await callAll(runnable, { callers, calls });
    this.#milliseconds += performance.now() - before;
    const { user, system } = process.cpuUsage(cpuBefore);
    loop.disable();
    // An idle loop is looked at every RESOLUTION milliseconds: what is beyond that is late.
    this.#delays.push(Math.max(0, loop.percentile(99) / 1e6 - RESOLUTION));
    this.#cpu += user + system;
    for (const time of times) this.#times.push(time);
  }

  /** What the heats came to. */
  figures(): Figures {
    const times = Float64Array.from(this.#times).sort();
    return {
      callsPerSecond: (times.length / this.#milliseconds) * 1000,
      p50: percentile(times, 50),
      p99: percentile(times, 99),
      cpu: this.#cpu / times.length,
      loopDelay: median(this.#delays),
    };
  }
}

/** Makes the calls; the milliseconds that each took. */
export async function callAll(runnable: Runnable, { callers, calls }: Load): Promise<Float64Array> {
  const times = new Float64Array(calls);
  let next = 0;
  const caller = async () => {
    while (next < calls) {
      const index = next++;
      const before = performance.now();
      await runnable.run();
      times[index] = performance.now() - before;
    }
  };
  await Promise.all(Array.from({ length: Math.min(callers, calls) }, caller));
  return times;
}
