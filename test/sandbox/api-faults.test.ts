import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FAULT_NAMES, type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner, type Tokens } from "./partner.js";

describe("faults of the API", () => {
  let sandbox: Sandbox;
  let plain: Partner;
  let signing: Partner;
  let tokens: Tokens;
  let token: string;
  beforeAll(async () => {
    sandbox = await startSandbox();
    plain = new Partner(sandbox, "fapi2-security");
    signing = new Partner(sandbox, "fapi2-message-signing");
    tokens = await plain.link("hanako");
    token = tokens.access_token;
  });
  afterEach(() => sandbox.faults.off());
  afterAll(async () => {
    await Promise.all([plain.close(), signing.close()]);
    await sandbox.close();
  });

  const on: Sandbox["faults"]["on"] = (name, scope) => sandbox.faults.on(name, scope);
  const accounts = () => plain.call("/accounts", { token });
  const inquire = (id: string) => plain.call(`/direct-debits?partnerTransactionId=${id}`, { token });

  it.each([
    ["api-503-maintenance", 503, "120"],
    ["api-429", 429, "1"],
  ] as const)("%s", async (name, status, retryAfter) => {
    on(name);
    const reply = await accounts();
    expect([reply.status, reply.headers["retry-after"]]).toEqual([status, retryAfter]);
    expect(reply.headers["content-type"]).toContain("application/problem+json");
  });

  it("debit-key-forgotten: as after 24 hours, the same key makes another request of the same one", async () => {
    const order = { amount: 100, partnerTransactionId: `forgotten-${randomUUID()}` };
    const key = randomUUID();
    const first = await plain.debit(token, order, key);
    expect((await plain.debit(token, order, key)).json.debitId).toBe(first.json.debitId);
    on("debit-key-forgotten");
    expect((await plain.debit(token, order, key)).json.code).toBe("already_processed");
  });

  it("debit-references-not-compared: the key alone tells debits apart", async () => {
    on("debit-references-not-compared");
    const order = { amount: 100, partnerTransactionId: `twice-${randomUUID()}` };
    const [one, other] = [await plain.debit(token, order), await plain.debit(token, order)];
    expect([one.status, other.status]).toEqual([201, 201]);
    expect(one.json.debitId).not.toBe(other.json.debitId);
  });

  it("api-html-error", async () => {
    on("api-html-error");
    on("api-error-oauth-form");
    const reply = await accounts();
    expect([reply.status, reply.headers["content-type"]]).toEqual([502, "text/html; charset=utf-8"]);
  });

  it("api-token-rejected-once", async () => {
    on("api-token-rejected-once");
    const rejected = await accounts();
    expect([rejected.status, rejected.json.code]).toEqual([401, "invalid_token"]);
    expect((await accounts()).status).toBe(200);
  });

  it("api-echo-missing", async () => {
    on("api-echo-missing");
    expect((await accounts()).headers).not.toHaveProperty("x-fapi-interaction-id");
  });

  it("api-response-huge", async () => {
    on("api-response-huge");
    const reply = await accounts();
    expect(reply.text.length).toBeGreaterThan(10 * 1024 * 1024);
    expect(reply.json.accounts).toHaveLength(2);
  });

  it.each([
    ["api-error-code-message-form", { errorCode: "account_not_found", errorMessage: expect.any(String) }],
    ["api-error-open-banking-form", { Id: expect.any(String), Errors: [{ ErrorCode: "account_not_found" }] }],
    ["api-error-oauth-form", { error: "account_not_found", error_description: expect.any(String) }],
  ] as const)("%s", async (name, expected) => {
    on(name);
    const reply = await plain.call("/accounts/unknown/balance", { token });
    expect(reply.status).toBe(404);
    expect(reply.json).toMatchObject(expected);
    expect((await accounts()).status).toBe(200);
  });

  it("balance-negative: an overdraft, of which nothing can be paid out", async () => {
    on("balance-negative");
    const read = async (type: string) => (await plain.call(`/accounts/acc-hanako-${type}/balance`, { token })).json;
    const ordinary = await read("ordinary");
    expect(Number(ordinary.balance)).toBeLessThan(0);
    expect(ordinary.withdrawableAmount).toBe("0");
    expect(await read("savings")).toMatchObject({ balance: "-800001", previousDayBalance: "800000" });
    expect(sandbox.ledger.balance("acc-hanako-savings")).toBe(800_000);
  });

  it("grant-suspended: refused with 403 until it is over; the grant can be asked after, and refreshed", async () => {
    const { mtls_endpoint_aliases: at = {} } = (await plain.configuration()).serverMetadata();
    const grant = `${(at as Record<string, unknown>)["grant_management_endpoint"]}/${tokens.grant_id}`;
    const status = async () => (await plain.call(grant, { token })).json.status;
    on("grant-suspended");
    expect(await status()).toBe("suspended");
    const reply = await accounts();
    expect([reply.status, reply.json.code]).toEqual([403, "grant_suspended"]);
    const refreshed = await plain.refresh(tokens.refresh_token ?? "");
    expect((await plain.call("/accounts", { token: refreshed.access_token })).status).toBe(403);
    sandbox.faults.off("grant-suspended");
    expect([(await accounts()).status, await status()]).toEqual([200, "active"]);
  });

  it("page-item-keys-absent", async () => {
    on("page-item-keys-absent");
    const { json } = await plain.call("/accounts/acc-hanako-ordinary/transactions", { token });
    expect(json.transactions.length).toBeGreaterThan(0);
    for (const row of json.transactions) expect(row).not.toHaveProperty("itemKey");
  });

  it.each([
    ["grant-revoked-at-bank", "grant_revoked"],
    ["grant-expired", "grant_expired"],
  ] as const)("%s", async (name, code) => {
    const link = await plain.link("reiko");
    on(name);
    const reply = await plain.call("/accounts", { token: link.access_token });
    expect([reply.status, reply.json.code]).toEqual([403, code]);
    await expect(plain.refresh(link.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
  });

  describe("to debits", () => {
    const balance = () => sandbox.ledger.balance("acc-hanako-ordinary");

    it("debit-commit-then-drop: the money has moved, and the same key tells", async () => {
      on("debit-commit-then-drop", { times: 1 });
      const [key, partnerTransactionId, before] = [randomUUID(), randomUUID(), balance()];
      await expect(plain.debit(token, { partnerTransactionId, amount: 100 }, key)).rejects.toThrow(/closed|socket/);
      expect(balance()).toBe(before - 100);
      expect(sandbox.events.at(-1)).toMatchObject({ path: "/v1/direct-debits", status: 0 });
      expect((await inquire(partnerTransactionId)).json.directDebits).toMatchObject([{ status: "succeeded" }]);
      expect((await plain.debit(token, { partnerTransactionId, amount: 100 }, key)).status).toBe(201);
      expect(balance()).toBe(before - 100);
    });

    it("debit-drop-before-commit: nothing has happened, and the same key may be sent again", async () => {
      on("debit-drop-before-commit", { times: 1 });
      const [key, partnerTransactionId, before] = [randomUUID(), randomUUID(), balance()];
      await expect(plain.debit(token, { partnerTransactionId, amount: 100 }, key)).rejects.toThrow(/closed|socket/);
      expect(balance()).toBe(before);
      expect((await inquire(partnerTransactionId)).json.directDebits).toEqual([]);
      expect((await plain.debit(token, { partnerTransactionId, amount: 100 }, key)).status).toBe(201);
      expect(balance()).toBe(before - 100);
    });

    it("debit-504-then-succeeded: the same key has to wait until an inquiry finds the end", async () => {
      on("debit-504-then-succeeded", { times: 1 });
      const [key, partnerTransactionId, before] = [randomUUID(), randomUUID(), balance()];
      const first = await plain.debit(token, { partnerTransactionId, amount: 100 }, key);
      expect([first.status, first.headers["content-type"]]).toEqual([504, "text/html; charset=utf-8"]);
      const again = await plain.debit(token, { partnerTransactionId, amount: 100 }, key);
      expect([again.status, again.json.code]).toEqual([409, "idempotency_key_in_use"]);
      expect(balance()).toBe(before);
      expect((await inquire(partnerTransactionId)).json.directDebits).toMatchObject([{ status: "succeeded" }]);
      expect((await plain.debit(token, { partnerTransactionId, amount: 100 }, key)).status).toBe(201);
      expect(balance()).toBe(before - 100);
    });

    it("debit-504-before-commit: nothing has happened, and the same key may be sent again", async () => {
      on("debit-504-before-commit", { times: 1 });
      const [key, partnerTransactionId, before] = [randomUUID(), randomUUID(), balance()];
      const first = await plain.debit(token, { partnerTransactionId, amount: 100 }, key);
      expect([first.status, first.headers["content-type"]]).toEqual([504, "text/html; charset=utf-8"]);
      expect((await inquire(partnerTransactionId)).json.directDebits).toEqual([]);
      expect(balance()).toBe(before);
      expect((await plain.debit(token, { partnerTransactionId, amount: 100 }, key)).status).toBe(201);
      expect(balance()).toBe(before - 100);
    });

    it("debit-409: as if the key were in use, and nothing has happened", async () => {
      on("debit-409", { times: 1 });
      const [key, partnerTransactionId, before] = [randomUUID(), randomUUID(), balance()];
      const first = await plain.debit(token, { partnerTransactionId, amount: 100 }, key);
      expect([first.status, first.json.code]).toEqual([409, "idempotency_key_in_use"]);
      expect((await inquire(partnerTransactionId)).json.directDebits).toEqual([]);
      expect(balance()).toBe(before);
      // Another key would do as well: the bank knows nothing of the first one.
      expect((await plain.debit(token, { partnerTransactionId, amount: 100 })).status).toBe(201);
    });

    it.each([
      ["debit-commit-then-504", 504, "text/html", /504 Gateway Timeout/],
      ["debit-answer-html", 200, "text/html", /^<!doctype html>/],
      ["debit-answer-empty", 201, "application/json", /^$/],
    ] as const)("%s: the money has moved at once", async (name, status, type, text) => {
      on(name, { times: 1 });
      const [key, partnerTransactionId, before] = [randomUUID(), randomUUID(), balance()];
      const reply = await plain.debit(token, { partnerTransactionId, amount: 100 }, key);
      expect([reply.status, reply.headers["content-type"]]).toEqual([status, `${type}; charset=utf-8`]);
      expect(reply.text).toMatch(text);
      expect(balance()).toBe(before - 100);
      expect((await plain.debit(token, { partnerTransactionId, amount: 100 }, key)).json.status).toBe("succeeded");
      expect(balance()).toBe(before - 100);
    });

    it("debit-answer-truncated: 201 begins, and ends in the middle of the body", async () => {
      on("debit-answer-truncated", { times: 1 });
      const [partnerTransactionId, before] = [randomUUID(), balance()];
      await expect(plain.debit(token, { partnerTransactionId, amount: 100 })).rejects.toThrow(
        /closed|aborted|terminated/,
      );
      expect(sandbox.events.at(-1)).toMatchObject({ path: "/v1/direct-debits", status: 201 });
      expect(balance()).toBe(before - 100);
      expect((await inquire(partnerTransactionId)).json.directDebits).toMatchObject([{ status: "succeeded" }]);
    });

    it("one of two that can't both be has not struck", async () => {
      const names = ["debit-drop-before-commit", "debit-409", "debit-commit-then-drop", "debit-fails-other"] as const;
      const struck = () => names.map(name => sandbox.faults.struck(name));
      const before = struck();
      for (const name of names) on(name);
      await expect(plain.debit(token)).rejects.toThrow(/closed|socket/);
      sandbox.faults.off("debit-drop-before-commit");
      expect((await plain.debit(token)).status).toBe(409);
      sandbox.faults.off("debit-409");
      await expect(plain.debit(token)).rejects.toThrow(/closed|socket/);
      expect(struck().map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1, 1, 1]);
    });

    it("debit-answer-unreadable: 201, and half an answer", async () => {
      on("debit-answer-unreadable");
      const before = balance();
      await expect(plain.debit(token, { amount: 100 })).rejects.toThrow(SyntaxError);
      expect(balance()).toBe(before - 100);
    });

    it("debit-stuck-processing", async () => {
      const saburo = (await plain.link("saburo")).access_token;
      const { debitId } = (await plain.debit(saburo, { amount: 100 })).json;
      on("debit-stuck-processing", { times: 2 });
      const ask = async () => (await plain.call(`/direct-debits/${debitId}`, { token: saburo })).json.status;
      expect([await ask(), await ask(), await ask()]).toEqual(["processing", "processing", "succeeded"]);
    });

    it("debit-returned", async () => {
      const before = balance();
      const { debitId, status } = (await plain.debit(token, { amount: 100 })).json;
      expect(status).toBe("succeeded");
      on("debit-returned");
      expect((await plain.call(`/direct-debits/${debitId}`, { token })).json.status).toBe("returned");
      expect((await plain.call(`/direct-debits/${debitId}`, { token })).json.status).toBe("returned");
      expect(balance()).toBe(before);
      expect(sandbox.ledger.entriesOf(debitId)).toMatchObject([{ amount: -100 }, { amount: 100 }]);
    });

    it.each(FAULT_NAMES.filter(name => name.startsWith("debit-fails-")))("%s", async name => {
      on(name);
      const before = balance();
      const { status, json } = await plain.debit(token, { amount: 100 });
      expect([status, json.status]).toEqual([201, "failed"]);
      expect(`debit-fails-${json.failure.code}`).toBe(name);
      expect(balance()).toBe(before);
    });
  });

  describe("are switched", () => {
    it("for one client", async () => {
      on("api-429", { clientId: signing.client.clientId });
      const tokens = await plain.link();
      expect((await plain.call("/accounts", { token: tokens.access_token })).status).toBe(200);
      const others = await signing.link();
      expect((await signing.call("/accounts", { token: others.access_token })).status).toBe(429);
    });

    it("for a number of times, and off again", async () => {
      const { access_token: token } = await plain.link();
      const statuses = async () => {
        const replies = [await plain.call("/accounts", { token }), await plain.call("/accounts", { token })];
        return replies.map(({ status }) => status);
      };
      on("api-429", { times: 1 });
      expect(await statuses()).toEqual([429, 200]);
      on("api-429");
      expect(await statuses()).toEqual([429, 429]);
      sandbox.faults.off("api-429");
      expect(await statuses()).toEqual([200, 200]);
    });

    it("by a name that exists", () => {
      expect(() => sandbox.faults.on("no-such-fault" as FaultName)).toThrow(RangeError);
      expect(() => sandbox.faults.struck("no-such-fault" as FaultName)).toThrow(RangeError);
    });

    it("and counted when they strike", async () => {
      const { access_token: token } = await plain.link();
      const counted = async (name: FaultName, path: string) => {
        const before = sandbox.faults.struck(name);
        await plain.call(path, { token });
        return sandbox.faults.struck(name) - before;
      };
      expect(await counted("api-echo-missing", "/accounts")).toBe(0);
      on("api-echo-missing");
      expect([await counted("api-echo-missing", "/accounts"), await counted("api-echo-missing", "/none")]).toEqual([
        1, 1,
      ]);
      on("api-echo-missing", { clientId: signing.client.clientId });
      expect(await counted("api-echo-missing", "/accounts")).toBe(0);
      // Nothing to change in an answer that is no error: a limited fault waits for one.
      on("api-error-oauth-form", { times: 1 });
      expect(await counted("api-error-oauth-form", "/accounts")).toBe(0);
      expect(await counted("api-error-oauth-form", "/none")).toBe(1);
      expect(await counted("api-error-oauth-form", "/none")).toBe(0);
      const strikes = sandbox.faults.struck("api-error-oauth-form");
      sandbox.faults.off();
      expect(sandbox.faults.struck("api-error-oauth-form")).toBe(strikes);
    });

    it("and do not strike where there is nothing to falsify", async () => {
      const idle = [
        "response-iss-missing", // JARM has its own
        "response-jarm-when-plain-expected",
        "jwks-weak-key",
        "introspection-signature-bad",
        "introspection-plain-when-signed-expected",
        "userinfo-aud-wrong",
      ] as const;
      const { clientId } = signing.client;
      const before = idle.map(name => sandbox.faults.struck(name));
      for (const name of idle) on(name, { clientId });
      const { access_token: token } = await signing.link();
      const { mtls_endpoint_aliases: at = {} } = (await signing.configuration()).serverMetadata();
      const form = { client_id: clientId, token };
      expect((await signing.call(String(at.introspection_endpoint), { form })).json.active).toBe(true);
      expect((await signing.call(String(at.userinfo_endpoint), { token })).json.sub).toEqual(expect.any(String));
      expect(idle.map(name => sandbox.faults.struck(name))).toEqual(before);
    });
  });

  it("have a test each, by name", async () => {
    const files = (await readdir(import.meta.dirname)).filter(file => file.endsWith(".test.ts"));
    const texts = await Promise.all(files.map(file => readFile(`${import.meta.dirname}/${file}`, "utf8")));
    const untested = FAULT_NAMES.filter(name => !texts.some(text => text.includes(name)));
    expect(untested.filter(name => !name.startsWith("debit-fails-"))).toEqual([]); // tried one by one above
  });
});
