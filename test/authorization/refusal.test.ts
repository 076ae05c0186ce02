import * as openid from "openid-client";
import { describe, expect, test } from "vitest";
import { type Asked, refusalOf } from "../../src/authorization/refusal.js";
import { MinnaError, OAuthError, TransportError, ValidationError } from "../../src/errors.js";
import type { Answer } from "../../src/transport/door.js";
import { toResponse } from "../../src/transport/fetch.js";
import { INTERACTION_ID } from "../support/calls.js";
import { everythingShown, thrown } from "../support/errors.js";
import { CLIENT_ID, ISSUER } from "../support/options.js";
import { answer } from "../support/stub-rooms.js";

const JSON_TYPE = { "content-type": "application/json" };
const TOKENS = { access_token: "CANARY-at", refresh_token: "CANARY-rt", token_type: "Bearer", expires_in: 300 };
const CODE: Asked = { endpoint: "token", repeatable: false };
const REFRESH: Asked = { endpoint: "token", repeatable: true };

/** What becomes of an answer of the token endpoint, with openid-client between. */
async function refusal(given: Answer | Error, asked: Asked = REFRESH): Promise<MinnaError> {
  const client = new openid.Configuration(
    { issuer: ISSUER, token_endpoint: `${ISSUER}/token`, id_token_signing_alg_values_supported: ["ES256"] },
    CLIENT_ID,
    undefined,
    openid.TlsClientAuth(),
  );
  client[openid.customFetch] = async () => {
    if (given instanceof Error) throw given;
    return toResponse(given);
  };
  const failure: unknown = await openid.refreshTokenGrant(client, "CANARY-used").catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  return translated(failure, asked, given instanceof Error ? undefined : given);
}

/** What becomes of an error as openid-client could throw it. */
function translated(failure: unknown, asked: Asked = REFRESH, given?: Answer): MinnaError {
  const error = thrown(() => {
    throw refusalOf(failure, asked, given, INTERACTION_ID);
  }, MinnaError);
  expect(everythingShown(error)).not.toContain("CANARY");
  expect(error.interactionId).toBe(INTERACTION_ID);
  return error;
}

/** An error, and so many errors around it. */
function within(error: unknown, depth: number): unknown {
  return depth === 0 ? error : within(new Error("CANARY", { cause: error }), depth - 1);
}

describe("a refusal of the token endpoint", () => {
  test("has the error of its body, and not what is said about it", async () => {
    const body = { error: "invalid_grant", error_description: "CANARY-prose", error_uri: "https://x/CANARY" };
    for (const asked of [REFRESH, CODE]) {
      expect(await refusal(answer(400, body, JSON_TYPE), asked)).toMatchObject({
        code: "invalid_grant",
        endpoint: "token",
        status: 400,
        retryable: false,
        sideEffect: "none",
      });
    }
  });

  test("has the status 0 where nobody saw the answer", () => {
    const failure = new openid.ResponseBodyError("CANARY", {
      cause: { error: "invalid_grant" },
      response: new Response(),
    });
    const error = translated(failure);
    expect(error).toMatchObject({ code: "invalid_grant", status: 0 });
    expect(error).not.toHaveProperty("retryAfter");
  });

  test("with 401 and a challenge is invalid_client", async () => {
    const headers = { "www-authenticate": 'Bearer realm="CANARY-realm"' };
    expect(await refusal(answer(401, "", headers))).toMatchObject({ code: "invalid_client", status: 401 });
  });

  test("with a challenge that names an error has that error", async () => {
    const headers = { "www-authenticate": 'Bearer error="invalid_token", error_description="CANARY"' };
    expect(await refusal(answer(401, "", headers))).toMatchObject({ code: "invalid_token", status: 401 });
  });

  test("with several challenges has the error of the one that names it", async () => {
    const headers = { "www-authenticate": 'Basic realm="CANARY", Bearer error="invalid_token"' };
    expect(await refusal(answer(401, "", headers))).toMatchObject({ code: "invalid_token" });
  });

  test.each([500, 502, 503, 504])("with %i may be repeated where that does no harm", async status => {
    const given = answer(status, "<html>CANARY</html>", { "content-type": "text/html" });
    expect(await refusal(given, REFRESH)).toMatchObject({
      code: "server_error",
      status,
      retryable: true,
      sideEffect: "none",
    });
    expect(await refusal(given, CODE)).toMatchObject({
      code: "server_error",
      status,
      retryable: false,
      sideEffect: "possible",
    });
  });

  test("with 429 or 503 says when to ask again", async () => {
    for (const status of [429, 503]) {
      const error = await refusal(answer(status, "", { "retry-after": "30" }));
      expect(error).toMatchObject({ retryAfter: 30, retryable: true });
    }
  });

  test.each([
    "CANARY\n[ERROR] another line in the log",
    "invalid_grant\n[ERROR] CANARY",
    "CANARY-and-so-on".repeat(10),
    "x".repeat(41),
    '"CANARY"',
  ])("with an error that is none does not repeat it: %j", async error => {
    expect(await refusal(answer(400, { error }, JSON_TYPE))).toMatchObject({ code: "server_error", status: 400 });
  });

  test("may have an error of forty characters", async () => {
    const error = "x".repeat(40);
    expect(await refusal(answer(400, { error }, JSON_TYPE))).toMatchObject({ code: error });
  });

  test.each(["<html>CANARY</html>", "", "{", "null", "[]", '{"error":7}'])(
    "with 400 and the body %j is one too",
    async body => {
      const error = await refusal(answer(400, body, JSON_TYPE));
      expect(error).toBeInstanceOf(OAuthError);
      expect(error).toMatchObject({ code: "server_error", status: 400 });
    },
  );
});

describe("an answer of the token endpoint that can't be read", () => {
  test.each<[string, string, Answer]>([
    ["body", "an HTML page", answer(200, "<html>CANARY</html>", { "content-type": "text/html" })],
    ["body", "half of its JSON", answer(200, '{"access_token":"CANARY', JSON_TYPE)],
    ["status", "201", answer(201, TOKENS, JSON_TYPE)],
    ["status", "204", answer(204, "", JSON_TYPE)],
    ["body", "no access token", answer(200, { ...TOKENS, access_token: undefined }, JSON_TYPE)],
    ["body", "an access token that is no string", answer(200, { ...TOKENS, access_token: ["CANARY"] }, JSON_TYPE)],
    ["body", "an expires_in that is no number", answer(200, { ...TOKENS, expires_in: "CANARY" }, JSON_TYPE)],
    ["token_type", "tokens of an unknown type", answer(200, { ...TOKENS, token_type: "mac-CANARY" }, JSON_TYPE)],
  ])("fails the check %s: it is %s", async (check, _, given) => {
    const error = await refusal(given);
    expect(error).toBeInstanceOf(ValidationError);
    expect(error).toMatchObject({ check, retryable: false, sideEffect: "none" });
    expect(error.message).toContain(`token endpoint failed the check "${check}"`);
  });

  test.each<[string, string, unknown]>([
    ["sub", "the member that was compared", { attribute: "sub", body: "CANARY" }],
    ["iss", "the claim that was compared", { claim: "iss", claims: "CANARY" }],
    ["body", "no member by name", { attribute: 7, claim: 7 }],
    ["body", "nothing", null],
    ["body", "nothing at all", undefined],
  ])("fails the check %s: openid-client named %s", (check, _, cause) => {
    for (const depth of [0, 1]) {
      expect(translated(within(new Error("CANARY", { cause }), depth))).toMatchObject({ check });
    }
  });

  test("may have changed something, where the question can't be repeated", async () => {
    expect((await refusal(answer(200, "", JSON_TYPE), CODE)).sideEffect).toBe("possible");
  });
});

describe("an error of this package", () => {
  const DETAILS = {
    reached: "no",
    endpoint: "x",
    interactionId: INTERACTION_ID,
    cause: new Error("ECONNREFUSED"),
  } as const;
  const lost = new TransportError("connection_failed", "No connection was made.", { ...DETAILS, retryable: true });
  const late = new TransportError("timeout", "The time is over.", DETAILS);

  test.each([
    ["passing", lost, REFRESH],
    ["lasting", late, REFRESH],
    ["lasting", late, CODE],
  ])("that is %s passes through whatever was put around it", async (_, error, asked) => {
    expect(await refusal(error, asked)).toBe(error);
    expect(translated(within(error, 7), asked)).toBe(error);
  });

  test("that is passing is the end of what can't be asked twice", async () => {
    const error = await refusal(lost, CODE);
    expect({ ...error, message: error.message, cause: error.cause }).toEqual({
      ...lost,
      message: lost.message,
      cause: lost.cause,
      retryable: false,
    });
  });

  test("is not looked for without end", () => {
    expect(translated(within(lost, 8))).toMatchObject({ check: "body" });
    const endless = new Error("CANARY");
    endless.cause = endless;
    expect(translated(endless)).toMatchObject({ check: "body" });
  });
});
