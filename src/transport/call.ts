/**
 * One call of the partner: its deadline, its interaction id, and whether the customer is there.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { isIP } from "node:net";
import { isJstDate } from "../config/jst.js";
import { leaveTrail, Trail } from "../errors/trail.js";
import { ArgumentError, type SideEffect, TransportError } from "../errors.js";

/** What every method takes last. */
export interface CallOptions {
  /** Ends the call early. What is under way at the bank is not undone. */
  readonly signal?: AbortSignal;
  /** Milliseconds for the call with all its attempts. Default: the client's `timeout`. */
  readonly timeout?: number;
  /** Given only while the customer is there: the bank is told their address and when they logged in at the partner. */
  readonly customerPresent?: {
    /** The customer's IP address. */
    readonly ip: string;
    /** When the customer logged in: a date-time with an offset, `2026-04-01T09:30:00+09:00`. */
    readonly authenticatedAt?: string;
  };
  /** The `x-fapi-interaction-id` to send, a UUID. Default: what the client's `interactionId` makes, else a new one for each call. */
  readonly interactionId?: string;
}

/** Why a call has ended before its work did. */
export type Ending = "timeout" | "aborted" | "closed";

/** What a call is from its beginning. */
export interface CallDetails {
  readonly interactionId: string;
  /** Milliseconds since the epoch at which the call gives up. */
  readonly deadline: number;
  readonly customerIp: string | undefined;
  /** When the customer logged in, as an HTTP date. */
  readonly customerAuthenticatedAt: string | undefined;
  /** The requests that were made so far. */
  readonly trail: Trail;
}

/** A call under way. */
export class Call implements CallDetails {
  readonly interactionId: string;
  readonly deadline: number;
  readonly customerIp: string | undefined;
  readonly customerAuthenticatedAt: string | undefined;
  readonly trail: Trail;
  #ended: Ending | undefined;
  #leavers: (() => void)[] = [];
  #controller: AbortController | undefined;
  #over: Promise<void> | undefined;
  #finished: (() => void) | undefined;

  constructor(details: CallDetails) {
    this.interactionId = details.interactionId;
    this.deadline = details.deadline;
    this.customerIp = details.customerIp;
    this.customerAuthenticatedAt = details.customerAuthenticatedAt;
    this.trail = details.trail;
  }

  /** Why the call has ended; `undefined` while it goes on. */
  get ended(): Ending | undefined {
    return this.#ended;
  }

  /** Fires when the call ends, for what heeds signals only. It is made when it is asked for: few calls need one. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#ended !== undefined) this.#controller.abort(this.#ended);
    return this.#controller.signal;
  }

  /** Ends the call, once. */
  end(why: Ending): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    this.#controller?.abort(why);
    const leavers = this.#leavers;
    this.#leavers = [];
    for (const leave of leavers) leave();
  }

  /** Resolves when its work is over, be it done or failed. */
  get over(): Promise<void> {
    this.#over ??= new Promise(resolve => {
      this.#finished = resolve;
    });
    return this.#over;
  }

  /** Its work is over. */
  finish(): void {
    this.#finished?.();
  }

  /** Calls `leave` when the call ends, unless it was taken back before. */
  onEnd(leave: () => void): void {
    if (this.#ended === undefined) this.#leavers.push(leave);
    else leave();
  }

  /** Takes back what `onEnd()` was given. */
  offEnd(leave: () => void): void {
    const at = this.#leavers.lastIndexOf(leave);
    if (at >= 0) this.#leavers.splice(at, 1);
  }
}

/** Milliseconds that a call may take at most. */
export const LONGEST_CALL: number = 600_000;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Runs `work` as one call: one deadline spans everything in it, and its timer ends with it.
 *
 * @param trail - Where its requests are noted: for work that is done for another call, a branch of that one's trail.
 * @param running - The calls under way that it is one of, for whoever ends them all.
 */
export async function withCall<T>(
  options: CallOptions | undefined,
  timeout: number,
  work: (call: Call) => Promise<T>,
  trail: Trail = new Trail(),
  running?: Set<Call>,
): Promise<T> {
  const milliseconds = checkTimeout(options?.timeout) ?? timeout;
  const caller = checkSignal(options?.signal);
  const { customerIp, customerAuthenticatedAt } = checkCustomer(options?.customerPresent);
  const call = new Call({
    interactionId: checkInteractionId(options?.interactionId),
    deadline: Date.now() + milliseconds,
    customerIp,
    customerAuthenticatedAt,
    trail,
  });
  const timer = setTimeout(() => call.end("timeout"), milliseconds);
  const leave = caller && leaveWith(caller, call);
  running?.add(call);
  try {
    return await work(call);
  } catch (error) {
    leaveTrail(error, trail);
    throw error;
  } finally {
    clearTimeout(timer);
    leave?.();
    running?.delete(call);
    call.finish();
  }
}

/** Ends the call with its caller's signal. Not by AbortSignal.any(): it would hold on to a long-lived signal for ever. */
function leaveWith(caller: AbortSignal, call: Call): () => void {
  const abort = () => call.end("aborted");
  // One signal may serve any number of calls at once; Node would warn of a leak at the eleventh.
  setMaxListeners(0, caller);
  caller.addEventListener("abort", abort, { once: true });
  if (caller.aborted) abort();
  return () => caller.removeEventListener("abort", abort);
}

/**
 * Runs `work` within a share of the call's remaining time, so that something is left for finding out how it ended.
 */
export async function withShare<T>(call: Call, share: number, work: (call: Call) => Promise<T>): Promise<T> {
  const remaining = Math.max(call.deadline - Date.now(), 0) * share;
  const part = new Call(call);
  const timer = setTimeout(() => part.end("timeout"), remaining);
  const leave = () => part.end(call.ended ?? "aborted");
  call.onEnd(leave);
  try {
    return await work(part);
  } finally {
    clearTimeout(timer);
    call.offEnd(leave);
  }
}

/** The error of a call that has ended. */
export function endedEarly(
  call: Call,
  reached: "no" | "possible",
  endpoint: string,
  sideEffect: SideEffect = reached === "no" ? "none" : "possible",
): TransportError {
  // By the clock, where no timer has noticed yet.
  const code = call.ended ?? "timeout";
  const why = ENDINGS[code];
  const when = reached === "no" ? "before the request left" : "before the answer was there";
  const next =
    sideEffect === "possible"
      ? "Something may have changed at the bank: find out before you go on."
      : `Nothing has changed at the bank${code === "timeout" ? "; give the call more time where it needs it" : ""}.`;
  return new TransportError(code, `${why} ${when} (${endpoint}). ${next}`, {
    reached,
    endpoint,
    interactionId: call.interactionId,
    retryable: code === "timeout" && sideEffect === "none",
    sideEffect,
  });
}

const ENDINGS = {
  timeout: "The call's deadline passed",
  aborted: "The caller's signal ended the call",
  closed: "The client was closed",
};

function checkTimeout(value: number | undefined): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value > 0 && value <= LONGEST_CALL)) return value;
  throw new ArgumentError("timeout", "timeout must be milliseconds from 1 to 600,000.");
}

function checkSignal(value: AbortSignal | undefined): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw new ArgumentError("signal", "signal must be an AbortSignal.");
}

function checkInteractionId(value: string | undefined): string {
  if (value === undefined) return randomUUID();
  if (isInteractionId(value)) return value;
  throw new ArgumentError("interactionId", "interactionId must be a UUID.");
}

/** Whether the value can be sent as an interaction id. */
export function isInteractionId(value: unknown): value is string {
  return typeof value === "string" && UUID.test(value);
}

const NOBODY = { customerIp: undefined, customerAuthenticatedAt: undefined };

function checkCustomer(present: CallOptions["customerPresent"]): Pick<Call, "customerIp" | "customerAuthenticatedAt"> {
  if (present === undefined) return NOBODY;
  const { ip, authenticatedAt } = present ?? {};
  if (typeof ip !== "string" || isIP(ip) === 0)
    throw new ArgumentError("customerPresent.ip", "customerPresent.ip must be an IP address.");
  if (authenticatedAt === undefined) return { customerIp: ip, customerAuthenticatedAt: undefined };
  const real =
    typeof authenticatedAt === "string" && DATE_TIME.test(authenticatedAt) && isJstDate(authenticatedAt.slice(0, 10));
  if (!real || Number.isNaN(Date.parse(authenticatedAt))) {
    throw new ArgumentError(
      "customerPresent.authenticatedAt",
      "customerPresent.authenticatedAt must be a date-time with an offset, such as 2026-04-01T09:30:00+09:00.",
    );
  }
  return { customerIp: ip, customerAuthenticatedAt: new Date(authenticatedAt).toUTCString() };
}
