/**
 * The door in the shape of `fetch`, for the libraries that speak it.
 *
 * @module
 */
import type { Call } from "./call.js";
import type { Presents } from "./connection.js";
import type { Answer, Door } from "./door.js";

/** What openid-client and jose hand to a custom fetch. */
export interface FetchInit {
  readonly method: string;
  readonly headers: Headers | Record<string, string>;
  readonly body?: unknown;
}

/** Sends a request of a library through the door. Only GET and POST with a form leave this way. */
export async function fetchThrough(
  door: Door,
  call: Call,
  presents: Presents,
  url: string,
  init: FetchInit,
): Promise<Answer> {
  const headers = Object.fromEntries(new Headers(init.headers));
  const body = init.body === undefined || init.body === null ? {} : { body: String(init.body) };
  const method = init.method === "POST" ? "POST" : "GET";
  return door.send({ method, url: new URL(url), headers, presents, ...body }, call);
}

/** The answer as the libraries want it. */
export function toResponse(answer: Answer): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const item of typeof value === "string" ? [value] : (value ?? [])) headers.append(name, item);
  }
  const empty = answer.status === 204 || answer.status === 205;
  return new Response(empty ? null : answer.body, { status: answer.status, headers });
}
