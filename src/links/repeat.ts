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
    let pause: number;
    try {
      const answer = await send();
      if (attempt === MOST_ATTEMPTS || !PASSING.includes(answer.status)) return answer;
      pause = Math.max(pauseAfter(attempt), (retryAfter(answer.headers["retry-after"]) ?? 0) * 1000);
      if (Date.now() + pause >= call.deadline) return answer;
    } catch (error) {
      // A connection that was lost has been tried once more already, at the door.
      const passing = error instanceof TransportError && error.retryable && error.code !== "connection_lost";
      pause = pauseAfter(attempt);
      if (!passing || attempt === MOST_ATTEMPTS || Date.now() + pause >= call.deadline) throw error;
    }
    await sleep(pause, undefined, { signal: call.signal }).catch(() => {
      throw endedEarly(call, "possible", endpoint, "none");
    });
  }
}

/** Milliseconds, spread out. */
function pauseAfter(attempt: number): number {
  return FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + Math.random());
}
