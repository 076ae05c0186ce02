/**
 * The calls of one client: counted, so that closing it cuts none off.
 *
 * @module
 */
import { classOf } from "../config/problems.js";
import { type KnownAs, Trail } from "../errors/trail.js";
import { ArgumentError, TransportError } from "../errors.js";
import { type Call, type CallOptions, isInteractionId, LONGEST_CALL, withCall } from "./call.js";
import { type CallMessage, type CallName, callChannel, trace, type Writable } from "./channels.js";

/** How a client is closed. */
export interface CloseOptions {
  /** Milliseconds that calls under way may still take; then they end with a `TransportError` `closed`. Default: as long as they like. */
  readonly timeout?: number;
}

/** Runs calls, until it is closed. */
export class Calls {
  readonly #timeout: number;
  readonly #running = new Set<Promise<unknown>>();
  readonly #calls = new Set<Call>();
  readonly #ending = new AbortController();
  #closed = false;
  readonly #look: () => void;
  readonly #knownAs: KnownAs | undefined;
  readonly #interactionId: (() => string) | undefined;

  /**
   * @param timeout - Milliseconds of a call that says nothing else.
   * @param look - Is called with each call: for what is to be said in time, without a timer.
   * @param knownAs - Whom the bank takes the partner for, where a call fails before it asks the bank anything.
   * @param interactionId - Makes the interaction id of a call that has none of its own. Default: a random one.
   */
  constructor(timeout: number, look: () => void = () => {}, knownAs?: KnownAs, interactionId?: () => string) {
    this.#timeout = timeout;
    this.#look = look;
    this.#knownAs = knownAs;
    this.#interactionId = interactionId;
  }

  /** Whether no further call is taken. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Runs `work` as one call of the partner: of the method with this name and, where it is one link's, of this link. */
  run<T>(
    name: CallName,
    options: CallOptions | undefined,
    work: (call: Call) => Promise<T>,
    timeout: number = this.#timeout,
    linkId?: string,
  ): Promise<T> {
    return callChannel.hasSubscribers
      ? this.#told(name, linkId, options, work, timeout)
      : this.#run(options, work, timeout);
  }

  #told<T>(
    name: CallName,
    linkId: string | undefined,
    options: CallOptions | undefined,
    work: (call: Call) => Promise<T>,
    timeout: number,
  ): Promise<T> {
    const message: Writable<CallMessage> = linkId === undefined ? { name } : { name, linkId };
    const told = (call: Call) => {
      message.interactionId = call.interactionId;
      return work(call);
    };
    return trace(callChannel, message, () => this.#run(options, told, timeout));
  }

  /** Runs what is no call of the bank, and has no end of its own to it: closing waits for it, and it looks whether it should end. */
  async track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw closed();
    this.#look();
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  #run<T>(options: CallOptions | undefined, work: (call: Call) => Promise<T>, timeout: number): Promise<T> {
    if (this.#closed) return Promise.reject(closed());
    this.#look();
    try {
      return withCall(this.#identified(options), timeout, work, new Trail(this.#knownAs), this.#calls);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #identified(options: CallOptions | undefined): CallOptions | undefined {
    if (this.#interactionId === undefined || options?.interactionId !== undefined) return options;
    return { ...options, interactionId: made(this.#interactionId) };
  }

  /**
   * Takes no further call, and resolves when those under way have ended, and then the rest. Closing twice is closing once.
   *
   * @param rest - What is left to be ended then. It is not waited for longer than the calls are.
   */
  async close({ timeout }: CloseOptions = {}, rest: () => Promise<unknown> = async () => {}): Promise<void> {
    if (timeout !== undefined && !(Number.isInteger(timeout) && timeout >= 0 && timeout <= LONGEST_CALL)) {
      throw new ArgumentError("timeout", `timeout must be milliseconds from 0 to ${LONGEST_CALL}.`);
    }
    this.#closed = true;
    const { signal } = this.#ending;
    const timer = timeout === undefined ? undefined : setTimeout(() => this.#ending.abort(), timeout);
    const ended = new Promise<void>(resolve => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
    signal.addEventListener("abort", () => this.#endCalls(), { once: true });
    await Promise.allSettled([...this.#running, ...Array.from(this.#calls, call => call.over)]);
    await Promise.race([rest(), ended]);
    clearTimeout(timer);
  }

  #endCalls(): void {
    for (const call of this.#calls) call.end("closed");
  }
}

/** A function of the partner's may return anything, and fail: then no call is made that nobody could find again. */
function made(interactionId: () => unknown): string {
  let instead = "returned something else";
  try {
    const id = interactionId();
    if (isInteractionId(id)) return id;
    // Nobody else hears of one that is refused.
    if (id instanceof Promise) id.catch(() => {});
  } catch (error) {
    instead = `failed with ${classOf(error)}`;
  }
  const message = `interactionId, the option of the client, must return a UUID, and ${instead}. The call was not made.`;
  throw new ArgumentError("interactionId", message);
}

/** The error of a call that came too late. */
export function closed(): TransportError {
  return new TransportError(
    "closed",
    "The client was closed: nothing was sent. Make calls before minna.close(), or with another client.",
    { reached: "no", endpoint: "none" },
  );
}
