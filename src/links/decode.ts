/**
 * Turns an answer of the API into a frozen, typed result.
 *
 * @module
 */
import type { z } from "zod";
import { type SideEffect, ValidationError } from "../errors.js";
import type { Call } from "../transport/call.js";
import type { Answer } from "../transport/door.js";

/** A result with the `x-fapi-interaction-id` of the call that brought it. */
export type WithInteractionId<T> = T & { readonly interactionId: string };

/**
 * Decodes a successful answer. Unknown members are dropped; absent, `null` and empty stay what they are.
 *
 * @throws {@link ValidationError} `body`, with the names of the wrong members and none of their values.
 */
export function decode<T extends object>(
  schema: z.ZodType<T>,
  answer: Answer,
  what: string,
  call: Call,
  sideEffect: SideEffect = "none",
): WithInteractionId<T> {
  const result = { ...decodeBody(schema, answer, what, call, sideEffect), interactionId: call.interactionId };
  return freeze(result);
}

/** Decodes an answer without making a result of it. */
export function decodeBody<T>(
  schema: z.ZodType<T>,
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
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const members = parsed.error.issues.slice(0, 5).map(issue => issue.path.join(".") || "the whole");
  throw unreadable(`is not of the agreed form (${members.join(", ")})`);
}

/** Freezes a result and everything in it. */
export function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}
