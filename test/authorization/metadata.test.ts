import { describe, expect, test } from "vitest";
import { checkMetadata, mtlsEndpoint } from "../../src/authorization/metadata.js";
import { ValidationError } from "../../src/errors.js";
import { thrown } from "../support/errors.js";
import { configuration, ISSUER } from "../support/options.js";

const settings = configuration("fapi2-security");
const PLAIN = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  jwks_uri: `${ISSUER}/jwks`,
  token_endpoint: `${ISSUER}/token`,
  pushed_authorization_request_endpoint: `${ISSUER}/par`,
  grant_management_endpoint: `${ISSUER}/grants`,
};
const MTLS = "https://mtls.bank.example";
const ALIASES = { token_endpoint: `${MTLS}/token`, pushed_authorization_request_endpoint: `${MTLS}/par` };
const WITH_ALIASES = { ...PLAIN, mtls_endpoint_aliases: ALIASES };

const aliases = (mtlsEndpointAliases: string) => ({ contract: { mtlsEndpointAliases } });
const direct = configuration("fapi2-security", aliases("absent"));
const aliasesOnly = configuration("fapi2-security", aliases("required"));

function refused(document: unknown, with_ = settings): ValidationError {
  return thrown(() => checkMetadata(document, with_), ValidationError);
}

describe("the issuer", () => {
  test.each<[string, unknown]>([
    ["another", "https://attacker.example"],
    ["with a slash at its end", `${ISSUER}/`],
    ["in capitals", ISSUER.replace("auth", "AUTH")],
    ["with its port", `${ISSUER}:443`],
    ["missing", undefined],
    ["no string", [ISSUER]],
  ])("that is %s is not the configured one: strings are compared, not URLs", (_, issuer) => {
    expect(refused({ ...PLAIN, issuer }).check).toBe("issuer");
  });

  test("is compared before anything else is looked at", () => {
    expect(refused({ issuer: "https://attacker.example", token_endpoint: "nonsense" }).check).toBe("issuer");
  });

  test.each([undefined, null, "text", 7, []])("is nowhere in %j", document => {
    expect(refused(document).check).toBe("issuer");
  });

  test.each<[unknown, string]>([
    ["https://attacker.example", "https://attacker.example"],
    [`${ISSUER}/`, `${ISSUER}/`],
    ["https://attacker.example CANARY", "something else"],
    ["CANARY https://attacker.example", "something else"],
    [`https://${"x".repeat(200)}`, `https://${"x".repeat(200)}`],
    [`https://${"x".repeat(201)}`, "something else"],
    ["http://attacker.example", "something else"],
    [["https://attacker.example"], "something else"],
    [undefined, "something else"],
  ])("%j is named as %s beside the configured one", (issuer, named) => {
    expect(refused({ ...PLAIN, issuer }).message).toMatch(
      new RegExp(`configured issuer is ${ISSUER}, and .* names ${named}\\. `),
    );
  });

  test("with a slash at its end is right where it is configured so", () => {
    const slash = configuration("fapi2-security", { issuer: `${ISSUER}/` });
    expect(checkMetadata({ ...WITH_ALIASES, issuer: `${ISSUER}/` }, slash).issuer).toBe(`${ISSUER}/`);
  });
});

describe("mTLS endpoints", () => {
  const apart = { ...PLAIN, authorization_endpoint: "https://login.bank.example/authorize" };
  const { authorization_endpoint: _, issuer: __, jwks_uri: ___, ...ENDPOINTS } = PLAIN;

  test("are the aliases and nothing else, whatever the partner said", () => {
    for (const with_ of [settings, direct, aliasesOnly]) {
      expect(checkMetadata(WITH_ALIASES, with_).mtls).toEqual(ALIASES);
      expect(checkMetadata({ ...apart, mtls_endpoint_aliases: ALIASES }, with_).mtls).toEqual(ALIASES);
    }
  });

  test("without aliases are the endpoints on another origin than the one for browsers", () => {
    expect(checkMetadata(apart, settings).mtls).toEqual(ENDPOINTS);
    expect(checkMetadata({ ...apart, grant_management_endpoint: undefined }, settings).mtls).toEqual({
      token_endpoint: PLAIN.token_endpoint,
      pushed_authorization_request_endpoint: PLAIN.pushed_authorization_request_endpoint,
    });
    expect(refused(PLAIN).check).toBe("mtls_endpoint_aliases");
  });

  test("without aliases are the endpoints wherever they are, or none, where the partner said so", () => {
    expect(checkMetadata(PLAIN, direct).mtls).toEqual(ENDPOINTS);
    expect(refused(apart, aliasesOnly).check).toBe("mtls_endpoint_aliases");
  });

  test.each(["token_endpoint", "pushed_authorization_request_endpoint"] as const)(
    "without an alias for %s are refused: the plain endpoint is no substitute",
    name => {
      const { [name]: _, ...aliases } = ALIASES;
      for (const with_ of [settings, direct, aliasesOnly]) {
        const error = refused({ ...apart, mtls_endpoint_aliases: aliases }, with_);
        expect(error.check).toBe("mtls_endpoint_aliases");
        expect(error.message).toContain(` ${name} `);
      }
    },
  );

  test("with an empty list of aliases are refused too", () => {
    expect(refused({ ...PLAIN, mtls_endpoint_aliases: {} }, direct).check).toBe("mtls_endpoint_aliases");
  });

  test("need PAR where requests are pushed, and not where they travel by value", () => {
    const { pushed_authorization_request_endpoint: _, ...withoutPar } = PLAIN;
    expect(refused(withoutPar, direct).message).toContain("pushed_authorization_request_endpoint");
    const byValue = configuration("fapi1-advanced", { requestDelivery: "by-value", ...aliases("absent") });
    expect(checkMetadata(withoutPar, byValue).mtls.token_endpoint).toBe(PLAIN.token_endpoint);
    expect(refused({ ...withoutPar, token_endpoint: undefined }, byValue).message).toContain(" token_endpoint ");
  });

  test("that can't be called with the certificate are not taken for ones that are not there", () => {
    const metadata = checkMetadata(WITH_ALIASES, settings);
    expect(metadata.plainOnly).toEqual(["grant_management_endpoint"]);
    expect(mtlsEndpoint(metadata, "token_endpoint")).toBe(ALIASES.token_endpoint);
    expect(mtlsEndpoint(metadata, "revocation_endpoint")).toBeUndefined();
    const error = thrown(() => mtlsEndpoint(metadata, "grant_management_endpoint"), ValidationError);
    expect(error.check).toBe("mtls_endpoint_aliases");
    expect(error.message).toContain(" grant_management_endpoint ");
  });
});

describe("a URL", () => {
  test.each(["authorization_endpoint", "jwks_uri", "token_endpoint", "grant_management_endpoint"])(
    "%s that is not https is refused, and named",
    name => {
      for (const url of ["http://auth.bank.example/x", "ftp://auth.bank.example", "/relative", "", 7]) {
        const error = refused({ ...PLAIN, [name]: url });
        expect(error.check).toBe("metadata");
        expect(error.message).toContain(name);
      }
    },
  );

  test("among the aliases that is not https is refused, and named with all others", () => {
    const wrong = { ...ALIASES, token_endpoint: "http://mtls.bank.example/token" };
    const error = refused({ ...PLAIN, jwks_uri: undefined, mtls_endpoint_aliases: wrong });
    expect(error.check).toBe("metadata");
    expect(error.message).toContain(" jwks_uri, mtls_endpoint_aliases.token_endpoint.");
  });

  test.each(["authorization_endpoint", "jwks_uri"] as const)("%s has to be there", name => {
    const { [name]: _, ...rest } = PLAIN;
    expect(refused(rest).check).toBe("metadata");
  });

  test("jwks_uri need not be there where the bank signs nothing", () => {
    const { jwks_uri: _, ...rest } = WITH_ALIASES;
    const withoutOpenid = { contract: { scopes: { openid: null } } };
    expect(checkMetadata(rest, configuration("fapi2-security", withoutOpenid)).jwksUri).toBeUndefined();
    expect(refused(rest, configuration("fapi2-message-signing", withoutOpenid)).message).toContain(" jwks_uri.");
  });
});

test.each([
  [undefined, false],
  [[], false],
  [["RS256"], true],
])("introspection responses are signed where an algorithm for it is announced: %j", (algorithms, signed) => {
  const metadata = { ...WITH_ALIASES, introspection_signing_alg_values_supported: algorithms };
  expect(checkMetadata(metadata, settings).signedIntrospection).toBe(signed);
});

test("what is not used is dropped, and the rest is frozen", () => {
  const metadata = checkMetadata(
    { ...WITH_ALIASES, id_token_signing_alg_values_supported: ["none", "RS256"], registration_endpoint: "http://x" },
    settings,
  );
  expect(JSON.stringify(metadata)).not.toMatch(/none|RS256|http:/);
  for (const part of [metadata, metadata.mtls, metadata.plainOnly]) expect(Object.isFrozen(part)).toBe(true);
});
