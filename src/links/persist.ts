/**
 * Writes that must not be lost to a passing failure of the store.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { StoreError } from "../errors.js";

/** Milliseconds between attempts: about five seconds in all. */
const WAITS = [50, 150, 400, 1_000, 3_000];

/**
 * Tries again while the store fails: what is written here, tokens that the bank has just issued, exists nowhere else.
 *
 * A write that was made and whose answer was lost shows as a conflict the next time, which the caller looks into anyway.
 */
export async function persist<T>(work: () => Promise<T>): Promise<T> {
  for (const wait of WAITS) {
    try {
      return await work();
    } catch (error) {
      // A missing key or a broken seal is the same in five seconds.
      if (!(error instanceof StoreError && error.retryable)) throw error;
      await sleep(wait * (0.5 + Math.random()));
    }
  }
  return work();
}
