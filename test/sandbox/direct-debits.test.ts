import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Tokens } from "./partner.js";

const HOUR = 3_600_000;
const ACCOUNT = "acc-hanako-ordinary";

describe("direct debits", () => {
  let now = Date.parse("2026-04-01T03:00:00Z");
  let sandbox: Sandbox;
  let partner: Partner;
  let hanako: Tokens;
  let token: string;
  beforeAll(async () => {
    sandbox = await startSandbox({ now: () => now });
    partner = new Partner(sandbox, "fapi2-security");
    hanako = await partner.link("hanako");
    token = hanako.access_token;
  });
  beforeEach(() => sandbox.faults.off());
  afterAll(async () => {
    await partner.close();
    await sandbox.close();
  });

  const movements = () => sandbox.ledger.entries.length;

  it("are accepted, settled, and found again", async () => {
    const partnerTransactionId = randomUUID();
    const { status, json } = await partner.debit(token, { partnerTransactionId, amount: 1980 });
    expect(status).toBe(201);
    expect(json).toEqual({
      debitId: expect.any(String),
      acceptanceNo: expect.stringMatching(/^20260401\d{6}$/),
      partnerTransactionId,
      status: "succeeded",
      amount: 1980,
      acceptedAt: "2026-04-01T12:00:00+09:00",
      completedAt: "2026-04-01T12:00:00+09:00",
    });
    expect((await partner.call(`/direct-debits/${json.debitId}`, { token })).json).toEqual(json);
    const found = await partner.call(`/direct-debits?partnerTransactionId=${partnerTransactionId}`, { token });
    expect(found.json).toEqual({ directDebits: [json] });
  });

  it("are not found under other ids, by other customers or by other partners", async () => {
    const partnerTransactionId = randomUUID();
    const { debitId } = (await partner.debit(token, { partnerTransactionId })).json;
    const reiko = await partner.link("reiko");
    const other = new Partner(sandbox, "fapi2-message-signing");
    const otherTokens = await other.link("hanako");
    for (const [who, stranger] of [
      [partner, reiko.access_token],
      [other, otherTokens.access_token],
    ] as const) {
      expect((await who.call(`/direct-debits/${debitId}`, { token: stranger })).status).toBe(404);
      const found = await who.call(`/direct-debits?partnerTransactionId=${partnerTransactionId}`, { token: stranger });
      expect(found.json).toEqual({ directDebits: [] });
    }
    expect((await partner.call("/direct-debits/unknown", { token })).status).toBe(404);
    expect((await partner.call("/direct-debits", { token })).status).toBe(400);
    await other.close();
  });

  describe("idempotency", () => {
    it("gives the same debit for the same key and body, whatever the order of its members", async () => {
      const key = randomUUID();
      const body = {
        partnerTransactionId: randomUUID(),
        amount: 10,
        currencyCode: "JPY",
        description: "x",
        kind: "charge",
      };
      const first = await partner.debit(token, body, key);
      const before = movements();
      const json = Object.fromEntries(Object.entries(body).reverse());
      const again = await partner.call("/direct-debits", { token, headers: { "x-idempotency-key": key }, json });
      expect([again.status, again.json]).toEqual([201, first.json]);
      expect(movements()).toBe(before);
    });

    it("refuses the same key with another body, and moves nothing", async () => {
      const key = randomUUID();
      const partnerTransactionId = randomUUID();
      await partner.debit(token, { partnerTransactionId, amount: 10 }, key);
      const before = movements();
      for (const other of [{ amount: 11 }, { partnerTransactionId: randomUUID(), amount: 10 }]) {
        const { status, json } = await partner.debit(token, { partnerTransactionId, ...other }, key);
        expect([status, json.code]).toEqual([422, "idempotency_key_reused"]);
      }
      const reiko = await partner.link("reiko");
      expect((await partner.debit(reiko.access_token, { partnerTransactionId, amount: 10 }, key)).status).toBe(422);
      expect(movements()).toBe(before);
    });

    it("needs a key of at most 40 characters", async () => {
      const before = movements();
      const json = {
        partnerTransactionId: randomUUID(),
        amount: 1,
        currencyCode: "JPY",
        description: "x",
        kind: "standing",
      };
      const none = await partner.call("/direct-debits", { token, json });
      expect([none.status, none.json.code]).toEqual([400, "idempotency_key_missing"]);
      expect((await partner.debit(token, json, "k".repeat(41))).json.code).toBe("idempotency_key_invalid");
      expect(movements()).toBe(before);
      expect((await partner.debit(token, json, "k".repeat(40))).status).toBe(201);
    });

    it("forgets a key after 24 hours, but never the partner's transaction", async () => {
      const key = randomUUID();
      const body = { partnerTransactionId: randomUUID(), amount: 10 };
      const first = await partner.debit(token, body, key);
      now += 24 * HOUR - 1;
      expect((await partner.debit(token, body, key)).json).toEqual(first.json);
      now += 1;
      const before = movements();
      const late = await partner.debit(token, body, key);
      expect([late.status, late.json.code]).toEqual([409, "already_processed"]);
      expect(movements()).toBe(before);
      expect((await partner.debit(token, { amount: 12 }, key)).status).toBe(201);
    });

    it("refuses a transaction that was debited under another key", async () => {
      const body = { partnerTransactionId: randomUUID(), amount: 10 };
      await partner.debit(token, body);
      const before = movements();
      const again = await partner.debit(token, body);
      expect([again.status, again.json.code]).toEqual([409, "already_processed"]);
      expect(movements()).toBe(before);
    });

    it("moves the money once when the same request comes ten times at once", async () => {
      const key = randomUUID();
      const body = { partnerTransactionId: randomUUID(), amount: 77 };
      const before = sandbox.ledger.balance(ACCOUNT);
      const replies = await Promise.all(Array.from({ length: 10 }, () => partner.debit(token, body, key)));
      expect(new Set(replies.map(reply => reply.json.debitId)).size).toBe(1);
      expect(sandbox.ledger.balance(ACCOUNT)).toBe(before - 77);
    });
  });

  it.each([
    [{ amount: 0 }, "invalid_amount"],
    [{ amount: -1 }, "invalid_amount"],
    [{ amount: 1.5 }, "invalid_amount"],
    [{ amount: "1e3" }, "invalid_amount"],
    [{ amount: 2 ** 53 }, "invalid_amount"],
    [{ amount: undefined }, "invalid_amount"],
    [{ currencyCode: "USD" }, "invalid_request"],
    [{ kind: "gift" }, "invalid_request"],
    [{ description: "" }, "invalid_request"],
    [{ partnerTransactionId: "" }, "invalid_request"],
    [{ accountId: 7 }, "invalid_request"],
  ])("refuse %o", async (body, code) => {
    const before = movements();
    const { status, json } = await partner.debit(token, body);
    expect([status, json.code]).toEqual([400, code]);
    expect(movements()).toBe(before);
  });

  it("take an amount as a decimal string, and an account by its id", async () => {
    const reply = await partner.debit(token, { amount: "250", accountId: ACCOUNT });
    expect(reply.json).toMatchObject({ status: "succeeded", amount: 250 });
    expect((await partner.debit(token, { accountId: "acc-taro-ordinary" })).status).toBe(404);
  });

  it("need a JSON object", async () => {
    const headers = { "x-idempotency-key": randomUUID() };
    expect((await partner.call("/direct-debits", { token, headers, form: { amount: "1" } })).status).toBe(415);
    const json = { ...headers, "content-type": "application/json" };
    for (const body of ["", "{", "[]", "null"]) {
      expect((await partner.call("/direct-debits", { token, headers: json, method: "POST", body })).status).toBe(400);
    }
    const tooLarge = JSON.stringify({ description: "x".repeat(70_000) });
    expect(
      (await partner.call("/direct-debits", { token, headers: json, method: "POST", body: tooLarge })).status,
    ).toBe(413);
  });

  it("fail when there is too little money, and say so with 201", async () => {
    const taro = (await partner.link("taro")).access_token;
    const { status, json } = await partner.debit(taro, { amount: 481 });
    expect(status).toBe(201);
    expect(json).toMatchObject({ status: "failed", completedAt: expect.any(String) });
    expect(json.failure).toEqual({ code: "insufficient_funds", retryable: true, bankCode: expect.any(String) });
    expect(sandbox.ledger.entriesOf(json.debitId)).toEqual([]);
    expect((await partner.debit(taro, { amount: 480 })).json.status).toBe("succeeded");
    expect(sandbox.ledger.balance("acc-taro-ordinary")).toBe(0);
  });

  it("fail for a savings account and beyond the limit", async () => {
    const savings = await partner.debit(token, { accountId: "acc-hanako-savings", amount: 1 });
    expect(savings.json.failure).toMatchObject({ code: "not_permitted", retryable: false });
    expect((await partner.debit(token, { amount: 1_000_001 })).json.failure.code).toBe("limit_exceeded");
  });

  it("stay processing until an inquiry for a customer of that kind, with the money set aside", async () => {
    const saburo = (await partner.link("saburo")).access_token;
    const before = sandbox.ledger.balance("acc-saburo-ordinary");
    const key = randomUUID();
    const body = { partnerTransactionId: randomUUID(), amount: 300_000 };
    const { json } = await partner.debit(saburo, body, key);
    expect(json).toMatchObject({ status: "processing" });
    expect(json).not.toHaveProperty("completedAt");
    expect((await partner.debit(saburo, body, key)).json.status).toBe("processing");
    expect(sandbox.ledger.balance("acc-saburo-ordinary")).toBe(before);
    const balance = await partner.call("/accounts/acc-saburo-ordinary/balance", { token: saburo });
    expect(balance.json).toMatchObject({ balance: "310000", withdrawableAmount: "10000" });
    expect((await partner.debit(saburo, { amount: 10_001 })).json.failure.code).toBe("insufficient_funds");

    const settled = await partner.call(`/direct-debits/${json.debitId}`, { token: saburo });
    expect(settled.json).toMatchObject({ status: "succeeded", completedAt: expect.any(String) });
    await partner.call(`/direct-debits/${json.debitId}`, { token: saburo });
    expect((await partner.debit(saburo, body, key)).json.status).toBe("succeeded");
    expect(sandbox.ledger.entriesOf(json.debitId)).toMatchObject([{ amount: -300_000 }]);
  });
});
