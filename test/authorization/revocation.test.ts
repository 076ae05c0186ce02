import { describe, expect, test } from "vitest";
import { revokeTokens } from "../../src/authorization/revocation.js";
import { OAuthError, TransportError } from "../../src/errors.js";
import type { Answer } from "../../src/transport/door.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { CLIENT_ID, configuration } from "../support/options.js";
import { METADATA, MTLS, metadataWith, type StubBank, stubBank } from "../support/stub-bank.js";
import { answer } from "../support/stub-rooms.js";

const settings = configuration("fapi2-security");
const OFFERED = metadataWith({ revocation_endpoint: `${MTLS}/revoke` });
const JSON_TYPE = { "content-type": "application/json" };
const TOKENS = { accessToken: "CANARY-at", refreshToken: "CANARY-rt", scopes: ["openid"] };

function bankAnswering(reply: () => Answer): StubBank {
  return stubBank(settings, { keys: [] }, reply, OFFERED);
}

async function revoke({ server }: StubBank, tokens: Parameters<typeof revokeTokens>[0] = TOKENS): Promise<void> {
  await revokeTokens(tokens, { configuration: settings, server, call: aCall() });
}

/** What the revocation endpoint was sent. */
function revoked({ asked }: StubBank): unknown[] {
  return asked
    .filter(({ url }) => url.pathname === "/revoke")
    .map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
}

describe("revocation", () => {
  test("ends the refresh token first, and then the access token", async () => {
    const bank = bankAnswering(() => answer(200, ""));
    await revoke(bank);
    expect(revoked(bank)).toEqual([
      { token: "CANARY-rt", token_type_hint: "refresh_token", client_id: CLIENT_ID },
      { token: "CANARY-at", token_type_hint: "access_token", client_id: CLIENT_ID },
    ]);
  });

  test("happens at the mTLS alias, with the certificate", async () => {
    const bank = bankAnswering(() => answer(200, ""));
    await revoke(bank);
    const last = bank.asked.at(-1);
    expect(last).toMatchObject({ method: "POST", presents: "client-certificate" });
    expect(last?.url.href).toBe(`${MTLS}/revoke`);
  });

  test("of a link without a refresh token ends the access token", async () => {
    const bank = bankAnswering(() => answer(200, ""));
    await revoke(bank, { accessToken: "CANARY-at", scopes: ["openid"] });
    expect(revoked(bank)).toMatchObject([{ token: "CANARY-at", token_type_hint: "access_token" }]);
  });

  test.each([
    ["does not offer", METADATA],
    ["offers without mutual TLS only", metadataWith({}, { revocation_endpoint: `${MTLS}/revoke` })],
  ])("that the bank %s is not asked for", async (_, metadata) => {
    const bank = stubBank(settings, { keys: [] }, undefined, metadata);
    await revoke(bank);
    expect(bank.paths()).toEqual([]);
  });

  test("of the access token is left to time where the bank can't do it, and only there", async () => {
    const refusingAccess = (error: string) =>
      stubBank(
        settings,
        { keys: [] },
        ({ body }) => (body?.includes("=access_token") ? answer(400, { error }, JSON_TYPE) : answer(200, "")),
        OFFERED,
      );
    await revoke(refusingAccess("unsupported_token_type"));
    const error = await rejection(revoke(refusingAccess("invalid_request")), OAuthError);
    expect(error.code).toBe("invalid_request");
  });

  test.each([
    [400, "unsupported_token_type", false],
    [503, "server_error", true],
  ])("that is refused with %i ends there, and says whether it may be tried again", async (status, code, retryable) => {
    const bank = bankAnswering(() => answer(status, { error: code }, JSON_TYPE));
    const error = await rejection(revoke(bank), OAuthError);
    expect(error).toMatchObject({
      endpoint: "revocation",
      code,
      status,
      retryable,
      sideEffect: "none",
      interactionId: INTERACTION_ID,
    });
    expect(everythingShown(error)).not.toContain("CANARY");
    expect(revoked(bank)).toHaveLength(1);
  });

  test("whose connection is lost may be tried again", async () => {
    const endpoint = `${MTLS}/revoke`;
    const bank = bankAnswering(() => {
      throw new TransportError("connection_lost", "It is gone.", { reached: "possible", endpoint, retryable: true });
    });
    expect(await rejection(revoke(bank), TransportError)).toMatchObject({ endpoint, retryable: true });
  });
});
