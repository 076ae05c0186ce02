import { describe, expect, test } from "vitest";
import type { ApiError } from "../../src/errors.js";
import { refusalOf } from "../../src/links/refusal.js";
import type { Answer } from "../../src/transport/door.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { everythingShown } from "../support/errors.js";
import { answer } from "../support/stub-rooms.js";

/** What becomes of an answer; nothing that the bank wrote for people is in it. */
function refusal(given: Answer, method = "GET"): ApiError {
  const error = refusalOf(given, method, aCall());
  expect(everythingShown(error)).not.toContain("CANARY");
  return error;
}

describe("a status", () => {
  test.each<[number, ApiError["code"]]>([
    [400, "bad_request"],
    [401, "unauthorized"],
    [403, "forbidden"],
    [404, "not_found"],
    [405, "bad_request"],
    [409, "conflict"],
    [415, "bad_request"],
    [422, "unprocessable"],
    [429, "throttled"],
    [500, "server_error"],
    [502, "server_error"],
    [503, "maintenance"],
    [504, "server_error"],
  ])("%i is %s", (status, code) => {
    expect(refusal(answer(status, ""))).toMatchObject({ code, status, interactionId: INTERACTION_ID });
  });

  test.each<[number, string, boolean, string]>([
    [400, "GET", false, "none"],
    [403, "GET", false, "none"],
    [403, "POST", false, "none"],
    [409, "POST", false, "none"],
    [429, "GET", true, "none"],
    [429, "POST", true, "none"],
    [500, "GET", true, "none"],
    [500, "POST", false, "possible"],
    [500, "DELETE", false, "possible"],
    [503, "GET", true, "none"],
    [503, "POST", false, "possible"],
    [504, "POST", false, "possible"],
  ])("%i to a %s: retryable %s, side effect %s", (status, method, retryable, sideEffect) => {
    expect(refusal(answer(status, ""), method)).toMatchObject({ retryable, sideEffect });
  });
});

describe("the bank's code", () => {
  test.each<[string, unknown]>([
    ["a problem", { type: "about:blank", title: "CANARY", detail: "CANARY", code: "account_closed", status: 400 }],
    ["errorCode", { errorCode: "account_closed", errorMessage: "CANARY" }],
    ["UK Open Banking", { Id: "CANARY", Message: "CANARY", Errors: [{ ErrorCode: "account_closed", Path: "CANARY" }] }],
    [
      "UK Open Banking with several",
      { Errors: [{ ErrorCode: "account_closed" }, { ErrorCode: "CANARY" }, { Message: "CANARY" }] },
    ],
    ["OAuth", { error: "account_closed", error_description: "CANARY" }],
  ])("is read from %s", (_, body) => {
    expect(refusal(answer(400, body)).bankCode).toBe("account_closed");
  });

  test("may look like a code of the family of UK Open Banking", () => {
    const body = { Errors: [{ ErrorCode: "UK.OBIE.Field.Invalid", Message: "CANARY" }] };
    expect(refusal(answer(400, body)).bankCode).toBe("UK.OBIE.Field.Invalid");
  });

  test("is read from the challenge where the body has none", () => {
    const headers = { "www-authenticate": 'Bearer realm="CANARY", error="invalid_token", error_description="CANARY"' };
    expect(refusal(answer(401, "", headers)).bankCode).toBe("invalid_token");
  });

  test.each([408, 425])("that is %i passes for a safe request, and for no other", status => {
    expect(refusal(answer(status, "")).retryable).toBe(true);
    expect(refusal(answer(status, ""), "POST").retryable).toBe(false);
  });

  test.each([
    "Bearer error=invalid_token",
    'Bearer error=invalid_token, realm="CANARY"',
    "Bearer error=invalid_token x",
  ])("is read from a challenge without quotes: %s", challenge => {
    expect(refusal(answer(401, "", { "www-authenticate": challenge })).bankCode).toBe("invalid_token");
  });

  test.each(['Bearer realm="CANARY"', 'Bearer error="CANARY CANARY"', 'Bearer my_error="CANARY"'])(
    "is none in the challenge %s",
    challenge => {
      expect(refusal(answer(401, "", { "www-authenticate": challenge }))).not.toHaveProperty("bankCode");
    },
  );

  test.each<[string, unknown]>([
    ["an HTML page", "<html><title>CANARY</title></html>"],
    ["an empty body", ""],
    ["half of its JSON", '{"code":"CANARY'],
    ["a list", [{ code: "CANARY" }]],
    ["null", "null"],
    ["a number as code", { code: 7 }],
    ["prose as code", { code: "CANARY: 山田太郎様の口座は解約済みです" }],
    ["a code of 65 characters", { code: "CANARY".padEnd(65, "x") }],
    ["a code over two lines", { code: "x\nCANARY" }],
    ["no error in the list", { Errors: [] }],
  ])("is none in %s", (_, body) => {
    expect(refusal(answer(400, body))).not.toHaveProperty("bankCode");
  });
});

test("when to ask again is said in seconds", () => {
  expect(refusal(answer(503, "", { "retry-after": "120" })).retryAfter).toBe(120);
  expect(refusal(answer(429, "", { "retry-after": "120" })).retryAfter).toBe(120);
  expect(refusal(answer(503, ""))).not.toHaveProperty("retryAfter");
});
