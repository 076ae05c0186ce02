import { beforeAll, describe, expect, test } from "vitest";
import type { AuthorizationContext } from "../../src/authorization/server.js";
import { exchangeCode, refresh, type TokenSet } from "../../src/authorization/tokens.js";
import type { Profile } from "../../src/config/profile.js";
import { OAuthError, ValidationError } from "../../src/errors.js";
import { type BankKey, bankKey, jwksOf, signJwt, unsignedJwt } from "../support/bank-keys.js";
import { aCall } from "../support/calls.js";
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
  expect(error.sideEffect).toBe("possible");
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
      expect(error.retryable).toBe(false);
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
    const before = Date.now();
    const tokens = await exchange({ refresh_token: "rt-1", scope: "openid balance", grant_id: "grant-1" });
    expect(tokens).toMatchObject({
      accessToken: "CANARY-at",
      refreshToken: "rt-1",
      scopes: ["openid", "balance"],
      grantId: "grant-1",
      subject: { iss: ISSUER, sub: "customer-7" },
    });
    expect(tokens.expiresAt).toBeGreaterThanOrEqual(before + 300_000);
    expect(tokens.refreshAt).toBeLessThan(tokens.expiresAt!);
    expect(tokens.refreshAt).toBeGreaterThan(before);
  });

  test("without a scope grants what was asked for, with a narrower one no more than that", async () => {
    expect((await exchange({ scope: undefined })).scopes).toEqual(ASKED);
    expect((await exchange({ scope: "openid" })).scopes).toEqual(["openid"]);
  });

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

  test.each<[string, () => Promise<unknown>]>([
    ["that nobody signed", async () => unsignedJwt({ sub: "customer-7", nonce: "n-1" })],
    ["with another nonce", () => signJwt(key, { sub: "customer-7", nonce: "n-2" })],
    ["that is a number", async () => 7],
    ["that is null", async () => null],
    ["that is text", async () => "CANARY"],
  ])("with an ID Token %s is refused", async (_, make) => {
    await refused({ id_token: await make() });
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
  const kept: string[] = [];
  const keep = async (rotated: string) => kept.push(rotated);

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

  test("whose ID Token can't be used keeps the rotated refresh token, and nothing else", async () => {
    const bank = await bankAnswering({ id_token: await signJwt(key, { sub: "customer-8" }), refresh_token: "rt-3" });
    await rejection(refresh(CURRENT, contextOf(bank), keep), ValidationError);
    expect(kept).toEqual(["rt-3"]);
  });

  test("for another customer is refused", async () => {
    const bank = await bankAnswering({ id_token: await signJwt(key, { sub: "customer-8" }) });
    expect((await rejection(refresh(CURRENT, contextOf(bank), keep), ValidationError)).check).toBe("sub");
  });
});
