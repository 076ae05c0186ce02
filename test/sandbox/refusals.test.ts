import { importJWK, SignJWT } from "jose";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, type SandboxProfile, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Reply } from "./partner.js";

const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

describe("what the authorization server refuses", () => {
  let sandbox: Sandbox;
  let partners: Record<SandboxProfile, Partner>;
  beforeAll(async () => {
    sandbox = await startSandbox();
    partners = {
      "fapi1-advanced": new Partner(sandbox, "fapi1-advanced"),
      "fapi2-security": new Partner(sandbox, "fapi2-security"),
      "fapi2-message-signing": new Partner(sandbox, "fapi2-message-signing"),
    };
  });
  afterAll(async () => {
    for (const partner of Object.values(partners)) await partner.close();
    await sandbox.close();
  });

  const parameters = (profile: SandboxProfile): Record<string, string> => ({
    client_id: sandbox.client(profile).clientId,
    response_type: "code",
    redirect_uri: sandbox.client(profile).redirectUri,
    scope: "openid balance",
    state: "a-state",
    nonce: "a-nonce",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
    ...(profile === "fapi2-security" ? {} : { response_mode: "jwt" }),
  });

  const without = (all: Record<string, string>, ...names: string[]): Record<string, string> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));

  const push = async (profile: SandboxProfile, form: Record<string, string>): Promise<Reply> => {
    const { mtls_endpoint_aliases: at = {} } = (await partners[profile].configuration()).serverMetadata();
    return partners[profile].call(String(at.pushed_authorization_request_endpoint), { form });
  };

  const signed = async (profile: SandboxProfile, claims: Record<string, unknown>, alg?: string): Promise<string> => {
    const client = sandbox.client(profile);
    if (!("signing" in client)) throw new Error("this profile does not sign");
    const key = await importJWK({ ...client.signing.key, alg: alg ?? client.signing.alg }, alg ?? client.signing.alg);
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ iss: client.clientId, aud: sandbox.issuer, iat: now, nbf: now, exp: now + 60, ...claims })
      .setProtectedHeader({ alg: alg ?? client.signing.alg, typ: "oauth-authz-req+jwt", kid: client.signing.kid })
      .sign(key);
  };

  const lastReason = () => sandbox.events.at(-1)?.detail["reason"];

  it("a push without PKCE", async () => {
    const reply = await push(
      "fapi2-security",
      without(parameters("fapi2-security"), "code_challenge", "code_challenge_method"),
    );
    expect([reply.status, reply.json.error]).toEqual([400, "invalid_request"]);
    expect(lastReason()).toMatch(/PKCE/);
  });

  it("plain PKCE", async () => {
    const reply = await push("fapi2-security", { ...parameters("fapi2-security"), code_challenge_method: "plain" });
    expect([reply.status, reply.json.error]).toEqual([400, "invalid_request"]);
  });

  it("a push without, or with another, redirect_uri", async () => {
    expect((await push("fapi2-security", without(parameters("fapi2-security"), "redirect_uri"))).status).toBe(400);
    const foreign = { ...parameters("fapi2-security"), redirect_uri: "https://impostor.example/callback" };
    expect((await push("fapi2-security", foreign)).status).toBe(400);
  });

  it.each(["fapi2-message-signing", "fapi1-advanced"] as const)("an unsigned push by %s", async profile => {
    const reply = await push(profile, parameters(profile));
    expect([reply.status, reply.json.error]).toEqual([400, "invalid_request"]);
    expect(sandbox.events.at(-1)?.detail).toMatchObject({
      signed: false,
      reason: "Request Object must be used by this client",
    });
  });

  it("a plain response for a profile with JARM, and JARM for the one without", async () => {
    const request = await signed(
      "fapi2-message-signing",
      without(parameters("fapi2-message-signing"), "response_mode"),
    );
    const plain = await push("fapi2-message-signing", { client_id: "partner-fapi2-message-signing", request });
    expect(plain.status).toBe(400);
    expect((await push("fapi2-security", { ...parameters("fapi2-security"), response_mode: "jwt" })).status).toBe(400);
  });

  it("a request object that lasts too long, is another bank's, or has another algorithm", async () => {
    const now = Math.floor(Date.now() / 1000);
    const attempts: [Record<string, unknown>, string?][] = [
      [{ exp: now + 4000 }],
      [{ aud: "https://other.example" }],
      [{ iss: "somebody-else" }],
      [{}, "RS256"],
    ];
    for (const [claims, alg] of attempts) {
      const object = await signed("fapi1-advanced", { ...parameters("fapi1-advanced"), ...claims }, alg);
      const reply = await push("fapi1-advanced", { client_id: "partner-fapi1-advanced", request: object });
      expect([reply.status, reply.json.error]).toEqual([400, "invalid_request_object"]);
    }
  });

  it.each(["fapi2-security", "fapi2-message-signing"] as const)(
    "an authorization by %s that was not pushed",
    async profile => {
      const url = new URL(`${sandbox.issuer}/authorize`);
      for (const [name, value] of Object.entries(parameters(profile))) url.searchParams.set(name, value);
      const callback = new URL(await sandbox.approve(url));
      const error = callback.searchParams.get("error") ?? callback.searchParams.get("response");
      expect(error).toBeTruthy();
      expect(callback.searchParams.has("code")).toBe(false);
      expect(lastReason()).toMatch(/Pushed Authorization Request must be used/);
    },
  );

  it("an unsigned authorization request by value in FAPI 1.0", async () => {
    const url = new URL(`${sandbox.issuer}/authorize`);
    for (const [name, value] of Object.entries(parameters("fapi1-advanced"))) url.searchParams.set(name, value);
    await sandbox.approve(url);
    expect(lastReason()).toMatch(/Request Object must be used/);
  });

  it("a request_uri that was used before", async () => {
    const { url } = await partners["fapi2-security"].begin();
    await sandbox.approve(url);
    await expect(sandbox.approve(url)).rejects.toThrow(/invalid_request_uri/);
  });

  it("a code that was used before, and kills what came of it", async () => {
    const partner = partners["fapi2-security"];
    const { url, checks } = await partner.begin();
    const callback = await sandbox.approve(url);
    const tokens = await partner.complete(callback, checks);
    await expect(partner.complete(callback, checks)).rejects.toMatchObject({ error: "invalid_grant" });
    expect(lastReason()).toMatch(/already consumed/);
    expect((await partner.call("/accounts", { token: tokens.access_token })).status).toBe(401);
  });

  it("a code with another verifier", async () => {
    const partner = partners["fapi2-security"];
    const { url, checks } = await partner.begin();
    const callback = await sandbox.approve(url);
    const wrong = { ...checks, pkceCodeVerifier: "x".repeat(43) };
    await expect(partner.complete(callback, wrong)).rejects.toMatchObject({ error: "invalid_grant" });
  });

  it("another client's code", async () => {
    const { url, checks } = await partners["fapi2-security"].begin();
    const callback = new URL(await sandbox.approve(url));
    const { mtls_endpoint_aliases: at = {} } = (await partners["fapi1-advanced"].configuration()).serverMetadata();
    const reply = await partners["fapi1-advanced"].call(String(at.token_endpoint), {
      form: {
        grant_type: "authorization_code",
        client_id: "partner-fapi1-advanced",
        code: callback.searchParams.get("code") ?? "",
        redirect_uri: sandbox.client("fapi1-advanced").redirectUri,
        code_verifier: String(checks.pkceCodeVerifier),
      },
    });
    expect([reply.status, reply.json.error]).toEqual([400, "invalid_grant"]);
  });

  it("every authenticated call on the plain origin", async () => {
    const dispatcher = new Agent({ connect: { ca: sandbox.ca, ...certificateOf("fapi2-security") } });
    for (const path of ["/par", "/token", "/introspect", "/revoke"]) {
      const body = new URLSearchParams({
        ...parameters("fapi2-security"),
        grant_type: "refresh_token",
        token: "x",
      }).toString();
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const reply = await request(`${sandbox.issuer}${path}`, { dispatcher, method: "POST", headers, body });
      expect(await reply.body.json()).toMatchObject({ error: "invalid_client" });
      expect(reply.statusCode).toBe(401);
      expect(lastReason()).toBe("client certificate was not provided");
    }
    const grants = await request(`${sandbox.issuer}/grants/x`, { dispatcher, headers: { authorization: "Bearer x" } });
    expect(grants.statusCode).toBe(401);
    const api = await request(`${sandbox.issuer}/v1/accounts`, { dispatcher });
    expect(api.statusCode).toBe(404);
    await dispatcher.destroy();
  });

  it("pages on the origin for servers", async () => {
    const origin = new URL(sandbox.apiBaseUrl).origin;
    for (const path of ["/authorize", "/interaction/x", "/.well-known/openid-configuration", "/nowhere"]) {
      expect((await partners["fapi2-security"].call(`${origin}${path}`)).status).toBe(404);
    }
  });

  function certificateOf(profile: SandboxProfile): { cert: string; key: string } {
    const { cert, key } = sandbox.client(profile).certificate;
    return { cert, key };
  }
});

describe("the metadata", () => {
  it("offers what there is, and nothing else", async () => {
    await using sandbox = await startSandbox();
    const partner = new Partner(sandbox, "fapi2-security");
    const metadata = (await partner.configuration()).serverMetadata();
    const aliases = metadata.mtls_endpoint_aliases ?? {};
    expect(metadata.issuer).toBe(sandbox.issuer);
    for (const [name, url] of Object.entries(aliases)) {
      expect(new URL(String(url)).origin).toBe(new URL(sandbox.apiBaseUrl).origin);
      expect(new URL(String(metadata[name])).origin).toBe(sandbox.issuer);
    }
    expect(Object.keys(aliases)).toContain("grant_management_endpoint");
    expect(metadata).toMatchObject({
      response_modes_supported: ["query", "jwt", "query.jwt"],
      response_types_supported: ["code"],
      token_endpoint_auth_methods_supported: ["tls_client_auth"],
      id_token_signing_alg_values_supported: ["PS256", "ES256"],
      grant_management_actions_supported: ["query", "revoke", "create", "merge", "replace"],
      tls_client_certificate_bound_access_tokens: true,
      authorization_response_iss_parameter_supported: true,
    });
    await partner.close();
  });
});
