/**
 * Work that is done once for all who ask for it at the same time.
 *
 * @module
 */
import type { SideEffect } from "../errors.js";
import { type Call, endedEarly } from "./call.js";

/** Merges concurrent requests for the same work. */
export class SingleFlight<T> {
  readonly #what: string;
  readonly #flights = new Map<string, Promise<T>>();

  /** `what` names the work in an error. */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * Joins the work under way for `key`, or starts it. A caller who gives up leaves; the work goes on for the others, and
   * so must have a deadline of its own.
   */
  async join(key: string, call: Call, start: () => Promise<T>): Promise<T> {
    if (call.ended !== undefined) throw endedEarly(call, "no", this.#what);
    let flight = this.#flights.get(key);
    if (flight === undefined) {
      flight = start().finally(() => this.#flights.delete(key));
      this.#flights.set(key, flight);
    }
    return untilEnded(flight, call, this.#what);
  }

  /** Whether something is under way. */
  get busy(): boolean {
    return this.#flights.size > 0;
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#flights.values());
  }
}

/**
 * Resolves as `work` does, or rejects as soon as the call ends. `work` is what a call waits for beside its own request:
 * keys, a token, a signature. `reached` says whether a request of its own has left before.
 */
export async function untilEnded<T>(
  work: Promise<T>,
  call: Call,
  what: string,
  reached: "no" | "possible" = "no",
  sideEffect?: SideEffect,
): Promise<T> {
  let leave: () => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    leave = () => reject(endedEarly(call, reached, what, sideEffect));
    call.onEnd(leave);
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    call.offEnd(leave);
  }
}
