import { compactVerify, createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Reply, type Tokens } from "./partner.js";

describe("faults of the authorization server", () => {
  let sandbox: Sandbox;
  let plain: Partner;
  let signing: Partner;
  let issuer: string;
  beforeAll(async () => {
    sandbox = await startSandbox();
    issuer = sandbox.issuer;
    plain = new Partner(sandbox, "fapi2-security");
    signing = new Partner(sandbox, "fapi2-message-signing");
    await Promise.all([plain.configuration(), signing.configuration()]);
  });
  afterEach(() => sandbox.faults.off());
  afterAll(async () => {
    await Promise.all([plain.close(), signing.close()]);
    await sandbox.close();
  });

  const on: Sandbox["faults"]["on"] = (name, scope) => sandbox.faults.on(name, scope);
  const discovery = async () => (await plain.call(`${issuer}/.well-known/openid-configuration`)).json;
  const jwks = async (): Promise<JSONWebKeySet> => (await plain.call(`${issuer}/jwks`)).json;

  describe("of the metadata", () => {
    it("discovery-issuer-mismatch, discovery-issuer-trailing-slash", async () => {
      on("discovery-issuer-mismatch", { times: 1 });
      expect((await discovery()).issuer).toBe("https://impostor.example");
      on("discovery-issuer-trailing-slash", { times: 1 });
      expect((await discovery()).issuer).toBe(`${issuer}/`);
      expect((await discovery()).issuer).toBe(issuer);
    });

    it("metadata-introspection-algs-absent", async () => {
      on("metadata-introspection-algs-absent", { times: 1 });
      expect(await discovery()).not.toHaveProperty("introspection_signing_alg_values_supported");
      expect((await discovery()).introspection_signing_alg_values_supported).toEqual(["PS256", "ES256"]);
    });

    it("metadata-alias-missing, metadata-offers-rs256-and-none", async () => {
      on("metadata-alias-missing", { times: 1 });
      expect(await discovery()).not.toHaveProperty("mtls_endpoint_aliases");
      on("metadata-offers-rs256-and-none", { times: 1 });
      expect((await discovery()).id_token_signing_alg_values_supported).toEqual(["RS256", "none"]);
      expect((await discovery()).id_token_signing_alg_values_supported).toEqual(["PS256", "ES256"]);
    });

    it("jwks-duplicate-kid", async () => {
      on("jwks-duplicate-kid", { times: 1 });
      const kids = (await jwks()).keys.map(({ kid }) => kid);
      expect([kids.length, new Set(kids).size]).toEqual([9, 3]);
      expect((await jwks()).keys).toHaveLength(3);
    });
  });

  describe("of the pushed request", () => {
    const push = async (): Promise<Reply> => {
      const { mtls_endpoint_aliases: at = {} } = (await plain.configuration()).serverMetadata();
      const { clientId, redirectUri } = plain.client;
      const code_challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
      return plain.call(String(at.pushed_authorization_request_endpoint), {
        form: {
          client_id: clientId,
          redirect_uri: redirectUri,
          response_type: "code",
          scope: "openid",
          code_challenge,
          code_challenge_method: "S256",
        },
      });
    };

    it.each([
      ["par-request-uri-foreign", 201, { request_uri: "https://impostor.example/request" }],
      ["par-request-uri-expired", 201, { expires_in: 0 }],
      ["par-error", 400, { error: "invalid_request" }],
      ["par-status-200", 200, { request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:/) }],
    ] as const)("%s", async (name, status, body) => {
      on(name);
      const reply = await push();
      expect(reply.status).toBe(status);
      expect(reply.json).toMatchObject(body);
      expect(sandbox.events.at(-1)?.status).toBe(status);
    });
  });

  describe("of the authorization response", () => {
    const respond = async (partner: Partner): Promise<URLSearchParams> =>
      new URL(await sandbox.approve((await partner.begin()).url)).searchParams;

    it.each([
      ["response-iss-missing", { code: expect.any(String), state: expect.any(String) }],
      ["response-iss-wrong", { code: expect.any(String), state: expect.any(String), iss: "https://impostor.example" }],
      ["response-state-missing", { code: expect.any(String), iss: expect.any(String) }],
      ["response-state-wrong", { code: expect.any(String), state: "state-of-somebody-else", iss: expect.any(String) }],
      ["response-without-code-or-error", { state: expect.any(String), iss: expect.any(String) }],
      ["response-jarm-when-plain-expected", { response: expect.any(String) }],
    ] as const)("%s in a plain one", async (name, expected) => {
      on(name);
      expect(Object.fromEntries(await respond(plain))).toEqual(expected);
    });

    it.each([
      ["response-state-missing", (claims: object) => expect(claims).not.toHaveProperty("state")],
      ["response-state-wrong", (claims: object) => expect(claims).toMatchObject({ state: "state-of-somebody-else" })],
      ["response-without-code-or-error", (claims: object) => expect(claims).not.toHaveProperty("code")],
      ["error-inside-jarm", (claims: object) => expect(claims).toMatchObject({ error: "server_error" })],
      ["jarm-iss-missing", (claims: object) => expect(claims).not.toHaveProperty("iss")],
      ["jarm-iss-wrong", (claims: object) => expect(claims).toMatchObject({ iss: "https://impostor.example" })],
      ["jarm-aud-missing", (claims: object) => expect(claims).not.toHaveProperty("aud")],
      ["jarm-aud-wrong", (claims: object) => expect(claims).toMatchObject({ aud: "another-partner" })],
      ["jarm-exp-missing", (claims: object) => expect(claims).not.toHaveProperty("exp")],
      ["jarm-expired", ({ exp = 0 }: { exp?: number }) => expect(exp).toBeLessThan(Date.now() / 1000 - 60)],
      ["jarm-too-large", (claims: object) => expect(JSON.stringify(claims).length).toBeGreaterThan(60_000)],
    ] as const)("%s in a signed one, which is signed well", async (name, check) => {
      on(name);
      const response = (await respond(signing)).get("response") ?? "";
      const claims = decodeJwt(response);
      check(claims);
      await compactVerify(response, createLocalJWKSet(await jwks()), { algorithms: ["ES256"] });
      if (!name.startsWith("jarm-")) expect(claims).toMatchObject({ iss: issuer, aud: signing.client.clientId });
    });

    it("response-plain-when-jarm-expected", async () => {
      on("response-plain-when-jarm-expected");
      expect(Object.fromEntries(await respond(signing))).toEqual({
        code: expect.any(String),
        state: expect.any(String),
      });
    });

    it("error-outside-jarm", async () => {
      on("error-outside-jarm");
      const parameters = Object.fromEntries(await respond(signing));
      expect(parameters).toMatchObject({ error: "server_error", state: expect.any(String) });
      expect(parameters).not.toHaveProperty("code");
    });

    it.each(["response-replayed", "response-state-of-another-browser"] as const)(
      "%s: another response comes back, as it was",
      async name => {
        const struck = sandbox.faults.struck(name);
        for (const partner of [plain, signing]) {
          const earlier = await sandbox.approve((await partner.begin()).url);
          on(name, { times: 1, clientId: partner.client.clientId });
          expect(await sandbox.approve((await partner.begin()).url)).toBe(earlier);
          expect(await sandbox.approve((await partner.begin()).url)).not.toBe(earlier);
        }
        expect(sandbox.faults.struck(name)).toBe(struck + 2);
      },
    );

    it("response-replayed: the last one that was made, not the last that came back", async () => {
      const stateOf = (callback: string) => new URL(callback).searchParams.get("state");
      await sandbox.decline((await plain.begin()).url);
      on("response-replayed");
      const [second, third] = [await plain.begin(), await plain.begin()];
      const refused = new URL(await sandbox.approve(second.url));
      expect(refused.searchParams.get("error")).toBe("access_denied");
      expect(stateOf(await sandbox.approve(third.url))).toBe(second.checks.expectedState);
    });

    it("response-replayed: the own one where there is none before", async () => {
      await using fresh = await startSandbox();
      fresh.faults.on("response-replayed");
      const partner = new Partner(fresh, "fapi2-security");
      await partner.link();
      expect(fresh.faults.struck("response-replayed")).toBe(0);
      await expect(partner.link()).rejects.toMatchObject({
        cause: { message: expect.stringContaining("state") },
      });
      expect(fresh.faults.struck("response-replayed")).toBe(1);
      await partner.close();
    });

    it("response-duplicated-parameter", async () => {
      on("response-duplicated-parameter");
      expect((await respond(plain)).getAll("code")).toHaveLength(2);
      expect((await respond(signing)).getAll("response")).toHaveLength(2);
    });

    it("jarm-alg-none", async () => {
      on("jarm-alg-none");
      expect(signatureOf((await respond(signing)).get("response"))).toEqual({ alg: "none", bytes: 0 });
    });

    it("jarm-alg-rs256-published-key", async () => {
      on("jarm-alg-rs256-published-key");
      const response = (await respond(signing)).get("response") ?? "";
      await compactVerify(response, createLocalJWKSet(await jwks()), { algorithms: ["RS256"] });
    });

    it.each([
      ["jarm-signature-bad", /signature verification failed/],
      ["jarm-key-unknown", /no applicable key/],
    ] as const)("%s", async (name, reason) => {
      on(name);
      const response = (await respond(signing)).get("response") ?? "";
      expect(decodeProtectedHeader(response).alg).toBe("ES256");
      await expect(compactVerify(response, createLocalJWKSet(await jwks()))).rejects.toThrow(reason);
    });
  });

  describe("of the tokens", () => {
    /** The token response as it is, unchecked. */
    const redeem = async (): Promise<Reply> => {
      const { url, checks } = await plain.begin();
      const callback = new URL(await sandbox.approve(url));
      const { mtls_endpoint_aliases: at = {} } = (await plain.configuration()).serverMetadata();
      return plain.call(String(at.token_endpoint), {
        form: {
          grant_type: "authorization_code",
          client_id: plain.client.clientId,
          redirect_uri: plain.client.redirectUri,
          code: callback.searchParams.get("code") ?? "",
          code_verifier: String(checks.pkceCodeVerifier),
        },
      });
    };

    it.each([
      ["id-token-iss-missing", { iss: undefined }],
      ["id-token-iss-wrong", { iss: "https://impostor.example" }],
      ["id-token-aud-missing", { aud: undefined }],
      ["id-token-aud-wrong", { aud: "another-partner" }],
      ["id-token-aud-second-untrusted", { aud: ["partner-fapi2-security", "another-partner"] }],
      ["id-token-aud-array-valid", { aud: ["partner-fapi2-security"] }],
      ["id-token-nonce-missing", { nonce: undefined }],
      ["id-token-nonce-wrong", { nonce: "nonce-of-somebody-else" }],
      ["id-token-exp-missing", { exp: undefined }],
      ["id-token-at-hash-wrong", { at_hash: "AAAAAAAAAAAAAAAAAAAAAA" }],
      ["id-token-at-hash-absent", { at_hash: undefined }],
    ] as const)("%s, signed well", async (name, expected) => {
      on(name);
      const { id_token: idToken } = (await redeem()).json;
      const claims = decodeJwt(idToken);
      for (const [claim, value] of Object.entries(expected)) expect(claims[claim]).toEqual(value);
      await compactVerify(idToken, createLocalJWKSet(await jwks()), { algorithms: ["ES256"] });
    });

    it("id-token-expired", async () => {
      on("id-token-expired");
      expect(decodeJwt((await redeem()).json.id_token).exp).toBeLessThan(Date.now() / 1000 - 60);
    });

    it.each([
      ["id-token-iat-future", 3600],
      ["id-token-iat-old", -7 * 86_400],
    ] as const)("%s, and ends later", async (name, offset) => {
      on(name);
      const { id_token: idToken } = (await redeem()).json;
      const { iat = 0, exp = 0 } = decodeJwt(idToken);
      expect(Math.abs(iat - Date.now() / 1000 - offset)).toBeLessThan(30);
      expect(exp).toBeGreaterThan(Math.max(iat, Date.now() / 1000) + 1800);
      await compactVerify(idToken, createLocalJWKSet(await jwks()), { algorithms: ["ES256"] });
    });

    it("id-token-alg-none", async () => {
      on("id-token-alg-none");
      expect(signatureOf((await redeem()).json.id_token)).toEqual({ alg: "none", bytes: 0 });
    });

    it("id-token-alg-rs256", async () => {
      on("id-token-alg-rs256");
      await compactVerify((await redeem()).json.id_token, createLocalJWKSet(await jwks()), { algorithms: ["RS256"] });
    });

    it("id-token-signature-bad", async () => {
      on("id-token-signature-bad");
      const verification = compactVerify((await redeem()).json.id_token, createLocalJWKSet(await jwks()));
      await expect(verification).rejects.toThrow(/signature verification failed/);
    });

    it.each([
      ["token-type-dpop", { token_type: "DPoP" }],
      ["token-type-case", { token_type: "bEARER" }],
      ["token-no-expires-in", { expires_in: undefined }],
      ["token-no-scope", { scope: undefined }],
      ["token-scope-narrowed", { scope: expect.not.stringContaining("grant_management_revoke") }],
    ] as const)("%s", async (name, expected) => {
      on(name);
      const { status, json } = await redeem();
      expect(status).toBe(200);
      for (const [member, value] of Object.entries(expected)) expect(json[member]).toEqual(value);
    });

    it("token-response-html", async () => {
      on("token-response-html");
      const reply = await redeem();
      expect([reply.status, reply.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
      expect(reply.text).toContain("<h1>");
    });

    it("token-response-huge", async () => {
      on("token-response-huge");
      expect((await redeem()).text.length).toBeGreaterThan(10 * 1024 * 1024);
    });

    it("token-endpoint-redirect", async () => {
      on("token-endpoint-redirect");
      const reply = await redeem();
      expect([reply.status, reply.headers["location"]]).toEqual([307, "/elsewhere"]);
    });

    it("token-bound-to-another-certificate", async () => {
      on("token-bound-to-another-certificate");
      const tokens = (await redeem()).json;
      expect((await plain.call("/accounts", { token: tokens.access_token })).status).toBe(401);
    });

    it("id-token-sub-changed-on-refresh, refresh-response-lost", async () => {
      on("id-token-sub-changed-on-refresh");
      on("refresh-response-lost");
      const tokens = (await redeem()).json as Tokens;
      expect(decodeJwt(tokens.id_token ?? "").sub).not.toBe("somebody-else");
      await expect(plain.refresh(tokens.refresh_token ?? "")).rejects.toThrow();
      expect(sandbox.events.at(-1)).toMatchObject({
        endpoint: "token",
        status: 0,
        detail: { grantType: "refresh_token" },
      });
      sandbox.faults.off("refresh-response-lost");
      const refreshed = await plain.refresh(tokens.refresh_token ?? "");
      expect(refreshed.claims?.sub).toBe("somebody-else");
    });
  });
});

function signatureOf(token: string | null): { alg: string | undefined; bytes: number } {
  const [, , signature = ""] = (token ?? "").split(".");
  return { alg: decodeProtectedHeader(token ?? "").alg, bytes: signature.length };
}
