import { beforeAll, describe, expect, test } from "vitest";
import { introspectToken } from "../../src/authorization/introspection.js";
import { OAuthError, ValidationError } from "../../src/errors.js";
import type { Answer } from "../../src/transport/door.js";
import { type BankKey, bankKey, jwksOf, signJwt, unsignedJwt } from "../support/bank-keys.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { CLIENT_ID, configuration } from "../support/options.js";
import { MTLS, metadataWith, type StubBank, stubBank } from "../support/stub-bank.js";
import { answer } from "../support/stub-rooms.js";

const settings = configuration("fapi2-security");
const registered = configuration("fapi2-security", { algorithms: { introspection: "ES256" } });
const JSON_TYPE = { "content-type": "application/json" };
const SIGNED = "application/token-introspection+jwt";
const SIGNED_TYPE = { "content-type": `${SIGNED}; charset=utf-8` };
const TYP = { typ: "token-introspection+jwt" };
const ENDPOINT = { introspection_endpoint: `${MTLS}/introspect` };
const OFFERED = metadataWith(ENDPOINT);
const OFFERED_SIGNED = metadataWith(ENDPOINT, { introspection_signing_alg_values_supported: ["ES256"] });
const CERTIFICATE = "CANARY-thumbprint";
const ACTIVE = { active: true, scope: "openid balance", exp: 1_775_000_000 };
const TOLD = { active: true, scopes: ["openid", "balance"], exp: 1_775_000_000 };

let key: BankKey;
let another: BankKey;
beforeAll(async () => {
  [key, another] = await Promise.all([bankKey("ES256"), bankKey("PS256")]);
});

function bankAnswering(given: Answer, metadata = OFFERED, configured = settings): StubBank {
  return stubBank(configured, jwksOf(key, another), () => given, metadata);
}

async function introspect(
  { server }: Pick<StubBank, "server">,
  configured = settings,
): ReturnType<typeof introspectToken> {
  return introspectToken("CANARY-at", CERTIFICATE, { configuration: configured, server, call: aCall() });
}

/** What an answer is refused for: safely, and repeating nothing of it. */
async function refused(bank: Pick<StubBank, "server">, configured = settings): Promise<string> {
  const error = await rejection(introspect(bank, configured), ValidationError);
  expect(error).toMatchObject({ interactionId: INTERACTION_ID, retryable: false, sideEffect: "none" });
  expect(everythingShown(error)).not.toContain("CANARY");
  return error.check;
}

test("a bank that does not offer to be asked is not asked", async () => {
  const bank = stubBank(settings, jwksOf(key));
  expect(await introspect(bank)).toBeUndefined();
  expect(bank.paths()).toEqual([]);
});

test("a bank that offers it without mutual TLS only is not asked, and that is an error", async () => {
  const bank = bankAnswering(answer(200, ACTIVE, JSON_TYPE), metadataWith({}, ENDPOINT));
  expect((await rejection(introspect(bank), ValidationError)).check).toBe("mtls_endpoint_aliases");
  expect(bank.paths()).toEqual([]);
});

test.each([
  ["JSON", OFFERED, settings, "application/json"],
  ["a JWT where the bank signs", OFFERED_SIGNED, settings, SIGNED],
  ["a JWT where one was registered", OFFERED, registered, SIGNED],
])("the bank is asked at the mTLS alias, with the certificate, for %s", async (_, metadata, configured, accept) => {
  const bank = bankAnswering(answer(503, ""), metadata, configured);
  const error = await rejection(introspect(bank, configured), OAuthError);
  expect(error).toMatchObject({ endpoint: "introspection", status: 503, retryable: true, sideEffect: "none" });
  const asked = bank.asked.at(-1);
  expect(asked).toMatchObject({ method: "POST", presents: "client-certificate", headers: { accept } });
  expect(asked?.url.href).toBe(`${MTLS}/introspect`);
  expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({ token: "CANARY-at", client_id: CLIENT_ID });
});

describe("an answer", () => {
  test.each<[string, unknown, unknown]>([
    ["an active token", ACTIVE, TOLD],
    ["a token that is over", { active: false }, { active: false, scopes: [] }],
    ["scopes with spaces between", { active: true, scope: " a  b " }, { active: true, scopes: ["a", "b"] }],
    ["no scope", { active: true, scope: "" }, { active: true, scopes: [] }],
    ["more than is needed", { ...ACTIVE, client_id: CLIENT_ID }, TOLD],
    ["the certificate it is bound to", { ...ACTIVE, cnf: { "x5t#S256": CERTIFICATE } }, TOLD],
    ["another kind of binding", { ...ACTIVE, cnf: { jkt: "CANARY" } }, TOLD],
    [
      "another certificate, and the token is over",
      { active: false, cnf: { "x5t#S256": "x" } },
      { active: false, scopes: [] },
    ],
  ])("with %s is read", async (_, given, told) => {
    const introspection = await introspect(bankAnswering(answer(200, given, JSON_TYPE)));
    expect(introspection).toStrictEqual(told);
    expect(Object.isFrozen(introspection)).toBe(true);
    expect(Object.isFrozen(introspection?.scopes)).toBe(true);
  });

  test.each<[string, unknown, string]>([
    ["no active", { scope: "CANARY" }, "body"],
    ["an active that is no boolean", { active: "CANARY" }, "body"],
    ["a scope that is no string", { active: true, scope: ["CANARY"] }, "body"],
    ["an exp that is no number", { active: true, exp: "CANARY" }, "body"],
    ["a cnf that is no object", { active: true, cnf: "CANARY" }, "body"],
    ["a thumbprint that is no string", { active: true, cnf: { "x5t#S256": ["CANARY"] } }, "body"],
    ["a page", "<html>CANARY</html>", "body"],
    ["another certificate", { ...ACTIVE, cnf: { "x5t#S256": "CANARY" } }, "cnf"],
  ])("with %s is refused", async (_, given, check) => {
    expect(await refused(bankAnswering(answer(200, given, JSON_TYPE)))).toBe(check);
  });

  test.each([
    ["the bank signs", OFFERED_SIGNED, settings],
    ["a signed one was registered", OFFERED, registered],
  ])("where %s is refused in any other form", async (_, metadata, configured) => {
    for (const headers of [JSON_TYPE, { "content-type": `application/json; ${SIGNED}` }]) {
      expect(await refused(bankAnswering(answer(200, ACTIVE, headers), metadata, configured), configured)).toBe(
        "signature",
      );
    }
  });
});

describe("a signed answer", () => {
  const claims = { token_introspection: ACTIVE, exp: undefined };
  const signed = async (token: string | Promise<string>) => answer(200, await token, SIGNED_TYPE);

  test.each([
    ["offered", OFFERED_SIGNED],
    ["not asked for", OFFERED],
  ])("that is %s is verified, and read", async (_, metadata) => {
    expect(await introspect(bankAnswering(await signed(signJwt(key, claims, TYP)), metadata))).toStrictEqual(TOLD);
    const forged = await signed(signJwt({ ...(await bankKey("ES256")), kid: key.kid }, claims, TYP));
    expect(await refused(bankAnswering(forged, metadata))).toBe("signature");
  });

  test.each<[string, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>, string]>([
    ["another issuer", { iss: "https://attacker.example" }, {}, "iss"],
    ["another audience", { aud: "partner-2" }, {}, "aud"],
    ["no audience", { aud: undefined }, {}, "aud"],
    ["no iat", { iat: undefined }, {}, "iat"],
    ["no token_introspection", { token_introspection: undefined }, {}, "token_introspection"],
    ["a token_introspection of another form", { token_introspection: { active: "CANARY" } }, {}, "body"],
    ["another certificate", { token_introspection: { ...ACTIVE, cnf: { "x5t#S256": "CANARY" } } }, {}, "cnf"],
    ["another typ", {}, { typ: "JWT" }, "typ"],
    ["no typ", {}, { typ: undefined }, "typ"],
    ["an exp that has passed", { exp: 1 }, {}, "exp"],
  ])("with %s is refused", async (_, wrong, header, check) => {
    const token = signJwt(key, { ...claims, ...wrong }, { ...TYP, ...header });
    expect(await refused(bankAnswering(await signed(token), OFFERED_SIGNED))).toBe(check);
  });

  test("with another algorithm than the registered one is refused", async () => {
    const given = await signed(signJwt(another, claims, TYP));
    expect(await introspect(bankAnswering(given, OFFERED_SIGNED))).toStrictEqual(TOLD);
    expect(await refused(bankAnswering(given, OFFERED_SIGNED, registered), registered)).toBe("alg");
  });

  test("that nobody signed is refused", async () => {
    expect(await refused(bankAnswering(await signed(unsignedJwt(claims)), OFFERED_SIGNED))).toBe("alg");
  });
});
