import { createHash } from "node:crypto";
import { decodeJwt } from "jose";
import { describe, expect, test } from "vitest";
import { type StartedAuthorization, startAuthorization } from "../../src/authorization/request.js";
import { REQUEST_OBJECT_LIFETIME } from "../../src/authorization/request-object.js";
import type { Configuration } from "../../src/config/configuration.js";
import type { Profile } from "../../src/config/profile.js";
import { OAuthError, ValidationError } from "../../src/errors.js";
import type { Answer } from "../../src/transport/door.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { METADATA, type StubBank, stubBank } from "../support/stub-bank.js";
import { answer } from "../support/stub-rooms.js";

const SCOPES = ["openid", "offline_access", "balance"];
const JSON_TYPE = { "content-type": "application/json" };
const REQUEST_URI = "urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c";

function pushedTo(settings: Configuration, given: Answer = pushed({})): StubBank {
  return stubBank(settings, { keys: [] }, () => given);
}

function pushed(members: Readonly<Record<string, unknown>>, status = 201): Answer {
  return answer(status, { request_uri: REQUEST_URI, expires_in: 60, ...members }, JSON_TYPE);
}

async function start(settings: Configuration, bank: StubBank = pushedTo(settings)): Promise<StartedAuthorization> {
  return startAuthorization({ scopes: SCOPES }, { configuration: settings, server: bank.server, call: aCall() });
}

/** What was pushed: the form, and the request object in it. */
function formOf(bank: StubBank): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(bank.asked.find(({ url }) => url.pathname === "/par")?.body));
}

const PROFILES: readonly Profile[] = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"];

describe.each(PROFILES)("an authorization in %s", profile => {
  const settings = configuration(profile);

  test("asks for everything that the profile wants", async () => {
    const bank = pushedTo(settings);
    const { secrets } = await start(settings, bank);
    const form = formOf(bank);
    const asked = form["request"] === undefined ? form : (decodeJwt(form["request"]) as Record<string, string>);
    expect(asked).toMatchObject({
      response_type: "code",
      client_id: CLIENT_ID,
      redirect_uri: "https://partner.example/bank/callback",
      scope: SCOPES.join(" "),
      state: secrets.state,
      nonce: secrets.nonce,
      code_challenge: createHash("sha256").update(secrets.codeVerifier).digest("base64url"),
      code_challenge_method: "S256",
      prompt: "consent",
      grant_management_action: "create",
    });
    expect(asked["response_mode"]).toBe(profile === "fapi2-security" ? undefined : "jwt");
  });

  test("leaves only the client and the pushed request to the browser", async () => {
    const { authorizationUrl, expiresIn } = await start(settings);
    expect(expiresIn).toBe(60);
    const url = new URL(authorizationUrl);
    expect(url.origin + url.pathname).toBe(`${ISSUER}/authorize`);
    expect(Object.fromEntries(url.searchParams)).toEqual({ client_id: CLIENT_ID, request_uri: REQUEST_URI });
  });

  test("is pushed to the mTLS alias, signed where the profile says so, and in no other form beside it", async () => {
    const bank = pushedTo(settings);
    await start(settings, bank);
    const [par] = bank.asked.filter(({ url }) => url.pathname === "/par");
    expect(par).toMatchObject({ method: "POST", presents: "client-certificate" });
    expect(par?.url.origin).toBe("https://mtls.bank.example");
    const names = Object.keys(formOf(bank)).sort();
    if (profile === "fapi2-security") expect(names).not.toContain("request");
    else expect(names).toEqual(["client_id", "request"]);
    expect(names).not.toContain("client_assertion");
  });

  test("has secrets of its own, each time", async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => start(settings)));
    const values = all.flatMap(({ secrets }) => [secrets.state, secrets.nonce, secrets.codeVerifier]);
    expect(new Set(values).size).toBe(30);
    for (const value of values) expect(value).toMatch(/^[\w-]{43,64}$/);
  });

  test.each<[string, Answer, string]>([
    ["a foreign request_uri", pushed({ request_uri: "https://attacker.example/r" }), "request_uri"],
    [
      "a request_uri inside of another",
      pushed({ request_uri: `https://attacker.example/${REQUEST_URI}` }),
      "request_uri",
    ],
    ["a request_uri with a space", pushed({ request_uri: `${REQUEST_URI} x` }), "request_uri"],
    ["a request_uri of another form", pushed({ request_uri: "urn:example:1" }), "request_uri"],
    ["an empty one", pushed({ request_uri: "urn:ietf:params:oauth:request_uri:" }), "request_uri"],
    ["one that is over", pushed({ expires_in: 0 }), "expires_in"],
    ["one that was over", pushed({ expires_in: -60 }), "body"],
    ["one whose end is no number", pushed({ expires_in: "60" }), "expires_in"],
    ["one without an end", pushed({ expires_in: undefined }), "body"],
    ["the status 200", pushed({}, 200), "status"],
  ])("is refused when the bank answers with %s", async (_, given, check) => {
    const error = await rejection(start(settings, pushedTo(settings, given)), ValidationError);
    expect(error).toMatchObject({ check, interactionId: INTERACTION_ID });
    expect(error.message).toContain(check);
  });

  test("that the bank refuses says why", async () => {
    const given = answer(400, { error: "invalid_scope" }, JSON_TYPE);
    const error = await rejection(start(settings, pushedTo(settings, given)), OAuthError);
    expect(error).toMatchObject({ code: "invalid_scope", endpoint: "par", status: 400 });
  });

  test("that meets an outage may be begun again", async () => {
    const error = await rejection(start(settings, pushedTo(settings, answer(503, ""))), OAuthError);
    expect(error).toMatchObject({ retryable: true, sideEffect: "none" });
  });
});

describe("an authorization by value", () => {
  test("takes the signed request through the browser, and pushes nothing", async () => {
    const settings = configuration("fapi1-advanced", { requestDelivery: "by-value" });
    const bank = pushedTo(settings);
    const { authorizationUrl, expiresIn } = await start(settings, bank);
    expect(expiresIn).toBe(REQUEST_OBJECT_LIFETIME);
    const url = new URL(authorizationUrl);
    const { request, ...outside } = Object.fromEntries(url.searchParams);
    expect(outside).toEqual({ client_id: CLIENT_ID, response_type: "code", scope: SCOPES.join(" ") });
    const inside = decodeJwt(request!);
    expect(inside).toMatchObject({ ...outside, iss: CLIENT_ID, aud: ISSUER, response_mode: "jwt" });
    expect(bank.paths()).toEqual([]);
  });
});

test.each([
  [null, null],
  [null, "offline_access"],
  ["openid", null],
])("an authorization with the scopes %s and %s does not ask for what is not there", async (openid, offlineAccess) => {
  const settings = configuration("fapi2-security", { contract: { scopes: { openid, offlineAccess } } });
  const bank = pushedTo(settings);
  const { secrets } = await start(settings, bank);
  expect("nonce" in secrets).toBe(openid !== null);
  expect("nonce" in formOf(bank)).toBe(openid !== null);
  expect(formOf(bank)).not.toHaveProperty("prompt");
});

test("an authorization at a bank without grant management asks for no grant of its own", async () => {
  const settings = configuration("fapi2-security");
  const { grant_management_endpoint: _, ...aliases } = METADATA["mtls_endpoint_aliases"] as Record<string, string>;
  const metadata = { ...METADATA, mtls_endpoint_aliases: aliases };
  const bank = stubBank(settings, { keys: [] }, () => pushed({}), metadata);
  await start(settings, bank);
  expect(formOf(bank)).not.toHaveProperty("grant_management_action");
});
