/**
 * Interaction ids that lead to a trace.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { isSpanContextValid, trace } from "@opentelemetry/api";

/**
 * Makes an interaction id out of the active span, for the client's option `interactionId`: then the bank's log, the trace and
 * a support bundle name one thing. Without an active span it is a random one.
 *
 * It has the form of a UUID of version 4. It begins with 20 digits of the trace id, two of them replaced by version and
 * variant, and ends with the last 12 of the span id. With {@link instrumentMinna} the active span is the call's own; without
 * it, that of the application, and calls within one span share the id. It goes to the bank, and with it what it shows of the
 * trace.
 *
 * @example
 * ```ts
 * const minna = new MinnaClient({ ...options, interactionId: traceInteractionId });
 * ```
 */
export function traceInteractionId(): string {
  const active = trace.getActiveSpan()?.spanContext();
  if (active === undefined || !isSpanContextValid(active)) return randomUUID();
  const { traceId: id, spanId } = active;
  // RFC 9562 section 5.4: the version is 4, and the variant's two bits are 10.
  const variant = ((Number.parseInt(id.charAt(16), 16) & 0b0011) | 0b1000).toString(16);
  return [
    id.slice(0, 8),
    id.slice(8, 12),
    `4${id.slice(13, 16)}`,
    `${variant}${id.slice(17, 20)}`,
    spanId.slice(-12),
  ].join("-");
}
