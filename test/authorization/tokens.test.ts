import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { AuthorizationContext } from "../../src/authorization/server.js";
import { exchangeCode, refresh, type TokenSet } from "../../src/authorization/tokens.js";
import type { Profile } from "../../src/config/profile.js";
import { MinnaError, OAuthError, TransportError, ValidationError } from "../../src/errors.js";
import type { Answer } from "../../src/transport/door.js";
import { type BankKey, bankKey, jwksOf, signJwt, unsignedJwt } from "../support/bank-keys.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { type StubBank, stubBank } from "../support/stub-bank.js";
import { answer } from "../support/stub-rooms.js";

const JSON_TYPE = { "content-type": "application/json" };
const SECRETS = { state: "s-1", nonce: "n-1", codeVerifier: "CANARY-verifier" };
const ASKED = ["openid", "balance"];

let key: BankKey;
beforeAll(async () => {
  key = await bankKey("ES256");
});
afterEach(() => {
  vi.useRealTimers();
});

/** A bank whose token endpoint answers so; `undefined` leaves a member out. */
async function bankAnswering(members: Readonly<Record<string, unknown>>, status = 200): Promise<StubBank> {
  const idToken = await signJwt(key, { sub: "customer-7", nonce: "n-1" });
  const whole = { access_token: "CANARY-at", token_type: "Bearer", expires_in: 300, id_token: idToken, ...members };
  return stubBank(configuration("fapi2-security"), jwksOf(key), () => answer(status, whole, JSON_TYPE));
}

function contextOf({ server }: StubBank, profile: Profile = "fapi2-security"): AuthorizationContext {
  return { configuration: configuration(profile), server, call: aCall() };
}

async function exchange(members: Readonly<Record<string, unknown>> = {}): Promise<TokenSet> {
  return exchangeCode("CANARY-code", SECRETS, ASKED, contextOf(await bankAnswering(members)));
}

async function refused(members: Readonly<Record<string, unknown>>): Promise<string> {
  const error = await rejection(exchange(members), ValidationError);
  expect(error).toMatchObject({ sideEffect: "possible", interactionId: INTERACTION_ID });
  expect(everythingShown(error)).not.toContain("CANARY");
  return error.check;
}

describe("a code", () => {
  test("is exchanged once at the mTLS alias, with the verifier and the configured redirect URI", async () => {
    const bank = await bankAnswering({});
    await exchangeCode("CANARY-code", SECRETS, ASKED, contextOf(bank));
    const tokenCalls = bank.asked.filter(({ url }) => url.pathname === "/token");
    expect(tokenCalls.map(({ url, presents }) => [url.origin, presents])).toEqual([
      ["https://mtls.bank.example", "client-certificate"],
    ]);
    expect(Object.fromEntries(new URLSearchParams(tokenCalls[0]?.body))).toEqual({
      grant_type: "authorization_code",
      code: "CANARY-code",
      code_verifier: "CANARY-verifier",
      redirect_uri: "https://partner.example/bank/callback",
      client_id: CLIENT_ID,
    });
  });

  test("that is refused, or whose exchange fails, is not sent again", async () => {
    for (const status of [400, 500]) {
      const bank = await bankAnswering({ error: "invalid_grant" }, status);
      const error = await rejection(exchangeCode("CANARY-code", SECRETS, ASKED, contextOf(bank)), OAuthError);
      expect(error).toMatchObject({ endpoint: "token", status, retryable: false });
      expect(everythingShown(error)).not.toContain("CANARY");
      expect(bank.paths().filter(path => path === "/token")).toHaveLength(1);
    }
  });

  test("never shows the client certificate where the keys or the metadata are", async () => {
    const bank = await bankAnswering({});
    await exchangeCode("c", SECRETS, ASKED, contextOf(bank));
    const shown = Object.fromEntries(bank.asked.map(({ url, presents }) => [url.pathname, presents]));
    expect(shown).toEqual({
      "/.well-known/openid-configuration": "nothing",
      "/jwks": "nothing",
      "/token": "client-certificate",
    });
  });
});

describe("a token answer", () => {
  test("has the tokens, their scopes, the grant, and whom it is about", async () => {
    const tokens = await exchange({ refresh_token: "rt-1", scope: "openid balance", grant_id: "grant-1" });
    expect(tokens).toMatchObject({
      accessToken: "CANARY-at",
      refreshToken: "rt-1",
      scopes: ["openid", "balance"],
      grantId: "grant-1",
      subject: { iss: ISSUER, sub: "customer-7" },
    });
  });

  test.each([
    [20, 20, 4],
    [150, 150, 30],
    [300, 300, 30],
    [1e12, 315_360_000, 30],
  ])("that is good for %d seconds ends after %d, and is refreshed %d before", async (expires_in, seconds, early) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const expiresAt = Date.now() + seconds * 1000;
    expect(await exchange({ expires_in })).toMatchObject({ expiresAt, refreshAt: expiresAt - early * 1000 });
  });

  test("without a scope grants what was asked for, with a narrower one no more than that", async () => {
    expect((await exchange({ scope: undefined })).scopes).toEqual(ASKED);
    expect((await exchange({ scope: "openid" })).scopes).toEqual(["openid"]);
    expect((await exchange({ scope: " openid  balance " })).scopes).toEqual(ASKED);
  });

  test("without a refresh token has none", async () => {
    expect(await exchange()).not.toHaveProperty("refreshToken");
  });

  test.each(["CANARY at", " CANARY", "CANARY\n", "CANARY\r\nx: y", "ｔｏｋｅｎ"])(
    "with the access token %j, which can't stand in a header, is refused",
    async access_token => {
      expect(await refused({ access_token })).toBe("access_token");
    },
  );

  test("without expires_in is legal: nobody knows when it ends", async () => {
    const tokens = await exchange({ expires_in: undefined });
    expect(tokens).not.toHaveProperty("expiresAt");
    expect(tokens).not.toHaveProperty("refreshAt");
  });

  test.each(["Bearer", "bearer", "BEARER"])("of the type %s is one", async token_type => {
    expect((await exchange({ token_type })).accessToken).toBe("CANARY-at");
  });

  test.each(["DPoP", "dpop", "mac", "N_A"])("of the type %s is refused", async token_type => {
    expect(await refused({ token_type })).toBe("token_type");
  });

  test("without a type is refused", async () => {
    await refused({ token_type: undefined });
  });

  test("without an ID Token does not answer an OpenID Connect request", async () => {
    expect(await refused({ id_token: undefined })).toBe("id_token");
  });

  test.each<[string, string, () => Promise<unknown>]>([
    ["that nobody signed", "alg", async () => unsignedJwt({ sub: "customer-7", nonce: "n-1" })],
    ["with another nonce", "nonce", () => signJwt(key, { sub: "customer-7", nonce: "n-2" })],
    ["that is a number", "id_token", async () => 7],
    ["that is null", "id_token", async () => null],
    ["that is empty", "body", async () => ""],
    ["that is text", "body", async () => "CANARY"],
  ])("with an ID Token %s is refused", async (_, check, make) => {
    expect(await refused({ id_token: await make() })).toBe(check);
  });

  test("with a grant_id that is no string has none", async () => {
    expect(await exchange({ grant_id: 7 })).not.toHaveProperty("grantId");
  });

  test("to a request without openid needs no ID Token", async () => {
    const { nonce: _, ...secrets } = SECRETS;
    const bank = await bankAnswering({ id_token: undefined });
    expect(await exchangeCode("c", secrets, ["balance"], contextOf(bank))).not.toHaveProperty("subject");
  });
});

describe("a refresh", () => {
  const CURRENT = {
    accessToken: "at-old",
    refreshToken: "CANARY-rt",
    scopes: ["openid", "balance"],
    grantId: "grant-1",
    subject: { iss: ISSUER, sub: "customer-7" },
  };
  let kept: string[];
  const keep = async (rotated: string) => kept.push(rotated);
  beforeEach(() => {
    kept = [];
  });

  test("keeps what the answer leaves out", async () => {
    const bank = await bankAnswering({ id_token: undefined });
    expect(await refresh(CURRENT, contextOf(bank), keep)).toMatchObject({ ...CURRENT, accessToken: "CANARY-at" });
  });

  test("takes over what the answer changes", async () => {
    const idToken = await signJwt(key, { sub: "customer-7" });
    const bank = await bankAnswering({
      id_token: idToken,
      refresh_token: "rt-2",
      scope: "openid",
      grant_id: "grant-2",
    });
    const tokens = await refresh(CURRENT, contextOf(bank), keep);
    expect(tokens).toMatchObject({ refreshToken: "rt-2", scopes: ["openid"], grantId: "grant-2" });
  });

  test("gets the keys before the refresh token is spent, where the answer will need them", async () => {
    const { subject: _, ...withoutOpenid } = CURRENT;
    for (const [current, paths] of [
      [CURRENT, ["/jwks", "/token"]],
      [withoutOpenid, ["/token"]],
    ] as const) {
      const bank = await bankAnswering({ id_token: undefined });
      await refresh(current, contextOf(bank), keep);
      expect(bank.paths()).toEqual(paths);
    }
  });

  test("that fails may be tried again", async () => {
    const refusal = refresh(CURRENT, contextOf(await bankAnswering({}, 500)), keep);
    expect(await rejection(refusal, OAuthError)).toMatchObject({ endpoint: "token", retryable: true });
    expect(kept).toEqual([]);
  });

  test.each<[string, readonly string[], Readonly<Record<string, unknown>>, number]>([
    ["a rotated refresh token", ["rt-3"], { refresh_token: "rt-3" }, 200],
    ["the same refresh token", [], { refresh_token: CURRENT.refreshToken }, 200],
    ["no refresh token", [], {}, 200],
    ["an empty refresh token", [], { refresh_token: "" }, 200],
    ["a refresh token that is no text", [], { refresh_token: 7 }, 200],
    ["a refresh token that was not granted", [], { refresh_token: "rt-3" }, 201],
  ])("whose answer is of no use, with %s, keeps %j", async (_, rotated, members, status) => {
    const idToken = await signJwt(key, { sub: "customer-8" });
    const bank = await bankAnswering({ id_token: idToken, ...members }, status);
    await rejection(refresh(CURRENT, contextOf(bank), keep), ValidationError);
    expect(kept).toEqual(rotated);
  });

  test.each<[string, () => Answer]>([
    ["half of its JSON", () => answer(200, '{"refresh_token":"CANARY', JSON_TYPE)],
    [
      "nothing",
      () => {
        throw new TransportError("timeout", "The time is over.", { reached: "possible", endpoint: "token" });
      },
    ],
  ])("that is answered with %s fails as it does, and keeps nothing", async (_, reply) => {
    const bank = stubBank(configuration("fapi2-security"), jwksOf(key), reply);
    await rejection(refresh(CURRENT, contextOf(bank), keep), MinnaError);
    expect(kept).toEqual([]);
  });

  test("for another customer is refused", async () => {
    const bank = await bankAnswering({ id_token: await signJwt(key, { sub: "customer-8" }) });
    expect((await rejection(refresh(CURRENT, contextOf(bank), keep), ValidationError)).check).toBe("sub");
  });
});
