/** What is concluded from what was seen, where the real thing takes days, another machine or another Node. */

import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { distance } from "../../../src/cli/distance.js";
import { examineAnswer } from "../../../src/cli/doctor/api.js";
import { judge } from "../../../src/cli/doctor/client-certificate.js";
import { examineOffset, offsetOf } from "../../../src/cli/doctor/clock.js";
import type { Attempt } from "../../../src/cli/doctor/connection.js";
import { examineKeys } from "../../../src/cli/doctor/jwks.js";
import { examineOffer } from "../../../src/cli/doctor/profile-demands.js";
import { explain } from "../../../src/cli/doctor/push.js";
import { examineDependency, examineNode, examinePeer, satisfies } from "../../../src/cli/doctor/runtime.js";
import { examineSwitches } from "../../../src/cli/doctor/surroundings.js";
import { knownVariables } from "../../../src/cli/doctor/variables.js";
import { rfc4514 } from "../../../src/cli/doctor/x509.js";
import { OAuthError } from "../../../src/errors.js";
import type { Profile } from "../../../src/index.js";
import { configuration } from "../../support/options.js";
import { make } from "./certificates.js";

describe("the client certificate", () => {
  const { x509 } = make({ name: "leaf" });
  const target = { host: "api.bank.example", port: 443 };
  const attempt = (sent: number, more: Partial<Attempt>): Attempt => ({
    step: "tls",
    addresses: [],
    plainHttp: false,
    sent,
    ...more,
  });
  const [bare, whole] = [400, 400 + x509.raw.length + 100];
  const page = { step: "answered", answer: "HTTP/1.1 404 Not Found\r\n", protocol: "TLSv1.3" } as const;
  const alert = (name: string) => ({ code: `ERR_SSL_${name}` });

  test.each<[string, Partial<Attempt>, number, Partial<Attempt>, string, string]>([
    [
      "accepted, and refused without",
      page,
      whole,
      alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"),
      "mtls.certificate",
      "ok",
    ],
    ["accepted, and optional", page, whole, page, "mtls.certificate", "ok"],
    ["not asked for", page, bare, page, "mtls.not-asked", "problem"],
    [
      "refused with an alert, TLS 1.3",
      { step: "request", protocol: "TLSv1.3", ...alert("TLSV1_ALERT_UNKNOWN_CA") },
      whole,
      alert("TLSV13_ALERT_CERTIFICATE_REQUIRED"),
      "mtls.certificate",
      "problem",
    ],
    [
      "refused with an alert, TLS 1.2",
      alert("SSLV3_ALERT_BAD_CERTIFICATE"),
      whole,
      alert("SSLV3_ALERT_HANDSHAKE_FAILURE"),
      "mtls.certificate",
      "problem",
    ],
    [
      "hung up on, after it was asked for",
      { step: "request", protocol: "TLSv1.3", code: "HANGUP" },
      whole,
      { step: "request", code: "HANGUP" },
      "mtls.certificate",
      "problem",
    ],
    [
      "hung up on, where none at all gets through",
      { step: "request", code: "HANGUP" },
      bare,
      page,
      "mtls.certificate",
      "problem",
    ],
    [
      "hung up on with and without, and never asked for",
      { step: "request", code: "HANGUP" },
      bare,
      { step: "request", code: "HANGUP" },
      "mtls.hangs-up",
      "problem",
    ],
    [
      "waited for in vain",
      { step: "request", code: "TIMEOUT" },
      whole,
      { step: "request", code: "TIMEOUT" },
      "mtls.slow",
      "warning",
    ],
    [
      "refused by nginx",
      { ...page, answer: "HTTP/1.1 400 Bad Request\r\n\r\n<title>400 No required SSL certificate was sent</title>" },
      whole,
      page,
      "mtls.certificate",
      "problem",
    ],
  ])("%s", (_, shown, sent, hidden, id, status) => {
    const compared = { shown: attempt(sent, shown), hidden: attempt(bare, hidden) };
    expect(judge(target, compared, x509)).toMatchObject({ id, status, subject: "api.bank.example:443" });
  });
});

describe("the clock", () => {
  const second = (date: number, from: number, to: number) => ({ date, from, to });

  test("each sample says a little more", () => {
    // The bank is 300 ms ahead: its seconds change at 700 of ours.
    const samples = [second(0, 100, 150), second(1000, 750, 800), second(1000, 1600, 1650)];
    expect(offsetOf(samples)).toEqual({ least: 200, most: 400 });
    expect(offsetOf([])).toBeUndefined();
  });

  test("samples that contradict each other are no certainty", () => {
    const { least, most } = offsetOf([second(0, 0, 10), second(60_000, 20, 30)]) ?? { least: 0, most: 0 };
    expect(least).toBeLessThan(most);
  });

  test.each<[seconds: number, signs: boolean, status: string]>([
    [0.5, true, "ok"],
    [-1.9, true, "ok"],
    [3, true, "warning"],
    [-3, false, "warning"],
    [11, true, "problem"],
    [-11, true, "problem"],
    [11, false, "warning"],
    [31, false, "problem"],
  ])("%d seconds, signing %s: %s", (seconds, signs, status) => {
    const offset = { least: seconds * 1000 - 50, most: seconds * 1000 + 50 };
    expect(examineOffset(offset, signs).status).toBe(status);
  });

  test("the time on the way is not held against anybody", () => {
    expect(examineOffset({ least: -1000, most: 20_000 }, true).status).toBe("ok");
  });
});

describe("versions", () => {
  test.each<[string, string, boolean]>([
    ["20.19.0", ">=20.19", true],
    ["20.18.9", ">=20.19", false],
    ["26.0.0", ">=20.19", true],
    ["6.2.17", "^6.2.17", true],
    ["6.3.0", "^6.2.17", true],
    ["6.2.16", "^6.2.17", false],
    ["7.0.0", "^6.2.17", false],
    ["9.0.0-beta.1", "^9.0.0", true],
  ])("%s in %s: %s", (version, range, within) => {
    expect(satisfies(version, range)).toBe(within);
  });

  test.each<[string, string, string]>([
    ["18.20.0", "2026-01-01", "problem"],
    ["20.19.0", "2026-04-01", "ok"],
    ["20.19.0", "2026-05-01", "warning"],
    ["23.1.0", "2026-01-01", "warning"],
    ["24.1.0", "2026-01-01", "ok"],
  ])("Node %s at %s: %s", (version, day, status) => {
    expect(examineNode(version, ">=20.19", Date.parse(day)).status).toBe(status);
  });

  test("of what it depends on, and of what it need not have", () => {
    expect(examineDependency("jose", "^6.2.17", "5.0.0").status).toBe("problem");
    expect(examineDependency("jose", "^6.2.17", undefined).status).toBe("warning");
    expect(examinePeer("oidc-provider", "^9.0.0", undefined).status).toBe("ok");
    expect(examinePeer("oidc-provider", "^9.0.0", "8.1.0").status).toBe("warning");
  });
});

describe("variables", () => {
  test("those that are known are those that are read", () => {
    expect(knownVariables()).toHaveLength(13);
    expect(knownVariables()).toEqual(
      expect.arrayContaining(["MINNA_PROFILE", "MINNA_SIGNING_FILE", "MINNA_ANNOUNCED_IN"]),
    );
  });

  test.each<[string, string, number]>([
    ["MINNA_ISSUER", "MINNA_ISSUER", 0],
    ["MINNA_ISUER", "MINNA_ISSUER", 1],
    ["MINNA_ISSUERS", "MINNA_ISSUER", 1],
    ["MINMA_ISUER", "MINNA_ISSUER", 2],
    ["", "MINNA", 5],
  ])("%s is %s but for %d letters", (one, other, letters) => {
    expect(distance(one, other)).toBe(letters);
  });

  test.each(["--use-openssl-ca", "--tls-max-v1.2", "--openssl-legacy-provider", "--tls-cipher-list=ALL"])(
    "NODE_OPTIONS=%s",
    given => {
      expect(examineSwitches({ NODE_OPTIONS: `--max-old-space-size=100 ${given}` })).toMatchObject([
        { status: "warning" },
      ]);
    },
  );
});

describe("metadata", () => {
  const offer = {
    token_endpoint_auth_methods_supported: ["tls_client_auth"],
    code_challenge_methods_supported: ["S256"],
    response_types_supported: ["code"],
    response_modes_supported: ["jwt"],
    id_token_signing_alg_values_supported: ["PS256"],
    authorization_signing_alg_values_supported: ["PS256"],
    request_object_signing_alg_values_supported: ["PS256"],
    authorization_response_iss_parameter_supported: true,
    pushed_authorization_request_endpoint: "https://auth.bank.example/par",
    tls_client_certificate_bound_access_tokens: true,
    grant_management_endpoint: "https://auth.bank.example/grants",
  };
  const idsOf = (profile: Profile, change: object, overrides: object = {}) =>
    examineOffer({ ...offer, ...change }, configuration(profile, { ...overrides })).map(
      ({ id, status }) => `${id} ${status}`,
    );

  test.each<[Profile, object, string[], object?]>([
    ["fapi1-advanced", {}, ["discovery.profile ok"]],
    ["fapi2-security", { code_challenge_methods_supported: ["plain"] }, ["discovery.pkce problem"]],
    [
      "fapi2-security",
      { code_challenge_methods_supported: undefined },
      ["discovery.profile ok", "discovery.unsaid warning"],
    ],
    [
      "fapi2-security",
      { token_endpoint_auth_methods_supported: ["private_key_jwt"] },
      ["discovery.client-authentication problem"],
    ],
    [
      "fapi2-security",
      { token_endpoint_auth_methods_supported: ["self_signed_tls_client_auth"] },
      ["discovery.profile ok"],
    ],
    ["fapi2-security", { authorization_response_iss_parameter_supported: undefined }, ["discovery.iss problem"]],
    ["fapi1-advanced", { authorization_response_iss_parameter_supported: undefined }, ["discovery.profile ok"]],
    ["fapi2-message-signing", { authorization_signing_alg_values_supported: undefined }, ["discovery.jarm problem"]],
    ["fapi2-message-signing", { response_modes_supported: ["query"] }, ["discovery.response-mode problem"]],
    [
      "fapi2-message-signing",
      { request_object_signing_alg_values_supported: ["RS256"] },
      ["discovery.request-object problem"],
    ],
    ["fapi2-security", { request_object_signing_alg_values_supported: ["RS256"] }, ["discovery.profile ok"]],
    ["fapi2-security", { pushed_authorization_request_endpoint: undefined }, ["discovery.par problem"]],
    [
      "fapi2-security",
      { tls_client_certificate_bound_access_tokens: undefined },
      ["discovery.profile ok", "discovery.bound-tokens warning"],
    ],
    [
      "fapi2-security",
      { grant_management_endpoint: undefined },
      ["discovery.profile ok", "discovery.grant-management warning"],
    ],
    [
      "fapi2-security",
      { grant_management_actions_supported: ["query", "create"] },
      ["discovery.profile ok", "discovery.grant-management warning"],
    ],
    [
      "fapi1-advanced",
      { require_pushed_authorization_requests: true },
      ["discovery.par problem"],
      { requestDelivery: "by-value" },
    ],
    [
      "fapi1-advanced",
      { id_token_signing_alg_values_supported: ["PS256"] },
      ["discovery.id-token problem"],
      { algorithms: { idToken: "ES256" } },
    ],
  ])("%s, %j", (profile, change, expected, overrides) => {
    expect(idsOf(profile, change, overrides)).toEqual(expected);
  });
});

describe("the bank's keys", () => {
  const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  const { d: _, ...publicJwk } = jwk;
  const weak = {
    ...generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" }),
    kid: "weak",
  };
  const idsOf = (keys: unknown[], profile: Profile = "fapi2-security", overrides: object = {}) =>
    examineKeys(keys, configuration(profile, { ...overrides })).map(({ id, status }) => `${id} ${status}`);

  test.each<[string, unknown[], string[], object?]>([
    ["fit", [{ ...publicJwk, kid: "1" }], ["jwks.keys ok"]],
    ["with their private half", [{ ...jwk, kid: "1" }], ["jwks.private problem"]],
    ["for encryption only", [{ ...publicJwk, kid: "1", use: "enc" }], ["jwks.algorithm problem"]],
    [
      "for another algorithm",
      [{ ...publicJwk, kid: "1" }],
      ["jwks.algorithm problem"],
      { algorithms: { idToken: "PS256" } },
    ],
    ["of which none is strong enough", [weak], ["jwks.weak-key warning", "jwks.algorithm problem"]],
    ["of which one is too weak", [weak, { ...publicJwk, kid: "1" }], ["jwks.weak-key warning"]],
    ["without ids", [publicJwk, publicJwk], ["jwks.kid warning"]],
    ["that are none", [null, 1], ["jwks.empty problem"]],
  ])("%s", (_, keys, expected, overrides) => {
    expect(idsOf(keys, "fapi2-security", overrides)).toEqual(expected);
  });

  test("are named as far as they have names", () => {
    for (const odd of [{ kid: "k".repeat(1_000) }, { kid: { odd: 1 }, alg: "ES256" }]) {
      const [found] = examineKeys([{ ...publicJwk, ...odd }], configuration("fapi2-security"));
      expect(found?.found.en).toBe(`1 keys: - (${odd.alg ?? "EC"})`);
    }
  });
});

test.each<[number | string, string, RegExp]>([
  [401, "ok", /HTTP 401/],
  [403, "ok", /HTTP 403/],
  [200, "warning", /another path/],
  [302, "warning", /another path/],
  [404, "warning", /another path/],
  [503, "warning", /maintenance/],
  ["ECONNRESET", "warning", /ECONNRESET.*Try again/],
])("the API that answers %s without a token: %s", (answer, status, says) => {
  const finding = examineAnswer("https://api.bank.example/v1/accounts", answer);
  expect(finding).toMatchObject({ id: "api.base-url", status });
  expect(JSON.stringify(finding)).toMatch(says);
});

test.each([
  "invalid_client",
  "invalid_request",
  "invalid_scope",
  "invalid_request_object",
  "unauthorized_client",
  "strange",
])("what %s means is said in both languages", code => {
  const error = new OAuthError(code, { endpoint: "par", status: 400, interactionId: "id-1" });
  const found = explain(error, configuration("fapi2-message-signing"));
  expect(found).toMatchObject({ id: "push.refused", status: "problem", subject: "x-fapi-interaction-id id-1" });
});

test("a busy bank is no problem of the partner's", () => {
  const error = new OAuthError("server_error", { endpoint: "par", status: 503 });
  expect(explain(error, configuration("fapi2-security")).status).toBe("warning");
});

test("a name is written as RFC 4514 has it", () => {
  expect(rfc4514("C=JP\nO=Shop\\, Inc\nOU=A + CN=shop")).toBe("OU=A+CN=shop,O=Shop\\, Inc,C=JP");
});
