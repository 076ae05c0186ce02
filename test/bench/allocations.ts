/** What a call allocates. */
import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import type { Runnable } from "./case.js";
import { callAll, type Load } from "./round.js";

/** A young generation that holds everything a measurement makes, so that nothing is collected in between. */
export const ROOMY: readonly string[] = ["--expose-gc", "--min-semi-space-size=512", "--max-semi-space-size=512"];

/**
 * Bytes of the heap that a call allocates, in a process that was started with {@link ROOMY}. Made with fewer calls where the
 * memory was not enough: whatever was collected would be missing.
 */
export async function allocated(runnable: Runnable, { callers, calls }: Load): Promise<number> {
  // Once everything is compiled, only the calls themselves allocate.
  await callAll(runnable, { callers, calls });
  let collections = 0;
  const observer = new PerformanceObserver(list => {
    collections += list.getEntries().length;
  });
  for (let some = calls; some >= 1; some = Math.floor(some / 4)) {
    globalThis.gc?.();
    await turn();
    observer.observe({ entryTypes: ["gc"] });
    collections = 0;
    const before = process.memoryUsage().heapUsed;
    await callAll(runnable, { callers, calls: some });
    const bytes = process.memoryUsage().heapUsed - before;
    // An observer is told a turn later.
    await turn();
    await turn();
    observer.disconnect();
    if (collections === 0) return bytes / some;
  }
  return Number.NaN;
}
