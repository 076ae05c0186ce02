/**
 * Safe requests that are made again while the bank is busy.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { TransportError } from "../errors.js";
import { type Call, endedEarly } from "../transport/call.js";
import type { Answer } from "../transport/door.js";
import { retryAfter } from "../transport/retry-after.js";

/** Milliseconds before the second attempt; each pause is twice the one before. */
const FIRST_PAUSE = 100;
const MOST_ATTEMPTS = 3;
/** Too late, too early, too many requests, and the ways of a server or gateway to say: not now. */
const PASSING: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/**
 * Sends a safe request again while the answer is one that passes, as the bank's `Retry-After` asks (RFC 9110 section
 * 10.2.3), otherwise ever later and spread out. What would be later than the call's deadline is not waited for: planned
 * maintenance is told at once.
 */
export async function repeatSafely(endpoint: string, call: Call, send: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await send().catch((error: unknown) => {
      // A connection that was lost has been tried once more already, at the door.
      if (error instanceof TransportError && error.retryable && error.code !== "connection_lost") return error;
      throw error;
    });
    const lost = outcome instanceof TransportError;
    const pause = FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + Math.random());
    const asked = lost ? 0 : (retryAfter(outcome.headers["retry-after"]) ?? 0) * 1000;
    const until = Date.now() + Math.max(pause, asked);
    if ((!lost && !PASSING.includes(outcome.status)) || attempt === MOST_ATTEMPTS || until >= call.deadline) {
      if (lost) throw outcome;
      return outcome;
    }
    await sleep(until - Date.now(), undefined, { signal: call.signal }).catch(() => {
      throw endedEarly(call, "possible", endpoint, "none");
    });
  }
}
