import fc from "fast-check";
import { expect, test } from "vitest";
import { introspectToken } from "../../src/authorization/introspection.js";
import { verifyJwt } from "../../src/authorization/jwt.js";
import { startAuthorization } from "../../src/authorization/request.js";
import { revokeTokens } from "../../src/authorization/revocation.js";
import { type AuthorizationContext, AuthorizationServer } from "../../src/authorization/server.js";
import { exchangeCode, refresh, type TokenSet } from "../../src/authorization/tokens.js";
import { readUserInfo } from "../../src/authorization/userinfo.js";
import { Grant } from "../../src/links/grant.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { writeLink } from "../../src/links/record.js";
import { Resources } from "../../src/links/resource.js";
import type { Answer } from "../../src/transport/door.js";
import { aCall } from "../support/calls.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { METADATA, MTLS } from "../support/stub-bank.js";
import { answer, doorTo, LINK_ID, linkRecord, openAccess, registered } from "../support/stub-rooms.js";
import { answers, memberOf, parsed, refusingRedirects } from "./answers.js";
import { accepted, expectSilent, outcomeOf, reportInputs, tallies } from "./fuzz.js";
import { encode, HEADERS, JWKS, jwts, signAs, trusted } from "./jwts.js";

reportInputs("test/fuzz/authorization-server.test.ts");

const JSON_TYPE = { "content-type": "application/json" };
const settings = configuration("fapi2-security");
const exp = Math.floor(Date.now() / 1000) + 86_400;
const NONCE = "the-nonce";
const ALIASES = {
  ...(METADATA["mtls_endpoint_aliases"] as object),
  introspection_endpoint: `${MTLS}/introspection`,
  revocation_endpoint: `${MTLS}/revocation`,
  userinfo_endpoint: `${MTLS}/userinfo`,
};
const DOCUMENT = { ...METADATA, mtls_endpoint_aliases: ALIASES };

interface Replies {
  readonly metadata?: Answer;
  readonly jwks?: Answer;
  readonly other?: Answer;
}

/** A bank that is as it should be but for one answer. */
function bankWith(replies: () => Replies): AuthorizationContext {
  const door = doorTo(({ url }) => {
    const { metadata = answer(200, DOCUMENT, JSON_TYPE), jwks = answer(200, JWKS, JSON_TYPE), other } = replies();
    if (url.pathname.startsWith("/.well-known/")) return refusingRedirects(metadata);
    return refusingRedirects(url.pathname === "/jwks" ? jwks : (other ?? answer(404, "")));
  });
  return { configuration: settings, server: new AuthorizationServer(settings, door), call: aCall() };
}

let reply: Answer;
/** Knows the bank's metadata and keys; everything else is answered with `reply`. */
const known = bankWith(() => ({ other: reply }));

/** The same bank, with another answer. */
function replying(other: Answer): AuthorizationContext {
  reply = other;
  return known;
}

function signed(claims: object, header: object = {}): string {
  const input = `${encode(JSON.stringify({ ...HEADERS.ES256, ...header }))}.${encode(JSON.stringify(claims))}`;
  return `${input}.${signAs("ES256", input).toString("base64url")}`;
}

const ISSUERS = {
  issuer: [`${ISSUER}/`, `${ISSUER}.attacker.example`, ISSUER.toUpperCase(), [ISSUER], `${ISSUER}?`, "", null],
};

function expectHttps(url: string | undefined): void {
  if (url !== undefined) expect(new URL(url).protocol).toBe("https:");
}

tallies(
  "discovery: only metadata of exactly this issuer, with https alone",
  6,
  answers(DOCUMENT, 200, ISSUERS),
  async one => {
    const { server } = bankWith(() => ({ metadata: one }));
    const found = await accepted(() => server.discovered(aCall()));
    if (found === undefined) return false;
    const document = parsed(one.body);
    expect(memberOf(document, "issuer")).toBe(ISSUER);
    const { metadata } = found;
    for (const url of [metadata.jwksUri, metadata.authorizationEndpoint, ...Object.values(metadata.mtls)])
      expectHttps(url);
    expect(metadata.mtls.token_endpoint).toBe(memberOf(memberOf(document, "mtls_endpoint_aliases"), "token_endpoint"));
    return true;
  },
);

const REQUEST_URIS = {
  request_uri: ["urn:example:a", "https://attacker.example/r", "urn:ietf:params:oauth:request_uri:", "", ["urn:"]],
  expires_in: [0, -1, "60", null],
};

const JWT = { iss: ISSUER, aud: CLIENT_ID, exp };
const expectedJwt = {
  name: "JWT",
  issuer: ISSUER,
  audience: CLIENT_ID,
  algorithms: ["ES256"],
  claims: ["exp"],
} as const;
const token = signed(JWT);

tallies(
  "JWKS: verifies with the bank's own key, or not at all",
  6,
  answers({ keys: [...JWKS.keys].reverse() }),
  async one => {
    const verified = await accepted(() =>
      verifyJwt(
        token,
        expectedJwt,
        bankWith(() => ({ jwks: one })),
      ),
    );
    if (verified === undefined) return false;
    const keys = memberOf(parsed(one.body), "keys");
    const published = Buffer.from(String(JWKS.keys[0]?.x), "base64url");
    const isPublished = (key: unknown) => {
      // jose reads a list of one as what is in it.
      const [x] = [memberOf(key, "x")].flat();
      return typeof x === "string" && Buffer.from(x, "base64url").equals(published);
    };
    expect(Array.isArray(keys) && keys.some(isPublished)).toBe(true);
    return true;
  },
);

tallies("JWKS that are fetched ahead: every failure is one of the taxonomy", 6, answers(JWKS), async one => {
  const { server } = bankWith(() => ({ jwks: one }));
  return "value" in (await outcomeOf(() => server.warmKeys(aCall())));
});

tallies(
  "PAR: one form of request_uri, and nothing else in the URL",
  6,
  answers({ request_uri: "urn:ietf:params:oauth:request_uri:a", expires_in: 60 }, 201, REQUEST_URIS),
  async one => {
    const started = await accepted(() => startAuthorization({ scopes: ["openid"] }, replying(one)));
    if (started === undefined) return false;
    const document = parsed(one.body);
    expect(one.status).toBe(201);
    expect(Number(memberOf(document, "expires_in"))).toBeGreaterThan(0);
    const url = new URL(started.authorizationUrl);
    expect(`${url.origin}${url.pathname}`).toBe(METADATA["authorization_endpoint"]);
    expect([...url.searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
    expect(url.searchParams.get("request_uri")).toMatch(/^urn:ietf:params:oauth:request_uri:[\x21-\x7e]+$/);
    expect(url.searchParams.get("request_uri")).toBe(memberOf(document, "request_uri"));
    return true;
  },
);

const TOKEN_TYPES = {
  token_type: ["DPoP", "BEARER", "mac", "N_A", ["bearer"], "bearer "],
  expires_in: [-1, "300", 1e300, 0.5, "soon"],
  scope: ["", " a  b ", ["a"], "a\nb"],
};
const ID_TOKEN = { iss: ISSUER, aud: CLIENT_ID, sub: "customer-1", exp, iat: exp - 86_400, nonce: NONCE };
const TOKENS = {
  access_token: "CANARY-access-token",
  token_type: "bearer",
  expires_in: 300,
  refresh_token: "CANARY-refresh-token",
  scope: "openid balance",
  grant_id: "grant-1",
  id_token: signed(ID_TOKEN),
};

/** A token set is what the answer says, survives being stored, and is for a customer whom the bank vouched for. */
function expectTokens(tokens: TokenSet, one: Answer): void {
  const document = parsed(one.body);
  expect(one.status).toBe(200);
  expect(tokens.accessToken).toBe(memberOf(document, "access_token"));
  expect(tokens.accessToken).not.toBe("");
  expect(String(memberOf(document, "token_type")).toLowerCase()).toBe("bearer");
  expect(tokens.scopes.every(scope => typeof scope === "string" && scope !== "")).toBe(true);
  expect([undefined, "string"]).toContain(tokens.refreshToken === undefined ? undefined : typeof tokens.refreshToken);
  expect(JSON.parse(JSON.stringify(tokens))).toEqual(tokens);
}

tallies("a token response to a code", 6, answers(TOKENS, 200, TOKEN_TYPES), async one => {
  const secrets = { state: "s", nonce: NONCE, codeVerifier: "CANARY-verifier" };
  const outcome = await outcomeOf(() => exchangeCode("CANARY-code", secrets, ["openid"], replying(one)));
  if ("error" in outcome) {
    expectSilent(outcome.error);
    return false;
  }
  expectTokens(outcome.value, one);
  expect(trusted(String(memberOf(parsed(one.body), "id_token")), ["ES256"])).toMatchObject({ nonce: NONCE });
  return true;
});

const idTokens = jwts(ID_TOKEN).map(one => answer(200, { ...TOKENS, id_token: one }, JSON_TYPE));

tallies("a token response whose ID Token is another", 3, idTokens, async one => {
  const secrets = { state: "s", nonce: NONCE, codeVerifier: "CANARY-verifier" };
  const tokens = await accepted(() => exchangeCode("CANARY-code", secrets, ["openid"], replying(one)));
  if (tokens === undefined) return false;
  const claims = trusted(String(memberOf(parsed(one.body), "id_token")), settings.rules.algorithms);
  expect(claims).toMatchObject({ nonce: NONCE, sub: tokens.subject?.sub });
  return true;
});

tallies("a token response to a refresh", 6, answers(TOKENS, 200, TOKEN_TYPES), async one => {
  const before = {
    accessToken: "old",
    refreshToken: "CANARY-old-refresh-token",
    scopes: ["openid"],
    subject: { iss: ISSUER, sub: "customer-1" },
  };
  const kept: string[] = [];
  const keep = async (rotated: string) => kept.push(rotated);
  const outcome = await outcomeOf(() => refresh(before, replying(one), keep));
  if ("error" in outcome) {
    expectSilent(outcome.error);
    expect(kept.every(rotated => rotated === memberOf(parsed(one.body), "refresh_token"))).toBe(true);
    return false;
  }
  expectTokens(outcome.value, one);
  expect(outcome.value.subject).toEqual(before.subject);
  return true;
});

test.each([1, 2, 3])("%i byte order marks in front of JSON make no other error of one", async count => {
  const marked = (document: object) => answer(200, `${"\ufeff".repeat(count)}${JSON.stringify(document)}`, JSON_TYPE);
  const par = { request_uri: "urn:ietf:params:oauth:request_uri:a", expires_in: 60 };
  await outcomeOf(() => startAuthorization({ scopes: ["openid"] }, replying({ ...marked(par), status: 201 })));
  const secrets = { state: "s", nonce: NONCE, codeVerifier: "CANARY-verifier" };
  await outcomeOf(() => exchangeCode("CANARY-code", secrets, ["openid"], replying(marked(TOKENS))));
});

tallies("introspection", 6, answers({ active: true, scope: "openid balance", exp, sub: "customer-1" }), async one => {
  const said = await accepted(() => introspectToken("CANARY-token", "thumbprint", replying(one)));
  if (said === undefined) return false;
  expect(said.active).toBe(memberOf(parsed(one.body), "active"));
  expect(typeof said.active).toBe("boolean");
  expect(said.scopes.every(scope => typeof scope === "string")).toBe(true);
  expect(["undefined", "number"]).toContain(typeof said.exp);
  return true;
});

const SIGNED_INTROSPECTION = { ...DOCUMENT, introspection_signing_alg_values_supported: ["ES256"] };
const knownToSign = bankWith(() => ({ metadata: answer(200, SIGNED_INTROSPECTION, JSON_TYPE), other: reply }));
const SAID = {
  iss: ISSUER,
  aud: CLIENT_ID,
  iat: exp - 86_400,
  exp,
  token_introspection: { active: true, scope: "a b", exp },
};
const signedSaying = fc.oneof(
  // Changed before it is signed: the bank itself says something strange.
  jwts(SAID),
  answers(SAID).map(({ body }) => {
    const input = `${encode(JSON.stringify({ ...HEADERS.ES256, typ: "token-introspection+jwt" }))}.${encode(body)}`;
    return `${input}.${signAs("ES256", input).toString("base64url")}`;
  }),
);

tallies("signed introspection", 3, signedSaying, async jwt => {
  const other = answer(200, jwt, { "content-type": "application/token-introspection+jwt" });
  let believed = false;
  // Also where the bank never said that it signs.
  for (const context of [knownToSign, replying(other)]) {
    reply = other;
    const said = await accepted(() => introspectToken("CANARY-token", "thumbprint", context));
    if (said === undefined) continue;
    believed = true;
    const claims = trusted(jwt, settings.rules.algorithms, false);
    expect(memberOf(claims?.["token_introspection"], "active")).toBe(said.active);
    expect(typeof said.active).toBe("boolean");
    expect(said.scopes.every(scope => typeof scope === "string")).toBe(true);
    expect(["undefined", "number"]).toContain(typeof said.exp);
  }
  return believed;
});

const USER = { sub: "customer-1", name: "CANARY 見本 花子", address: { postal_code: "0000001" }, email_verified: true };

tallies("UserInfo: of the link's customer alone", 6, answers(USER), async one => {
  const info = await accepted(() => readUserInfo(one, "customer-1", known));
  if (info === undefined) return false;
  expect(info.sub).toBe("customer-1");
  expect(Object.isFrozen(info)).toBe(true);
  return true;
});

const userJwts = jwts({ ...USER, iss: ISSUER, aud: CLIENT_ID, exp });

tallies("signed UserInfo: of the link's customer alone", 3, userJwts, async jwt => {
  const one = answer(200, jwt, { "content-type": "application/jwt" });
  const info = await accepted(() => readUserInfo(one, "customer-1", known));
  if (info === undefined) return false;
  expect(trusted(jwt, settings.rules.algorithms, false)).toMatchObject({ sub: "customer-1" });
  return true;
});

tallies("revocation", 4, answers({ error: "unsupported_token_type" }), async one => {
  const tokens = { accessToken: "CANARY-access", refreshToken: "CANARY-refresh", scopes: [] };
  const outcome = await outcomeOf(() => revokeTokens(tokens, replying(one)));
  if ("error" in outcome) expectSilent(outcome.error);
  else expect(one.status).toBe(200);
  return "value" in outcome;
});

const GRANT = {
  status: "active",
  scopes: [{ scope: "balance" }],
  createdAt: "2026-04-01T09:30:00+09:00",
  expiresAt: null,
};
const grantAnswers = fc.record({
  one: answers(GRANT),
  what: fc.constantFrom("status", "extend", "revoke"),
});

tallies("grants", 6, grantAnswers, async ({ one, what }) => {
  const { configuration: configured, server } = replying(answer(200, ""));
  const store = new MemoryStore();
  await writeLink(store, linkRecord({ grantId: "grant-1" }), 0);
  const access = openAccess();
  const resources = new Resources(
    configured,
    doorTo(() => refusingRedirects(one)),
    Object.assign(access, { learn: () => {} }),
  );
  const grant = new Grant(LINK_ID, registered({ configuration: configured, server, access, resources }, store), store);
  if (what === "revoke") return (await accepted(() => grant.revoke())) !== undefined;
  const found = await accepted(() => (what === "extend" ? grant.extend({ until: "2027-03-31" }) : grant.status()));
  if (found === undefined) return false;
  expect(found.status).toBe(memberOf(parsed(one.body), "status"));
  return true;
});
