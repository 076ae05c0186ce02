import { describe, expect, test } from "vitest";
import type { Configuration } from "../../src/config/configuration.js";
import { configure } from "../../src/config/configurations.js";
import type { Profile } from "../../src/config/profile.js";
import { ConfigurationError } from "../../src/errors.js";
import { clientCertificate, newAuthority } from "../support/certificates.js";
import { everythingShown, problemsOf, thrown } from "../support/errors.js";
import { CERTIFICATE, SIGNING_KEY, validOptions } from "../support/options.js";

const ALL_PROFILES: readonly Profile[] = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"];

/** The one configuration that these options make. */
function only(options: unknown): Configuration {
  return configure(options).all[0];
}

/** The names of the options that are wrong. */
function wrong(overrides: Readonly<Record<string, unknown>>): string[] {
  return problemsOf(() => configure(validOptions(overrides))).map(problem => problem.option);
}

describe("options that are right", () => {
  test.each(ALL_PROFILES)("make a frozen configuration in %s", profile => {
    const settings = only(validOptions({ profile }));
    expect(settings).toMatchObject({
      profile,
      issuer: "https://auth.bank.example",
      timeout: 15_000,
      requestDelivery: "par",
    });
    for (const part of [settings, settings.rules, settings.contract, settings.idTokenAlgorithms]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test("are copied: changing them afterwards changes nothing", () => {
    const options = validOptions({ contract: { scopes: { balance: "b" } } });
    const settings = only(options);
    Object.assign(options, { issuer: "https://attacker.example" });
    Object.assign((options["contract"] as { scopes: object }).scopes, { balance: "c" });
    expect(settings.issuer).toBe("https://auth.bank.example");
    expect(settings.contract.scopes.balance).toBe("b");
  });

  test("keep the issuer and the redirect URI as they are written: they are compared as strings", () => {
    const issuer = "https://AUTH.bank.example:443/";
    const redirectUri = "https://partner.example:443/cb/../cb?tenant=1";
    expect(only(validOptions({ issuer, redirectUri }))).toMatchObject({ issuer, redirectUri });
  });

  test.each([
    ["https://api.bank.example/", "https://api.bank.example"],
    ["https://api.bank.example/v1/", "https://api.bank.example/v1"],
  ])("take the base %s as %s", (baseUrl, expected) => {
    expect(only(validOptions({ api: { baseUrl } })).apiBaseUrl).toBe(expected);
  });

  test("allow each algorithm of the profile, or the one that is registered", () => {
    expect(only(validOptions()).idTokenAlgorithms).toEqual(["PS256", "ES256"]);
    expect(only(validOptions({ profile: "fapi2-security" })).idTokenAlgorithms).toEqual(["PS256", "ES256", "EdDSA"]);
    const pinned = only(validOptions({ algorithms: { idToken: "PS256", authorizationResponse: "ES256" } }));
    expect(pinned.idTokenAlgorithms).toEqual(["PS256"]);
    expect(pinned.authorizationResponseAlgorithms).toEqual(["ES256"]);
  });

  test("move from FAPI 1.0 to 2.0 by changing one line: signing may stay where it is", () => {
    const options = validOptions({ profile: "fapi1-advanced" });
    configure(options);
    const moved = only({ ...options, profile: "fapi2-security" });
    expect(moved.signing.given).toEqual([]);
    configure({ ...options, profile: "fapi2-message-signing" });
  });

  test("show no key when the configuration is printed", async () => {
    const settings = only(validOptions());
    const { inspect } = await import("node:util");
    const shown = inspect(settings, { depth: 10 });
    expect(shown).not.toContain("PRIVATE KEY");
    expect(shown).not.toContain(SIGNING_KEY.split("\n")[1]);
  });
});

describe("an option that is wrong", () => {
  const urls = [
    undefined,
    null,
    7,
    "",
    "auth.bank.example",
    "http://auth.bank.example",
    "ftp://auth.bank.example",
    "https://",
    "https://user@auth.bank.example",
    "https://user:pass@auth.bank.example",
    "https://auth.bank.example/#f",
    "https://auth.bank.example/#",
    " https://auth.bank.example",
    "https://auth.bank.example\n",
  ];

  test.each(urls)("is named when it is the issuer: %j", issuer => {
    expect(wrong({ issuer })).toEqual(["issuer"]);
  });

  test.each(urls)("is named when it is the redirect URI: %j", redirectUri => {
    expect(wrong({ redirectUri })).toEqual(["redirectUri"]);
  });

  test.each([
    "http://localhost\\@elsewhere.example/cb",
    "http://localhost\\.elsewhere.example/cb",
    "https:elsewhere.example/cb",
    "https:///elsewhere.example/cb",
    "http:localhost/cb",
    "http://localhost@elsewhere.example/cb",
    "http://localhost.elsewhere.example/cb",
    "http://localhost./cb",
    "http://127.0.0.1.elsewhere.example/cb",
  ])("is not taken for another host, or mended: %j", url => {
    expect(wrong({ redirectUri: url })).toEqual(["redirectUri"]);
  });

  test.each(["http://localhost:3000/bank/callback", "http://127.0.0.1:3000/cb?tenant=1", "http://[::1]/cb"])(
    "may be http on this machine when it is the redirect URI, and there alone: %j",
    url => {
      expect(wrong({ redirectUri: url, issuer: url.replace(/\?.*/, "") })).toEqual(["issuer"]);
      expect(wrong({ redirectUri: url.replace(/localhost|127.0.0.1|\[::1\]/, "localhost.example") })).toEqual([
        "redirectUri",
      ]);
    },
  );

  test.each(urls)("is named when it is the base of the API: %j", baseUrl => {
    expect(wrong({ api: { baseUrl } })).toEqual(["api.baseUrl"]);
  });

  test.each<[string, Readonly<Record<string, unknown>>, string[]]>([
    ["an issuer with a query", { issuer: "https://auth.bank.example/?a=b" }, ["issuer"]],
    ["an empty query", { issuer: "https://auth.bank.example/?" }, ["issuer"]],
    ["a client id of nothing", { clientId: undefined }, ["clientId"]],
    ["an empty client id", { clientId: "" }, ["clientId"]],
    ["a client id beyond ASCII", { clientId: "パートナー" }, ["clientId"]],
    ["a client id over two lines", { clientId: "a\nb" }, ["clientId"]],
    ["no API", { api: undefined }, ["api"]],
    ["an API as text", { api: "https://api.bank.example" }, ["api"]],
    ["an API with more", { api: { baseUrl: "https://api.bank.example", path: "/v1" } }, ["api.path"]],
    ["a timeout of zero", { timeout: 0 }, ["timeout"]],
    ["a timeout below zero", { timeout: -1 }, ["timeout"]],
    ["a timeout in fractions", { timeout: 1.5 }, ["timeout"]],
    ["a timeout of NaN", { timeout: Number.NaN }, ["timeout"]],
    ["a timeout of eleven minutes", { timeout: 660_000 }, ["timeout"]],
    ["a timeout as text", { timeout: "15s" }, ["timeout"]],
    ["no certificate", { certificate: undefined }, ["certificate"]],
    ["a certificate as text", { certificate: CERTIFICATE.cert }, ["certificate"]],
    ["a contract as text", { contract: "default" }, ["contract"]],
    ["algorithms as text", { algorithms: "PS256" }, ["algorithms"]],
    ["RS256 for ID Tokens", { algorithms: { idToken: "RS256" } }, ["algorithms.idToken"]],
    ["none for responses", { algorithms: { authorizationResponse: "none" } }, ["algorithms.authorizationResponse"]],
    ["EdDSA in FAPI 1.0", { algorithms: { idToken: "EdDSA" } }, ["algorithms.idToken"]],
    ["an algorithm for something else", { algorithms: { userinfo: "PS256" } }, ["algorithms.userinfo"]],
    ["a delivery of another kind", { requestDelivery: "post" }, ["requestDelivery"]],
    ["a misspelt option", { redirectURI: "https://partner.example/cb" }, ["redirectURI"]],
  ])("is named: %s", (_, overrides, expected) => {
    expect(wrong(overrides)).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["a misspelling", "fapi1-advancd"],
    ["a name that every object has", "constructor"],
    ["a number", 2],
  ])("is the profile, when it is %s", (_, profile) => {
    expect(wrong({ profile })).toEqual(["profile"]);
  });

  test.each([undefined, null, "options", 7])("is all of them, when the options are %j", options => {
    expect(problemsOf(() => configure(options)).map(problem => problem.option)).toEqual(["options"]);
  });

  test.each<Profile>(["fapi1-advanced", "fapi2-message-signing"])("is signing, when %s has none", profile => {
    const { signing: _, ...rest } = validOptions({ profile });
    expect(problemsOf(() => configure(rest)).map(problem => problem.option)).toEqual(["signing"]);
  });

  test("is the delivery by value, in a profile that always pushes", () => {
    expect(only(validOptions({ requestDelivery: "by-value" })).requestDelivery).toBe("by-value");
    for (const profile of ["fapi2-security", "fapi2-message-signing"]) {
      expect(wrong({ profile, requestDelivery: "par" })).toEqual(["requestDelivery"]);
    }
  });

  test("is only the profile, when the delivery beside a misspelt profile may well be right", () => {
    expect(wrong({ profile: "fapi1-advancd", requestDelivery: "by-value" })).toEqual(["profile"]);
  });
});

describe("options that are all wrong", () => {
  const everything = {
    profile: "fapi1-advanced",
    issuer: "http://auth.bank.example",
    clientId: "",
    redirectUri: "callback",
    requestDelivery: "post",
    certificate: { cert: "no", key: "no", ca: "no", passphrase: 7, pfx: "no" },
    signing: { alg: "RS256", kid: "", key: "no" },
    api: { baseUrl: "http://api.bank.example" },
    contract: { paths: { accounts: "accounts" } },
    timeout: -1,
    algorithms: { idToken: "none", authorizationResponse: "HS256" },
    unheardOf: true,
  };
  const names = [
    "algorithms.authorizationResponse",
    "algorithms.idToken",
    "api.baseUrl",
    "certificate.ca",
    "certificate.cert",
    "certificate.passphrase",
    "certificate.pfx",
    "clientId",
    "contract.paths.accounts",
    "issuer",
    "redirectUri",
    "requestDelivery",
    "signing.alg",
    "signing.kid",
    "timeout",
    "unheardOf",
  ];

  test("are named in one error, each with what was expected and what was found", () => {
    const error = thrown(() => configure(everything), ConfigurationError);
    expect(error.problems.map(problem => problem.option).sort()).toEqual(names);
    expect(error).toMatchObject({ code: "configuration_invalid", sideEffect: "none", retryable: false });
    for (const { option, expected, found } of error.problems) {
      expect(expected).not.toBe("");
      expect(found).not.toBe("");
      expect(error.message).toContain(`${option}: expected ${expected}; found ${found}`);
    }
    expect(error.message).toContain(`${names.length} options are wrong`);
  });

  test("are counted in words when it is one", () => {
    expect(thrown(() => configure(validOptions({ clientId: "" })), ConfigurationError).message).toContain(
      "1 option is",
    );
  });

  test("can't be changed in the error", () => {
    const { problems } = thrown(() => configure(everything), ConfigurationError);
    expect(Object.isFrozen(problems) && Object.isFrozen(problems[0])).toBe(true);
  });
});

describe("a secret", () => {
  const PEM = `-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----`;
  const JWK = { kty: "EC", crv: "P-256", d: "CANARY", x: "CANARY", y: "CANARY" };
  const other = clientCertificate(newAuthority());

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ["of a certificate that is none", { certificate: { cert: PEM, key: PEM, passphrase: "CANARY", ca: PEM } }],
    ["of a certificate in the place of its parts", { certificate: PEM }],
    ["of an encrypted key", { certificate: { ...CERTIFICATE, key: PEM.replace("PRIVATE", "ENCRYPTED PRIVATE") } }],
    ["of a wrong passphrase", { certificate: { ...CERTIFICATE, key: PEM, passphrase: "CANARY" } }],
    ["of a signing key that is none", { signing: { key: PEM, alg: "PS256", kid: "k" } }],
    ["of a JWK that is none", { signing: { key: JWK, alg: "ES256", kid: "k" } }],
    ["of a JWK with a wrong algorithm", { signing: { key: { ...JWK, alg: "RS256" }, alg: "ES256", kid: "k" } }],
    ["of a public JWK", { signing: { sign: () => new Uint8Array(), publicKey: JWK, alg: "ES256", kid: "k" } }],
    ["in the place of an algorithm", { signing: { key: PEM, alg: PEM, kid: "k" } }],
    ["in the place of an id", { signing: { key: SIGNING_KEY, alg: "ES256", kid: { secret: "CANARY" } } }],
    ["in the place of the profile", { profile: PEM }],
    ["in the place of a timeout", { timeout: "CANARY" }],
    ["in the place of the client id", { clientId: PEM }],
    ["in the place of the API", { api: PEM }],
    ["in the place of a scope", { contract: { scopes: { balance: PEM } } }],
    ["in the place of a registered algorithm", { algorithms: { idToken: PEM } }],
    ["in the credentials of a URL", { issuer: "https://CANARY:CANARY@auth.bank.example" }],
    ["in the query of a URL", { issuer: "https://auth.bank.example?secret=CANARY" }],
    ["in the fragment of a URL", { redirectUri: "https://partner.example/cb#CANARY" }],
    ["in the credentials of a plain URL", { api: { baseUrl: "http://CANARY:CANARY@api.bank.example" } }],
    ["in the query of a plain URL", { api: { baseUrl: "http://api.bank.example?key=CANARY" } }],
    ["in a URL without its scheme", { api: { baseUrl: "user:CANARY@api.bank.example" } }],
    ["in a data URL", { api: { baseUrl: "data:text/plain,CANARY" } }],
  ])("%s is in no part of the error", (_, overrides) => {
    const error = thrown(() => configure(validOptions(overrides)), ConfigurationError);
    expect(everythingShown(error)).not.toContain("CANARY");
  });

  test("of a real key is in no part of the error", () => {
    const { cert } = CERTIFICATE;
    const overrides = { certificate: { cert, key: other.key }, signing: { key: other.key, alg: "PS256", kid: "k" } };
    const error = thrown(() => configure(validOptions(overrides)), ConfigurationError);
    for (const line of other.key.trim().split("\n")) expect(everythingShown(error)).not.toContain(line);
  });

  test("as bytes in the place of an object is one problem, not one for each byte", () => {
    const bytes = Buffer.from(SIGNING_KEY);
    expect(problemsOf(() => configure(validOptions({ certificate: bytes }))).length).toBeLessThan(5);
    expect(problemsOf(() => configure(validOptions({ signing: bytes }))).length).toBeLessThan(5);
  });
});
