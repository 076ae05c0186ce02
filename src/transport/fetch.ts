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
  const answer = await door.send({ method, url: new URL(url), headers, presents, ...body }, call);
  // RFC 8259 section 8.1: the libraries overlook a byte order mark; who reads the same body after them must, too.
  return { ...answer, body: answer.body.replace(/^\ufeff+/, "") };
}

/** What the libraries read of an answer. Anything else could hold what a `Headers` object refuses. */
const READ = ["content-type", "www-authenticate"];

/** The answer as the libraries want it. */
export function toResponse(answer: Answer): Response {
  const headers = new Headers();
  for (const name of READ) {
    const value = answer.headers[name];
    // RFC 9110 section 5.5: what is no visible ASCII is a gateway's mistake, and says nothing here.
    if (value !== undefined) headers.set(name, String(value).replace(/[^\t\x20-\x7e]/g, "?"));
  }
  const empty = answer.status === 204 || answer.status === 205 || answer.status === 304;
  return new Response(empty ? null : answer.body, { status: answer.status, headers });
}
