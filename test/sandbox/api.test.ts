import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Tokens } from "./partner.js";

/** 2026-04-01 08:30 in Tokyo; still the last day of March in UTC. */
const NOW = Date.parse("2026-03-31T23:30:00Z");
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

describe("the API", () => {
  let sandbox: Sandbox;
  let partner: Partner;
  let hanako: Tokens;
  beforeAll(async () => {
    sandbox = await startSandbox({ now: () => NOW });
    partner = new Partner(sandbox, "fapi2-security");
    hanako = await partner.link("hanako");
  });
  afterAll(async () => {
    await partner.close();
    await sandbox.close();
  });

  const get = (path: string, token = hanako.access_token) => partner.call(path, { token });

  describe("every call", () => {
    it("echoes the interaction id, or makes one", async () => {
      const id = randomUUID();
      const headers = { "x-fapi-interaction-id": id };
      const echoed = await partner.call("/accounts", { token: hanako.access_token, headers });
      expect(echoed.headers["x-fapi-interaction-id"]).toBe(id);
      expect(sandbox.events.at(-1)?.interactionId).toBe(id);
      expect((await get("/accounts")).headers["x-fapi-interaction-id"]).toMatch(UUID);
    });

    it("needs a token, in the Authorization header only", async () => {
      const none = await partner.call("/accounts");
      expect([none.status, none.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
      const query = await get(`/accounts?access_token=${hanako.access_token}`);
      expect([query.status, query.json.code]).toEqual([400, "invalid_request"]);
      const unknown = await get("/accounts", "unknown");
      expect([unknown.status, unknown.json.code]).toEqual([401, "invalid_token"]);
      const headers = { authorization: `DPoP ${hanako.access_token}` };
      expect((await partner.call("/accounts", { headers })).status).toBe(401);
    });

    it("says in its event whether the customer is present, and not where", async () => {
      const headers = { "x-fapi-customer-ip-address": "192.0.2.7" };
      await partner.call("/accounts", { token: hanako.access_token, headers });
      expect(sandbox.events.at(-1)?.detail).toEqual({ customerPresent: true });
      await get("/accounts");
      expect(sandbox.events.at(-1)?.detail).toEqual({ customerPresent: false });
    });

    it("takes the scheme in any case", async () => {
      const headers = { authorization: `bEARER ${hanako.access_token}` };
      expect((await partner.call("/accounts", { headers })).status).toBe(200);
    });

    it("answers an error as a problem", async () => {
      const reply = await get("/accounts/acc-taro-ordinary/balance");
      expect(reply.status).toBe(404);
      expect(reply.headers["content-type"]).toContain("application/problem+json");
      expect(reply.json).toEqual({
        type: "about:blank",
        title: "account_not_found",
        status: 404,
        detail: expect.any(String),
        code: "account_not_found",
        interactionId: reply.headers["x-fapi-interaction-id"],
      });
    });

    it("knows its paths and their methods", async () => {
      expect((await get("/nothing")).status).toBe(404);
      const wrong = await partner.call("/accounts", { token: hanako.access_token, method: "DELETE" });
      expect([wrong.status, wrong.headers["allow"]]).toEqual([405, "GET"]);
      expect((await get("/accounts/%E0%A4%A/balance")).status).toBe(400);
    });

    it("needs the scope of the operation", async () => {
      const tokens = await partner.link("taro", { scope: "openid identity" });
      for (const path of [
        "/accounts",
        "/accounts/acc-taro-ordinary/balance",
        "/direct-debits?partnerTransactionId=x",
      ]) {
        const reply = await get(path, tokens.access_token);
        expect([reply.status, reply.json.code]).toEqual([403, "insufficient_scope"]);
        expect(reply.headers["www-authenticate"]).toContain('error="insufficient_scope"');
      }
      expect((await get("/identity", tokens.access_token)).status).toBe(200);
    });
  });

  it("tells balances in decimal strings, with the time in Tokyo", async () => {
    const ordinary = await get("/accounts/acc-hanako-ordinary/balance");
    expect(ordinary.json).toEqual({
      balance: "1500000",
      withdrawableAmount: "1500000",
      previousDayBalance: "1495000",
      currencyCode: "JPY",
      baseDate: "2026-04-01",
      baseTime: "08:30:00+09:00",
    });
    const savings = await get("/accounts/acc-hanako-savings/balance");
    expect(savings.json).toMatchObject({ balance: "800000" });
    expect(savings.json).not.toHaveProperty("withdrawableAmount");
    const shiro = await partner.link("shiro");
    const overdrawn = await get("/accounts/acc-shiro-ordinary/balance", shiro.access_token);
    expect(overdrawn.json).toMatchObject({ balance: "-12000", withdrawableAmount: "0" });
  });

  it("tells the identity, with unusual kanji and a building where there are", async () => {
    const reiko = await partner.link("reiko");
    const { json } = await get("/identity", reiko.access_token);
    expect(json).toMatchObject({
      name: "髙﨑 例子",
      nameKana: "タカサキ レイコ",
      birthDate: "1985-02-28",
      address: { postalCode: "0000001", building: "ヴィラ・サンプル 弐番館 301号室" },
      verification: { verified: true, method: "ホ" },
    });
    expect(json.address.formatted).toContain(json.address.building);
    const taro = await get("/identity", (await partner.link("taro")).access_token);
    expect(taro.json.verification).toEqual({ verified: true });
    expect(taro.json).not.toHaveProperty("gender");
    expect(taro.json.address).not.toHaveProperty("building");
  });
});
