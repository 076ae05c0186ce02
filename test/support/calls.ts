/** Calls to do things in. */
import { Trail } from "../../src/errors/trail.js";
import type { Call } from "../../src/transport/call.js";

export const INTERACTION_ID = "11111111-2222-4333-8444-555555555555";

/** A call that nothing ends, unless an `ending` signal is given. */
export function aCall(signal: AbortSignal = new AbortController().signal, milliseconds = 15_000): Call {
  return Object.freeze({
    signal,
    interactionId: INTERACTION_ID,
    deadline: Date.now() + milliseconds,
    customerIp: undefined,
    customerAuthenticatedAt: undefined,
    trail: new Trail(),
  });
}

/** A call whose deadline passes after so many milliseconds. */
export function shortCall(milliseconds: number): Call {
  const controller = new AbortController();
  setTimeout(() => controller.abort("timeout"), milliseconds).unref();
  return aCall(controller.signal, milliseconds);
}

/** A call that its caller has ended already. */
export function endedCall(): Call {
  return aCall(AbortSignal.abort("aborted"));
}
