/**
 * The `x-fapi-interaction-id` of a request.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** What the caller calls the request; `undefined` where that is no UUID, as FAPI has it. */
export function interactionIdOf({ headers }: IncomingMessage): string | undefined {
  const given = headers["x-fapi-interaction-id"];
  return typeof given === "string" && UUID.test(given) ? given : undefined;
}
