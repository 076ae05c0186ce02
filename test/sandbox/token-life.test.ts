import { setTimeout as sleep } from "node:timers/promises";
import { compactVerify, createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Reply, SCOPE, thumbprint } from "./partner.js";

const INTROSPECTION_JWT = "application/token-introspection+jwt";

describe("around the life of a token", () => {
  let sandbox: Sandbox;
  let partner: Partner;
  let other: Partner;
  let at: Record<string, string>;
  beforeAll(async () => {
    sandbox = await startSandbox({ rotateRefreshTokens: true });
    partner = new Partner(sandbox, "fapi2-message-signing");
    other = new Partner(sandbox, "fapi2-security");
    at = (await partner.configuration()).serverMetadata().mtls_endpoint_aliases as Record<string, string>;
  });
  afterEach(() => sandbox.faults.off());
  afterAll(async () => {
    await Promise.all([partner.close(), other.close()]);
    await sandbox.close();
  });

  const on: Sandbox["faults"]["on"] = (name, scope) => sandbox.faults.on(name, scope);
  const jwks = async (): Promise<JSONWebKeySet> => (await partner.call(`${sandbox.issuer}/jwks`)).json;
  const formOf = (token: string, { client } = partner) => ({ client_id: client.clientId, token });
  const introspect = (token: string, accept?: string): Promise<Reply> =>
    partner.call(at["introspection_endpoint"] ?? "", {
      form: formOf(token),
      ...(accept === undefined ? {} : { headers: { accept } }),
    });
  const revoke = (token: string, by = partner): Promise<Reply> =>
    by.call(at["revocation_endpoint"] ?? "", { form: formOf(token, by) });

  describe("introspection", () => {
    it("tells a client of its own tokens", async () => {
      const tokens = await partner.link();
      const { json } = await introspect(tokens.access_token);
      expect(json).toMatchObject({
        active: true,
        client_id: partner.client.clientId,
        sub: tokens.claims?.sub,
        scope: tokens.scope,
        token_type: "Bearer",
        cnf: { "x5t#S256": thumbprint(partner.client.certificate.cert) },
      });
      expect((await introspect(tokens.refresh_token ?? "")).json).toMatchObject({ active: true, scope: tokens.scope });
    });

    it("tells nothing of another's, of unknown ones, and of those whose grant has ended", async () => {
      const foreign = await other.link();
      expect((await introspect(foreign.access_token)).json).toEqual({ active: false });
      expect((await introspect("unknown")).json).toEqual({ active: false });
      const { access_token: token, grant_id: id } = await partner.link();
      const release = { token, method: "DELETE" } as const;
      expect((await partner.call(`${at["grant_management_endpoint"]}/${id}`, release)).status).toBe(204);
      expect((await introspect(token)).json).toEqual({ active: false });
    });

    it("is signed for those who ask for it (RFC 9701)", async () => {
      const { access_token: token } = await partner.link();
      for (const active of [true, false]) {
        const reply = await introspect(active ? token : "unknown", INTROSPECTION_JWT);
        expect(reply.headers["content-type"]).toContain(INTROSPECTION_JWT);
        const { payload, protectedHeader } = await compactVerify(reply.text, createLocalJWKSet(await jwks()));
        expect(protectedHeader).toMatchObject({ alg: "ES256", typ: "token-introspection+jwt" });
        expect(JSON.parse(Buffer.from(payload).toString())).toMatchObject({
          iss: sandbox.issuer,
          aud: partner.client.clientId,
          iat: expect.any(Number),
          token_introspection: { active },
        });
      }
      const { introspection_signing_alg_values_supported: algs } = (await partner.configuration()).serverMetadata();
      expect(algs).toEqual(["PS256", "ES256"]);
    });

    it("introspection-active-not-boolean", async () => {
      on("introspection-active-not-boolean");
      const { access_token: token } = await partner.link();
      expect((await introspect(token)).json.active).toBe("true");
      const signed = decodeJwt((await introspect("unknown", INTROSPECTION_JWT)).text);
      expect(signed["token_introspection"]).toEqual({ active: "false" });
    });

    it("introspection-plain-when-signed-expected", async () => {
      on("introspection-plain-when-signed-expected");
      const reply = await introspect((await partner.link()).access_token, INTROSPECTION_JWT);
      expect(reply.headers["content-type"]).toContain("application/json");
      expect(reply.json.active).toBe(true);
    });

    it("introspection-signature-bad", async () => {
      on("introspection-signature-bad");
      const { text } = await introspect("unknown", INTROSPECTION_JWT);
      const verification = compactVerify(text, createLocalJWKSet(await jwks()));
      await expect(verification).rejects.toThrow(/signature verification failed/);
    });

    it("introspection-key-unknown", async () => {
      on("introspection-key-unknown");
      const { text } = await introspect("unknown", INTROSPECTION_JWT);
      expect(decodeProtectedHeader(text)).toMatchObject({ alg: "ES256", typ: "token-introspection+jwt" });
      await expect(compactVerify(text, createLocalJWKSet(await jwks()))).rejects.toThrow(/no applicable key/);
    });

    it("introspection-alg-none", async () => {
      on("introspection-alg-none");
      const { text } = await introspect("unknown", INTROSPECTION_JWT);
      expect(decodeProtectedHeader(text)).toEqual({ alg: "none", typ: "token-introspection+jwt" });
      expect(text).toMatch(/\.$/);
    });

    it("introspection-alg-rs256", async () => {
      on("introspection-alg-rs256");
      const { text } = await introspect("unknown", INTROSPECTION_JWT);
      await compactVerify(text, createLocalJWKSet(await jwks()), { algorithms: ["RS256"] });
    });

    it.each([
      ["introspection-aud-wrong", { aud: "another-partner" }, {}],
      ["introspection-iss-wrong", { iss: "https://impostor.example" }, {}],
      ["introspection-typ-wrong", {}, { typ: "JWT" }],
    ] as const)("%s, signed well", async (name, claims, header) => {
      on(name);
      const { text } = await introspect("unknown", INTROSPECTION_JWT);
      const { iss, aud } = { iss: sandbox.issuer, aud: partner.client.clientId };
      expect(decodeJwt(text)).toMatchObject({ iss, aud, ...claims });
      expect(decodeProtectedHeader(text)).toMatchObject({ typ: "token-introspection+jwt", ...header });
      await compactVerify(text, createLocalJWKSet(await jwks()), { algorithms: ["ES256"] });
    });
  });

  describe("revocation", () => {
    it("of a refresh token ends the tokens' use, and not the grant", async () => {
      const { refresh_token: token = "", grant_id: id } = await partner.link();
      const query = await partner.link();
      expect((await revoke(token)).status).toBe(200);
      await expect(partner.refresh(token)).rejects.toMatchObject({ error: "invalid_grant" });
      const grant = await partner.call(`${at["grant_management_endpoint"]}/${id}`, { token: query.access_token });
      expect(grant.json.status).toBe("active");
    });

    it("is content with unknown tokens, and leaves another's alone", async () => {
      expect((await revoke("unknown")).status).toBe(200);
      const { access_token: token } = await partner.link();
      expect((await revoke(token, other)).status).toBe(200);
      expect((await partner.call("/accounts", { token })).status).toBe(200);
    });

    it("revocation-503: nothing is revoked", async () => {
      const { access_token: token } = await partner.link();
      on("revocation-503", { clientId: partner.client.clientId, times: 1 });
      expect((await revoke("unknown", other)).status).toBe(200);
      const reply = await revoke(token);
      expect([reply.status, reply.headers["retry-after"]]).toEqual([503, "120"]);
      const { clientId } = partner.client;
      expect(sandbox.events.at(-1)).toMatchObject({ endpoint: "revocation", status: 503, clientId });
      expect((await partner.call("/accounts", { token })).status).toBe(200);
      expect((await revoke(token)).status).toBe(200);
      expect((await partner.call("/accounts", { token })).status).toBe(401);
    });
  });

  describe("userinfo", () => {
    const userinfo = (token: string, by = partner) => by.call(at["userinfo_endpoint"] ?? "", { token });

    it("is JSON, for the certificate that the token is bound to", async () => {
      const { access_token: token, claims } = await partner.link();
      const reply = await userinfo(token);
      expect([reply.status, reply.json]).toEqual([200, { sub: claims?.sub }]);
      expect(reply.headers["content-type"]).toContain("application/json");
      const stranger = await userinfo(token, other);
      expect([stranger.status, stranger.json.error]).toEqual([401, "invalid_token"]);
    });

    it("userinfo-sub-wrong", async () => {
      on("userinfo-sub-wrong");
      expect((await userinfo((await partner.link()).access_token)).json).toEqual({ sub: "somebody-else" });
    });
  });

  describe("refreshing", () => {
    it("refresh-invalid-grant-after-race: the bank does not know the token, which comes to no harm", async () => {
      const { refresh_token: token = "" } = await partner.link();
      on("refresh-invalid-grant-after-race", { times: 1 });
      await expect(partner.refresh(token)).rejects.toMatchObject({ error: "invalid_grant" });
      expect((await partner.refresh(token)).refresh_token).not.toBe(token);
    });

    it("refresh-invalid-grant-after-race for one client", async () => {
      const [mine, theirs] = [await partner.link(), await other.link()];
      on("refresh-invalid-grant-after-race", { clientId: other.client.clientId });
      await partner.refresh(mine.refresh_token ?? "");
      await expect(other.refresh(theirs.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    });

    it("refresh-race: who comes while the first one waits is too late", async () => {
      const { refresh_token: token = "" } = await partner.link();
      on("refresh-race", { times: 1 });
      const [since, begun] = [sandbox.events.length, Date.now()];
      const [first, second] = await Promise.allSettled([
        partner.refresh(token),
        sleep(150).then(() => partner.refresh(token)),
      ]);
      expect(Date.now() - begun).toBeGreaterThanOrEqual(400);
      expect(first.status).toBe("fulfilled");
      expect(second).toMatchObject({ status: "rejected", reason: { error: "invalid_grant" } });
      expect(sandbox.events.slice(since).map(({ status }) => status)).toEqual([400, 200]);
    });

    it("refresh-race: nobody else waits", async () => {
      on("refresh-race", { clientId: other.client.clientId });
      await partner.refresh((await partner.link()).refresh_token ?? "");
      expect(sandbox.faults.struck("refresh-race")).toBe(1);
      await other.refresh((await other.link()).refresh_token ?? "");
      expect(sandbox.faults.struck("refresh-race")).toBe(2);
    });

    it("refresh-rotated-response-lost: the old token is used up, and the new one is known to the bank alone", async () => {
      const { refresh_token: token = "" } = await partner.link();
      on("refresh-rotated-response-lost", { times: 1 });
      await expect(partner.refresh(token)).rejects.toThrow();
      expect(sandbox.events.at(-1)).toMatchObject({ endpoint: "token", status: 0 });
      await expect(partner.refresh(token)).rejects.toMatchObject({ error: "invalid_grant" });
      expect(sandbox.events.at(-1)?.detail["reason"]).toMatch(/already used/);
    });
  });

  it("token-scope-narrowed: the bank keeps to what it has said", async () => {
    on("token-scope-narrowed", { times: 1 });
    const tokens = await partner.link("hanako", { scope: "openid offline_access balance identity" });
    expect(tokens.scope).toBe("openid offline_access balance");
    expect((await introspect(tokens.access_token)).json.scope).toBe(tokens.scope);
    expect((await partner.call("/identity", { token: tokens.access_token })).status).toBe(403);
    const refreshed = await partner.refresh(tokens.refresh_token ?? "");
    expect(refreshed.scope).toBe("openid offline_access balance identity");
    expect((await partner.link()).scope.split(" ").sort()).toEqual(SCOPE.split(" ").sort());
  });
});

describe("userinfo for a client that wants it signed", () => {
  let sandbox: Sandbox;
  let partner: Partner;
  beforeAll(async () => {
    sandbox = await startSandbox({ signedUserinfo: true });
    partner = new Partner(sandbox, "fapi1-advanced");
  });
  afterEach(() => sandbox.faults.off());
  afterAll(async () => {
    await partner.close();
    await sandbox.close();
  });

  const userinfo = async () => {
    const metadata = (await partner.configuration()).serverMetadata();
    expect(metadata.userinfo_signing_alg_values_supported).toEqual(["PS256", "ES256"]);
    const { access_token: token, claims } = await partner.link();
    const reply = await partner.call(metadata.mtls_endpoint_aliases?.userinfo_endpoint ?? "", { token });
    expect(reply.headers["content-type"]).toContain("application/jwt");
    return { token: reply.text, sub: claims?.sub };
  };
  const jwks = async () => createLocalJWKSet((await partner.call(`${sandbox.issuer}/jwks`)).json);

  it("is a JWT for that client", async () => {
    const { token, sub } = await userinfo();
    await compactVerify(token, await jwks(), { algorithms: ["PS256"] });
    expect(decodeJwt(token)).toMatchObject({ iss: sandbox.issuer, aud: partner.client.clientId, sub });
  });

  it("userinfo-sub-wrong, signed well", async () => {
    sandbox.faults.on("userinfo-sub-wrong");
    const { token } = await userinfo();
    await compactVerify(token, await jwks());
    expect(decodeJwt(token).sub).toBe("somebody-else");
  });

  it.each([
    ["userinfo-iss-wrong", { iss: "https://impostor.example" }],
    ["userinfo-aud-wrong", { aud: "another-partner" }],
  ] as const)("%s, signed well", async (name, expected) => {
    sandbox.faults.on(name);
    const { token, sub } = await userinfo();
    await compactVerify(token, await jwks(), { algorithms: ["PS256"] });
    expect(decodeJwt(token)).toMatchObject({ iss: sandbox.issuer, aud: partner.client.clientId, sub, ...expected });
  });

  it("userinfo-alg-none", async () => {
    sandbox.faults.on("userinfo-alg-none");
    const { token } = await userinfo();
    expect(decodeProtectedHeader(token).alg).toBe("none");
    expect(token).toMatch(/\.$/);
  });

  it("userinfo-alg-rs256", async () => {
    sandbox.faults.on("userinfo-alg-rs256");
    await compactVerify((await userinfo()).token, await jwks(), { algorithms: ["RS256"] });
  });

  it("userinfo-signature-bad", async () => {
    sandbox.faults.on("userinfo-signature-bad");
    const { token } = await userinfo();
    expect(decodeProtectedHeader(token).alg).toBe("PS256");
    await expect(compactVerify(token, await jwks())).rejects.toThrow(/signature verification failed/);
  });
});
