import fc from "fast-check";
import { expect } from "vitest";
import { type Callback, readCallback, verifyResponse } from "../../src/authorization/response.js";
import { AuthorizationError, ValidationError } from "../../src/errors.js";
import { aCall } from "../support/calls.js";
import { configuration, ISSUER } from "../support/options.js";
import { stubBank } from "../support/stub-bank.js";
import { outcomeOf, reportInputs, tallies } from "./fuzz.js";
import { JWKS } from "./jwts.js";

reportInputs("test/fuzz/callback.test.ts");

const STATE = "the-state";
const REDIRECT = "https://partner.example/bank/callback";
const settings = configuration("fapi2-security");
const context = { configuration: settings, server: stubBank(settings, JWKS).server, call: aCall() };
const signedSettings = configuration("fapi1-advanced");
const signedContext = { ...context, configuration: signedSettings, server: stubBank(signedSettings, JWKS).server };

const noise = fc.string({ unit: "binary", maxLength: 40 });
const name = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("code", "state", "iss", "error", "response", "error_description", "id_token"),
  },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "toString", "", "state[]", "STATE", "code ") },
  { weight: 1, arbitrary: noise },
);
const value = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("a-code", STATE, ISSUER, `${ISSUER}/`, "access_denied", "", "a b", "a\nb", "%00"),
  },
  { weight: 1, arbitrary: noise },
);
const right: readonly (readonly [string, string])[] = [
  ["code", "a-code"],
  ["state", STATE],
  ["iss", ISSUER],
];
const parameters = fc.record({
  kept: fc.subarray([...right], { minLength: 1 }),
  all: fc.nat(3).map(roll => roll > 0),
  more: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.tuple(name, value), { maxLength: 3 }) },
  ),
  first: fc.boolean(),
});

/** Callbacks in every form that a framework has them in, and in some that none has. */
const callback: fc.Arbitrary<unknown> = fc
  .record({
    parameters,
    form: fc.constantFrom("url", "url", "text", "path", "request", "parameters", "query", "raw", "broken", "other"),
    before: fc.webUrl(),
    fragment: fc.constantFrom("", "", "", "#code=other", "#?state=other"),
    raw: noise,
    padding: fc.constantFrom(0, 0, 0, 0, 20_000),
    other: fc.anything(),
  })
  .map(({ parameters: { kept, all, more, first }, form, before, fragment, raw, padding, other }) => {
    const pairs = all ? right : kept;
    const list: (readonly [string, string])[] = first ? [...more, ...pairs] : [...pairs, ...more];
    if (padding > 0) list.push(["padding", "x".repeat(padding)]);
    const query = new URLSearchParams(list.map(([key, text]): [string, string] => [key, text]));
    switch (form) {
      case "url":
        return new URL(`${REDIRECT}?${query}${fragment}`);
      case "text":
        return `${REDIRECT}?${query}${fragment}`;
      case "path":
        return `/bank/callback?${query}${fragment}`;
      case "request":
        return { url: `${before.split("?")[0]}?${query}${fragment}` };
      case "parameters":
        return query;
      case "query":
        return String(query);
      case "raw":
        return `?${list.map(([key, text]) => `${key}=${text}`).join("&")}&${raw}`;
      case "broken":
        return `${REDIRECT}?${query}${raw}`;
      default:
        return other;
    }
  });

/** The query as any browser reads it: told without the code under test. */
function queryOf(given: unknown): URLSearchParams {
  if (given instanceof URLSearchParams) return given;
  if (given instanceof URL) return given.searchParams;
  const text = typeof given === "string" ? given : (given as { readonly url: string }).url;
  return new URL(text.startsWith("?") || text.startsWith("/") ? `https://partner.example${text}` : text).searchParams;
}

tallies(
  "plain: a code only where state and issuer are the right ones, and each parameter is there once",
  40,
  callback,
  async given => {
    const outcome = await outcomeOf(() => verifyResponse(readCallback(given as Callback), STATE, context));
    if ("error" in outcome) {
      expect(outcome.error).toBeInstanceOf(ValidationError);
      return false;
    }
    const query = queryOf(given);
    expect(query.getAll("state")).toEqual([STATE]);
    expect(query.getAll("iss")).toEqual([ISSUER]);
    if ("code" in outcome.value) {
      expect(query.getAll("code")).toEqual([outcome.value.code]);
      expect(query.has("error")).toBe(false);
    } else {
      expect(outcome.value.error).toBeInstanceOf(AuthorizationError);
      expect(outcome.value.error.code).toMatch(/^[\w.:-]{1,64}$/);
    }
    return true;
  },
);

tallies("signed: nothing that stands outside a JWT is believed", 10, callback, async given => {
  const outcome = await outcomeOf(() => verifyResponse(readCallback(given as Callback), STATE, signedContext));
  if ("value" in outcome) throw new Error("a response was believed that nobody signed");
  expect(outcome.error).toBeInstanceOf(ValidationError);
  // Told apart, so that both ways to be refused are seen: there was a JWT to look at, or none.
  return (outcome.error as ValidationError).check === "response_mode";
});
