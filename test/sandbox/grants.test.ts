import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Reply } from "./partner.js";

const DAY = 86_400_000;
const START = Date.parse("2026-04-01T03:00:00Z");

describe("grant management", () => {
  let now = START;
  let sandbox: Sandbox;
  let partner: Partner;
  let endpoint: string;
  beforeAll(async () => {
    sandbox = await startSandbox({ now: () => now, grantDays: 10 });
    partner = new Partner(sandbox, "fapi2-security");
    const { mtls_endpoint_aliases: at = {} } = (await partner.configuration()).serverMetadata();
    endpoint = String((at as Record<string, unknown>)["grant_management_endpoint"]);
  });
  afterAll(async () => {
    await partner.close();
    await sandbox.close();
  });

  const read = (grantId: string, token: string): Promise<Reply> => partner.call(`${endpoint}/${grantId}`, { token });
  const release = (grantId: string, token: string): Promise<Reply> =>
    partner.call(`${endpoint}/${grantId}`, { token, method: "DELETE" });
  const extend = (grantId: string, token: string, expiresAt: unknown): Promise<Reply> =>
    partner.call(`${endpoint}/${grantId}/extensions`, { token, json: { expiresAt } });

  it("tells what was granted, since when and until when", async () => {
    const { grant_id: id, access_token: token } = await partner.link("hanako", {}, ["balance"]);
    const { status, json } = await read(id, token);
    expect(status).toBe(200);
    expect(json).toEqual({
      status: "active",
      scopes: ["openid", "offline_access", "balance", "grant_management_query", "grant_management_revoke"].map(
        scope => ({ scope }),
      ),
      createdAt: "2026-04-01T12:00:00+09:00",
      expiresAt: "2026-04-11T12:00:00+09:00",
      lastUpdatedAt: "2026-04-01T12:00:00+09:00",
    });
  });

  it("tells 401, 403 and 404 apart", async () => {
    const { grant_id: id, access_token: token } = await partner.link("hanako");
    const narrow = await partner.link("hanako", { scope: "openid balance" });
    expect((await partner.call(`${endpoint}/${id}`)).status).toBe(401);
    expect((await read(id, "unknown")).status).toBe(401);
    expect((await read(id, narrow.access_token)).status).toBe(403);
    expect((await release(id, narrow.access_token)).status).toBe(403);
    expect((await read("unknown", token)).status).toBe(404);
    const other = new Partner(sandbox, "fapi2-message-signing");
    const foreign = await other.link("hanako");
    expect((await other.call(`${endpoint}/${id}`, { token: foreign.access_token })).status).toBe(404);
    const stranger = new Partner(sandbox, "fapi2-security", sandbox.issueCertificate());
    expect((await stranger.call(`${endpoint}/${id}`, { token })).status).toBe(401);
    await Promise.all([other.close(), stranger.close()]);
  });

  it("releases a grant, and with it every token, at once", async () => {
    const link = await partner.link("hanako");
    const another = await partner.link("hanako");
    expect((await release(link.grant_id, link.access_token)).status).toBe(204);

    const refused = await partner.call("/accounts", { token: link.access_token });
    expect([refused.status, refused.json.code]).toEqual([403, "grant_revoked"]);
    await expect(partner.refresh(link.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    expect((await read(link.grant_id, another.access_token)).json.status).toBe("revoked");
    expect((await release(link.grant_id, another.access_token)).status).toBe(404);
    expect((await extend(link.grant_id, another.access_token, "2027-01-01")).status).toBe(404);
    expect((await partner.call("/accounts", { token: another.access_token })).status).toBe(200);
  });

  it("lets a grant expire, and extends one in time", async () => {
    const first = await partner.link("hanako");
    const second = await partner.link("hanako");
    const extended = await extend(second.grant_id, second.access_token, "2026-04-30");
    expect(extended.status).toBe(201);
    expect(extended.json).toMatchObject({ status: "active", expiresAt: "2026-04-30T23:59:59+09:00" });

    now = START + 10 * DAY;
    const refused = await partner.call("/accounts", { token: first.access_token });
    expect([refused.status, refused.json.code]).toEqual([403, "grant_expired"]);
    await expect(partner.refresh(first.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    expect((await partner.call("/accounts", { token: second.access_token })).status).toBe(200);
    expect((await read(first.grant_id, second.access_token)).json.status).toBe("expired");
    now = START;
  });

  it.each(["tomorrow", "2026-02-30", "2026-04-02", 20270101, undefined])("refuses to extend to %o", async expiresAt => {
    const { grant_id: id, access_token: token } = await partner.link("hanako");
    expect((await extend(id, token, expiresAt)).status).toBe(400);
  });

  it("merges: the grant stays, and grows", async () => {
    const first = await partner.link("hanako", { scope: "openid offline_access balance grant_management_query" });
    now = START + DAY;
    const second = await partner.link("hanako", {
      scope: "openid offline_access debit",
      grant_management_action: "merge",
      grant_id: first.grant_id,
    });
    now = START;
    expect(second.grant_id).toBe(first.grant_id);
    expect(second.scope.split(" ").sort()).toEqual(["debit", "offline_access", "openid"]);
    const query = await partner.link("hanako");
    expect((await read(first.grant_id, query.access_token)).json).toMatchObject({
      scopes: ["openid", "offline_access", "balance", "grant_management_query", "debit"].map(scope => ({ scope })),
      createdAt: "2026-04-01T12:00:00+09:00",
      expiresAt: "2026-04-12T12:00:00+09:00",
      lastUpdatedAt: "2026-04-02T12:00:00+09:00",
    });
    // The new tokens have taken the place of the old ones.
    expect((await partner.call("/accounts", { token: first.access_token })).status).toBe(401);
    await expect(partner.refresh(first.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
    expect((await partner.refresh(second.refresh_token ?? "")).grant_id).toBe(first.grant_id);
  });

  it("replaces: the grant stays, with what is allowed now", async () => {
    const first = await partner.link("hanako");
    const scope = "openid offline_access balance grant_management_query";
    const second = await partner.link("hanako", {
      scope,
      grant_management_action: "replace",
      grant_id: first.grant_id,
    });
    expect(second.grant_id).toBe(first.grant_id);
    const { json } = await read(first.grant_id, second.access_token);
    expect(json.scopes.map((entry: { scope: string }) => entry.scope).sort()).toEqual(scope.split(" ").sort());
  });

  it("creates a grant of its own for every authorization", async () => {
    const first = await partner.link("hanako", { grant_management_action: "create" });
    expect((await partner.link("hanako")).grant_id).not.toBe(first.grant_id);
  });

  it("refuses an action or a grant that does not fit", async () => {
    const { grant_id: id } = await partner.link("hanako");
    const other = new Partner(sandbox, "fapi2-message-signing");
    const foreign = await other.link("hanako");
    const attempts: [Record<string, string>, string][] = [
      [{ grant_management_action: "destroy" }, "invalid_request"],
      [{ grant_management_action: "merge" }, "invalid_request"],
      [{ grant_management_action: "create", grant_id: id }, "invalid_request"],
      [{ grant_id: id }, "invalid_request"],
      [{ grant_management_action: "merge", grant_id: "unknown" }, "invalid_grant_id"],
      [{ grant_management_action: "replace", grant_id: foreign.grant_id }, "invalid_grant_id"],
    ];
    for (const [parameters, error] of attempts) {
      await expect(partner.begin(parameters)).rejects.toMatchObject({ error });
    }
    const merge = { grant_management_action: "merge", grant_id: id };
    await expect(partner.link("reiko", merge)).rejects.toMatchObject({ error: "invalid_grant_id" });
    await other.close();
  });
});
