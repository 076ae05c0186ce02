/** One round of one contender. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Figures, Runnable } from "./case.js";
import { percentile } from "./statistics.js";

export interface Load {
  /** How many calls are under way at a time, and how many are made. */
  readonly callers: number;
  readonly calls: number;
}

/** Milliseconds between two looks at the event loop. */
const RESOLUTION = 2;

/** Makes the calls and measures them. */
export async function measure(runnable: Runnable, { callers, calls }: Load): Promise<Figures> {
  // A connection that was closed while others had their turn is made anew before the clock runs.
  await callAll(runnable, { callers, calls: Math.min(calls, callers * 4) });
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION });
  loop.enable();
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  const times = await callAll(runnable, { callers, calls });
  const milliseconds = performance.now() - before;
  const { user, system } = process.cpuUsage(cpuBefore);
  loop.disable();
  times.sort();
  return {
    callsPerSecond: (calls / milliseconds) * 1000,
    p50: percentile(times, 50),
    p99: percentile(times, 99),
    cpu: (user + system) / calls,
    // An idle loop is looked at every RESOLUTION milliseconds: what is beyond that is late.
    loopDelay: Math.max(0, loop.percentile(99) / 1e6 - RESOLUTION),
  };
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
