import { describe, expect, test } from "vitest";
import { checkMetadata } from "../../src/authorization/metadata.js";
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

/** The partner says that the bank has no aliases. */
const withoutAliases = { contract: { mtlsEndpointAliases: "absent" } };
const direct = configuration("fapi2-security", withoutAliases);

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

  test("with a slash at its end is right where it is configured so", () => {
    const slash = configuration("fapi2-security", { issuer: `${ISSUER}/` });
    expect(checkMetadata({ ...WITH_ALIASES, issuer: `${ISSUER}/` }, slash).issuer).toBe(`${ISSUER}/`);
  });
});

describe("mTLS endpoints", () => {
  test("are the aliases and nothing else, also where the partner said that there are none", () => {
    expect(checkMetadata(WITH_ALIASES, settings).mtls).toEqual(ALIASES);
    expect(checkMetadata(WITH_ALIASES, direct).mtls).toEqual(ALIASES);
  });

  test("are not the plain ones where there are no aliases", () => {
    expect(refused(PLAIN).check).toBe("mtls_endpoint_aliases");
  });

  test("are the endpoints themselves where there are no aliases and the partner said so", () => {
    const { mtls } = checkMetadata(PLAIN, direct);
    expect(mtls).toEqual({
      token_endpoint: PLAIN.token_endpoint,
      pushed_authorization_request_endpoint: PLAIN.pushed_authorization_request_endpoint,
      grant_management_endpoint: PLAIN.grant_management_endpoint,
    });
  });

  test.each(["token_endpoint", "pushed_authorization_request_endpoint"] as const)(
    "without an alias for %s are refused: the plain endpoint is no substitute",
    name => {
      const { [name]: _, ...aliases } = ALIASES;
      for (const contract of [settings, direct]) {
        expect(refused({ ...PLAIN, mtls_endpoint_aliases: aliases }, contract).check).toBe("mtls_endpoint_aliases");
      }
    },
  );

  test("with an empty list of aliases are refused too", () => {
    expect(refused({ ...PLAIN, mtls_endpoint_aliases: {} }, direct).check).toBe("mtls_endpoint_aliases");
  });

  test("need PAR where requests are pushed, and not where they travel by value", () => {
    const { pushed_authorization_request_endpoint: _, ...withoutPar } = PLAIN;
    expect(refused(withoutPar, direct).message).toContain("pushed_authorization_request_endpoint");
    const byValue = configuration("fapi1-advanced", { requestDelivery: "by-value", ...withoutAliases });
    expect(checkMetadata(withoutPar, byValue).mtls.token_endpoint).toBe(PLAIN.token_endpoint);
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

  test("among the aliases that is not https is refused", () => {
    const aliases = { ...ALIASES, token_endpoint: "http://mtls.bank.example/token" };
    expect(refused({ ...PLAIN, mtls_endpoint_aliases: aliases }).check).toBe("metadata");
  });

  test.each(["authorization_endpoint", "jwks_uri"] as const)("%s has to be there", name => {
    const { [name]: _, ...rest } = PLAIN;
    expect(refused(rest).check).toBe("metadata");
  });
});

test("what is not used is dropped, and the rest is frozen", () => {
  const metadata = checkMetadata(
    { ...WITH_ALIASES, id_token_signing_alg_values_supported: ["none", "RS256"], registration_endpoint: "http://x" },
    settings,
  );
  expect(JSON.stringify(metadata)).not.toMatch(/none|RS256|http:/);
  expect(Object.isFrozen(metadata) && Object.isFrozen(metadata.mtls)).toBe(true);
});
