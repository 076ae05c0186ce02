/**
 * Turns an answer of the API into a frozen, typed result.
 *
 * @module
 */
import { type SideEffect, ValidationError } from "../errors.js";
import type { Call } from "../transport/call.js";
import type { Answer } from "../transport/door.js";
import { read, type Schema } from "../transport/schema.js";

/** A result with the `x-fapi-interaction-id` of the call that brought it. */
export type WithInteractionId<T> = T & { readonly interactionId: string };

/**
 * Decodes a successful answer. Unknown members are dropped; absent, `null` and empty stay what they are.
 *
 * @throws {@link ValidationError} `body`, with the names of the wrong members and none of their values.
 */
export function decode<T extends object>(
  schema: Schema<T>,
  answer: Answer,
  what: string,
  call: Call,
  sideEffect: SideEffect = "none",
): WithInteractionId<T> {
  const body = decodeBody(schema, answer, what, call, sideEffect);
  return Object.freeze({ ...body, interactionId: call.interactionId });
}

/** Decodes an answer without making a result of it; it is frozen all the same. */
export function decodeBody<T>(
  schema: Schema<T>,
  answer: Answer,
  what: string,
  call: Call,
  sideEffect: SideEffect = "none",
): T {
  const unreadable = (why: string) =>
    new ValidationError("body", `The bank's answer (${what}) ${why}.`, {
      interactionId: call.interactionId,
      sideEffect,
    });
  let body: unknown;
  try {
    body = JSON.parse(answer.body);
  } catch {
    throw unreadable("is not JSON");
  }
  const { value, wrong } = read(schema, body);
  if (wrong === undefined) return value;
  const members = wrong.slice(0, 5).map(path => path || "the whole");
  throw unreadable(`is not of the agreed form (${members.join(", ")})`);
}

/** Freezes a result and everything in it. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}
