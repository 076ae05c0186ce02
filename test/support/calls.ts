/** Calls to do things in. */
import { Trail } from "../../src/errors/trail.js";
import { Call } from "../../src/transport/call.js";

export const INTERACTION_ID = "11111111-2222-4333-8444-555555555555";

/** A call that nothing ends, unless an `ending` signal is given. */
export function aCall(ending?: AbortSignal, milliseconds = 15_000): Call {
  const call = new Call({
    interactionId: INTERACTION_ID,
    deadline: Date.now() + milliseconds,
    customerIp: undefined,
    customerAuthenticatedAt: undefined,
    trail: new Trail(),
  });
  const end = () => call.end(ending?.reason === "timeout" ? "timeout" : "aborted");
  ending?.addEventListener("abort", end, { once: true });
  if (ending?.aborted) end();
  return call;
}

/** A call whose deadline passes after so many milliseconds. */
export function shortCall(milliseconds: number): Call {
  const call = aCall(undefined, milliseconds);
  setTimeout(() => call.end("timeout"), milliseconds).unref();
  return call;
}

/** A call that its caller has ended already. */
export function endedCall(): Call {
  return aCall(AbortSignal.abort());
}
