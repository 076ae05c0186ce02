import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, type SandboxProfile, startSandbox } from "../../src/sandbox/index.js";
import { Partner, thumbprint } from "./partner.js";

const PROFILES: readonly SandboxProfile[] = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"];

describe("the whole journey", () => {
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

  it.each(PROFILES)("links, reads and charges by %s", async profile => {
    const partner = partners[profile];
    const tokens = await partner.link();
    expect(tokens).toMatchObject({
      grant_id: expect.any(String),
      refresh_token: expect.any(String),
      token_type: expect.stringMatching(/^bearer$/i),
      expires_in: 300,
    });
    expect(tokens.claims).toMatchObject({ at_hash: expect.any(String), aud: partner.client.clientId });

    const { json } = await partner.call("/accounts", { token: tokens.access_token });
    expect(json.accounts).toEqual([
      {
        accountId: "acc-hanako-ordinary",
        branchCode: "001",
        branchName: "見本支店",
        accountTypeCode: "ordinary",
        accountNumber: "0001201",
        accountName: "見本 花子",
        accountNameKana: "ﾐﾎﾝ ﾊﾅｺ",
        currencyCode: "JPY",
      },
      expect.objectContaining({ accountTypeCode: "savings", accountNumber: "0003401" }),
    ]);

    const before = sandbox.ledger.balance("acc-hanako-ordinary");
    const debit = await partner.debit(tokens.access_token, { amount: 1980 });
    expect([debit.status, debit.json.status]).toEqual([201, "succeeded"]);
    expect(sandbox.ledger.balance("acc-hanako-ordinary")).toBe(before - 1980);
    expect(sandbox.ledger.entriesOf(debit.json.debitId)).toMatchObject([{ amount: -1980 }]);
  });

  it("takes a signed request by value for FAPI 1.0", async () => {
    const partner = partners["fapi1-advanced"];
    const { url, checks } = await partner.begin({}, true);
    expect(url.searchParams.has("request_uri")).toBe(false);
    const tokens = await partner.complete(await sandbox.approve(url), checks);
    expect((await partner.call("/accounts", { token: tokens.access_token })).status).toBe(200);
  });

  it("answers in the form of each profile", async () => {
    for (const profile of PROFILES) {
      const { url, checks } = await partners[profile].begin();
      const callback = new URL(await sandbox.approve(url));
      expect(`${callback.origin}${callback.pathname}`).toBe(partners[profile].client.redirectUri);
      const names = [...callback.searchParams.keys()];
      if (profile === "fapi2-security") {
        expect(names.sort()).toEqual(["code", "iss", "state"]);
        expect(callback.searchParams.get("iss")).toBe(sandbox.issuer);
      } else {
        expect(names).toEqual(["response"]);
        const claims = decodeJwt(callback.searchParams.get("response") ?? "");
        expect(claims).toMatchObject({ iss: sandbox.issuer, state: checks.expectedState, code: expect.any(String) });
      }
    }
  });

  it("signs for each client with the algorithm it has registered", async () => {
    for (const [profile, alg] of [
      ["fapi1-advanced", "PS256"],
      ["fapi2-security", "ES256"],
    ] as const) {
      const { id_token: idToken = "" } = await partners[profile].link();
      const header = JSON.parse(Buffer.from(idToken.split(".")[0] ?? "", "base64url").toString());
      expect(header.alg).toBe(alg);
    }
  });

  it("lets the customer say no", async () => {
    const { url, checks } = await partners["fapi2-message-signing"].begin();
    const callback = await sandbox.decline(url, { customer: "reiko" });
    await expect(partners["fapi2-message-signing"].complete(callback, checks)).rejects.toMatchObject({
      error: "access_denied",
    });
  });

  it("refuses to link an account that can't be linked", async () => {
    await expect(partners["fapi2-security"].link("jiro")).rejects.toMatchObject({
      error: "access_denied",
      error_description: "the account can't be linked to this partner",
    });
  });

  it("lets the customer allow less than was asked for", async () => {
    const partner = partners["fapi2-security"];
    const tokens = await partner.link("reiko", {}, ["balance"]);
    expect(tokens.scope.split(" ")).toEqual(expect.arrayContaining(["openid", "offline_access", "balance"]));
    expect(tokens.scope).not.toMatch(/debit|identity|transactions/);
    expect((await partner.call("/identity", { token: tokens.access_token })).status).toBe(403);
  });

  it("gives a refresh token for offline_access, and to a request without openid", async () => {
    const partner = partners["fapi2-security"];
    expect(await partner.link("reiko", { scope: "openid balance" })).not.toHaveProperty("refresh_token");
    const { url, checks } = await partner.begin({ scope: "openid balance offline_access" });
    expect(await partner.complete(await sandbox.approve(url), checks)).toHaveProperty("refresh_token");
  });

  it("refreshes, and keeps the refresh token, the subject and the grant", async () => {
    const partner = partners["fapi1-advanced"];
    const first = await partner.link();
    const second = await partner.refresh(first.refresh_token ?? "");
    expect(second.refresh_token).toBe(first.refresh_token);
    expect(second.access_token).not.toBe(first.access_token);
    expect(second.grant_id).toBe(first.grant_id);
    expect(second.claims?.sub).toBe(first.claims?.sub);
    expect((await partner.call("/accounts", { token: second.access_token })).status).toBe(200);
  });

  it("answers userinfo, introspection and revocation", async () => {
    const partner = partners["fapi2-message-signing"];
    const { client } = partner;
    const { mtls_endpoint_aliases: at = {} } = (await partner.configuration()).serverMetadata();
    const { access_token: token, claims } = await partner.link();
    const form = { client_id: client.clientId, token };

    expect((await partner.call(at.userinfo_endpoint ?? "", { token })).json).toEqual({ sub: claims?.sub });
    const plain = await partner.call(at.introspection_endpoint ?? "", { form });
    expect(plain.json).toMatchObject({ active: true, cnf: { "x5t#S256": thumbprint(client.certificate.cert) } });
    const accept = "application/token-introspection+jwt";
    const signed = await partner.call(at.introspection_endpoint ?? "", { form, headers: { accept } });
    expect(signed.headers["content-type"]).toContain(accept);
    expect(decodeJwt(signed.text)["token_introspection"]).toMatchObject({ active: true });

    expect((await partner.call(at.revocation_endpoint ?? "", { form })).status).toBe(200);
    expect((await partner.call(at.introspection_endpoint ?? "", { form })).json).toEqual({ active: false });
    expect((await partner.call("/accounts", { token })).status).toBe(401);
  });

  it("keeps tokens, codes, secrets and people out of the events", async () => {
    const partner = partners["fapi2-message-signing"];
    const { url, checks } = await partner.begin();
    const callback = await sandbox.approve(url);
    const tokens = await partner.complete(callback, checks);
    await partner.call("/identity", { token: tokens.access_token });
    await partner.debit(tokens.access_token, { description: "ﾋﾐﾂﾉﾎﾝ" });

    const told = JSON.stringify(sandbox.events);
    const { code, response } = { code: codeIn(callback), response: new URL(callback).searchParams.get("response") };
    const secrets = [code, response, tokens.access_token, tokens.refresh_token, tokens.id_token, checks.expectedState];
    for (const secret of [...secrets, "見本", "ﾋﾐﾂﾉﾎﾝ", "sandbox-hanako", url.searchParams.get("request_uri")]) {
      expect(secret).toEqual(expect.any(String));
      expect(told).not.toContain(secret);
    }
  });

  it("says in the events what came in by which door", async () => {
    const start = sandbox.events.length;
    const partner = partners["fapi2-message-signing"];
    const tokens = await partner.link();
    const debit = await partner.debit(tokens.access_token, { amount: 500 });
    const events = sandbox.events.slice(start);
    const certificate = thumbprint(partner.client.certificate.cert);
    const { clientId } = partner.client;
    expect(events.find(({ endpoint }) => endpoint === "par")).toMatchObject({
      channel: "mtls",
      method: "POST",
      path: "/par",
      status: 201,
      clientId,
      certificate,
      detail: { signed: "ES256", kid: "signing" in partner.client ? partner.client.signing.kid : "" },
    });
    expect(events.find(({ endpoint }) => endpoint === "authorization")).toMatchObject({
      channel: "browser",
      status: 303,
      detail: { responseMode: "jwt" },
    });
    expect(events.find(({ endpoint }) => endpoint === "token")).toMatchObject({
      channel: "mtls",
      detail: { grantType: "authorization_code" },
    });
    expect(events.at(-1)).toMatchObject({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00$/),
      endpoint: "api",
      path: "/v1/direct-debits",
      interactionId: debit.headers["x-fapi-interaction-id"],
      detail: { debitId: debit.json.debitId, amount: 500 },
    });
  });
});

function codeIn(callback: string): string {
  return String(decodeJwt(new URL(callback).searchParams.get("response") ?? "")["code"]);
}
