import * as openid from "openid-client";
import { describe, expect, test } from "vitest";
import { type Asked, refusalOf } from "../../src/authorization/refusal.js";
import { MinnaError, OAuthError, TransportError, ValidationError } from "../../src/errors.js";
import type { Answer } from "../../src/transport/door.js";
import { toResponse } from "../../src/transport/fetch.js";
import { INTERACTION_ID } from "../support/calls.js";
import { everythingShown } from "../support/errors.js";
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
  const thrown: unknown = await openid.refreshTokenGrant(client, "CANARY-used").catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(Error);
  const error = refusalOf(thrown, asked, given instanceof Error ? undefined : given, INTERACTION_ID);
  expect(everythingShown(error)).not.toContain("CANARY");
  expect(error).toBeInstanceOf(MinnaError);
  expect(error.interactionId).toBe(INTERACTION_ID);
  return error;
}

describe("a refusal of the token endpoint", () => {
  test("has the error of its body, and not what is said about it", async () => {
    const body = { error: "invalid_grant", error_description: "CANARY-prose", error_uri: "https://x/CANARY" };
    expect(await refusal(answer(400, body, JSON_TYPE))).toMatchObject({
      code: "invalid_grant",
      endpoint: "token",
      status: 400,
      retryable: false,
      sideEffect: "none",
    });
  });

  test("with 401 and a challenge is invalid_client", async () => {
    const headers = { "www-authenticate": 'Bearer realm="CANARY-realm"' };
    expect(await refusal(answer(401, "", headers))).toMatchObject({ code: "invalid_client", status: 401 });
  });

  test("with a challenge that names an error has that error", async () => {
    const headers = { "www-authenticate": 'Bearer error="invalid_token", error_description="CANARY"' };
    expect(await refusal(answer(401, "", headers))).toMatchObject({ code: "invalid_token", status: 401 });
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

  test.each(["CANARY\n[ERROR] another line in the log", "CANARY-and-so-on".repeat(10), '"CANARY"'])(
    "with an error that is none does not repeat it: %j",
    async error => {
      expect(await refusal(answer(400, { error }, JSON_TYPE))).toMatchObject({ code: "server_error", status: 400 });
    },
  );

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
    expect(error).toMatchObject({ check, retryable: false });
  });

  test("may have changed something, where the question can't be repeated", async () => {
    expect((await refusal(answer(200, "", JSON_TYPE), CODE)).sideEffect).toBe("possible");
  });
});

test("an error of this package passes through whatever was put around it", async () => {
  const lost = new TransportError("timeout", "Late.", {
    reached: "possible",
    endpoint: "x",
    interactionId: INTERACTION_ID,
  });
  expect(await refusal(lost)).toBe(lost);
});
