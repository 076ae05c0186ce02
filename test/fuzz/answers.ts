/** Answers of a bank that has lost its mind, or is somebody else. */
import fc from "fast-check";
import { ValidationError } from "../../src/errors.js";
import type { Answer } from "../../src/transport/door.js";
import { body } from "./json.js";

const noise = fc.string({ unit: "binary", maxLength: 30 });

/** Every status that three digits can write. Redirects do not get past the door: see `refusingRedirects()`. */
export function status(usual: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant(usual) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(200, 201, 202, 204, 205, 301, 304, 400, 401, 403, 404, 409, 422, 429, 500, 503),
    },
    { weight: 1, arbitrary: fc.integer({ min: 100, max: 999 }) },
  );
}

const contentType = fc.oneof(
  { weight: 8, arbitrary: fc.constant("application/json") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "application/json; charset=Shift_JIS",
      "APPLICATION/JSON",
      "text/html; charset=utf-8",
      "application/problem+json",
      "application/jwt",
      "application/token-introspection+jwt",
      "application/json, text/html",
      "",
    ),
  },
  { weight: 1, arbitrary: noise },
);
const retryAfter = fc.oneof(
  fc.constantFrom("0", "120", "-5", "1.5", "1e9", "99999999999", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"),
  fc.constantFrom("Xxx, 99 Yyy 9999 99:99:99 GMT", "Fri, 31 Feb 2026 25:61:61 GMT", "", " 1", "1\n2"),
  noise,
);
const challenge = fc.oneof(
  fc.constantFrom(
    "Bearer",
    'Bearer error="invalid_token"',
    'Bearer error="invalid_token", error_description="CANARY"',
    "Bearer error=invalid_token",
    'Bearer realm="a, b", error="x\\"y"',
    'DPoP algs="ES256", Bearer error="insufficient_scope"',
    'Bearer error="',
    `Bearer ${'a="b",'.repeat(2_000)}`,
    `${" ".repeat(20_000)}x`,
    "Basic =====",
    ",,,,",
  ),
  noise,
);

function often<T>(usual: T, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary });
}

/** One value of a header, several, or none. */
function header(values: fc.Arbitrary<string>): fc.Arbitrary<string | string[] | undefined> {
  return often<string | string[] | undefined>(undefined, fc.oneof(values, fc.array(values, { maxLength: 3 })));
}

/** Values that come close to the right one, by member. */
export type NearMisses = Readonly<Record<string, readonly unknown[]>>;

function nearly(document: object, near: NearMisses): fc.Arbitrary<string> {
  const all = Object.entries(near).flatMap(([name, values]) => values.map(value => ({ [name]: value })));
  return fc.constantFrom(...all).map(one => JSON.stringify({ ...document, ...one }));
}

/** Answers around a valid one. */
export function answers(document: object, usual: number = 200, near: NearMisses = {}): fc.Arbitrary<Answer> {
  const bodies = Object.keys(near).length === 0 ? [body(document)] : [body(document), nearly(document, near)];
  return fc
    .record({
      status: status(usual),
      body: fc.oneof(...bodies),
      contentType: often<string | string[] | undefined>("application/json", fc.oneof(contentType, fc.array(noise))),
      retryAfter: header(retryAfter),
      challenge: header(challenge),
      other: header(noise),
    })
    .map(({ status: code, body: text, contentType: type, ...more }) => ({
      status: code,
      thumbprint: "thumbprint-1",
      body: text,
      headers: {
        "content-type": type,
        "retry-after": more.retryAfter,
        "www-authenticate": more.challenge,
        "x-fapi-interaction-id": more.other,
      },
    }));
}

/** What the door does with a redirect: it ends there. */
export function refusingRedirects(answer: Answer): Answer {
  if (answer.status < 300 || answer.status >= 400) return answer;
  throw new ValidationError("redirect", "The bank answered with a redirect.");
}

/** What JSON.parse makes of a body, `undefined` for what it does not read. Byte order marks are no part of the text. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff+/, ""));
  } catch {
    return undefined;
  }
}

/** A member of a document, if it has one of its own. */
export function memberOf(document: unknown, name: string): unknown {
  return typeof document === "object" && document !== null && Object.hasOwn(document, name)
    ? (document as Record<string, unknown>)[name]
    : undefined;
}
