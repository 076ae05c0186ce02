import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { type CallOptions, Partner, type Reply, type Tokens } from "../sandbox/partner.js";
import { type Answered, deviations, PLACES, placeOf } from "./conformance.js";

const NOW = Date.parse("2026-04-01T00:30:00Z");
const ACCOUNT = "/accounts/acc-hanako-ordinary";
const ORDER = { amount: 10, currencyCode: "JPY", description: "ﾎﾝ", kind: "per_purchase" };

let sandbox: Sandbox;
let partner: Partner;
let grants: string;
let hanako: Tokens;
/** Allowed little: for what needs more. */
let narrow: Tokens;
let identityless: Tokens;
const visited = new Set<string>();

beforeAll(async () => {
  sandbox = await startSandbox({ now: () => NOW, pageSize: 4 });
  partner = new Partner(sandbox, "fapi2-security");
  const { mtls_endpoint_aliases: at = {} } = (await partner.configuration()).serverMetadata();
  grants = String((at as Record<string, unknown>)["grant_management_endpoint"]);
  hanako = await partner.link("hanako");
  narrow = await partner.link("hanako", { scope: "openid identity" });
  identityless = await partner.link("hanako", { scope: "openid balance" });
});
afterEach(() => sandbox.faults.off());
afterAll(async () => {
  await partner.close();
  await sandbox.close();
});

/** Asks, and holds the answer against the document. */
async function ask(target: string, options: CallOptions = {}, token = hanako.access_token): Promise<Reply> {
  const method = options.method ?? (options.json === undefined && options.body === undefined ? "GET" : "POST");
  const reply = await partner.call(target, { token, ...options });
  const answered = answeredTo(method, target, reply);
  expect([target, reply.text, deviations(answered)]).toEqual([target, reply.text, []]);
  visited.add(placeOf(answered) ?? "");
  return reply;
}

function answeredTo(method: string, target: string, { status, headers, text }: Reply): Answered {
  const { pathname } = new URL(target, "https://api.example");
  return { method, path: pathname, status, headers, text };
}

async function debit(body: object = {}, key: string = randomUUID(), token = hanako.access_token): Promise<Reply> {
  const json = { partnerTransactionId: randomUUID(), ...ORDER, ...body };
  return ask("/direct-debits", { headers: { "x-idempotency-key": key }, json }, token);
}

async function committing(fault: FaultName, work: () => Promise<unknown>): Promise<void> {
  sandbox.faults.on(fault, { times: 1 });
  await work();
  expect(sandbox.faults.struck(fault)).toBeGreaterThan(0);
  sandbox.faults.off();
}

/** One request for each operation that can be refused; `method` and body where it is no GET. */
const REQUESTS = (): readonly [target: string, options?: CallOptions][] => [
  ["/accounts"],
  [`${ACCOUNT}/balance`],
  [`${ACCOUNT}/transactions`],
  [`${ACCOUNT}/deposits`],
  ["/identity"],
  ["/direct-debits", { headers: { "x-idempotency-key": randomUUID() }, json: { partnerTransactionId: "x", ...ORDER } }],
  ["/direct-debits?partnerTransactionId=x"],
  ["/direct-debits/unknown"],
  [`${grants}/${hanako.grant_id}`],
  [`${grants}/${hanako.grant_id}`, { method: "DELETE" }],
  [`${grants}/${hanako.grant_id}/extensions`, { json: { expiresAt: "2028-03-31" } }],
];
const isApi = ([target]: readonly [string, ...unknown[]]) => target.startsWith("/");

describe("the sandbox answers as the document says", () => {
  test("about accounts and their rows, to the last page", async () => {
    const shiro = (await partner.link("shiro")).access_token;
    await ask("/accounts");
    await ask(`${ACCOUNT}/balance`);
    await ask("/accounts/acc-hanako-savings/balance");
    await ask("/accounts/acc-shiro-ordinary/balance", {}, shiro);
    await committing("balance-negative", () => ask(`${ACCOUNT}/balance`));
    for (const name of ["transactions", "deposits"]) {
      const query = `${ACCOUNT}/${name}?dateFrom=2026-03-30`;
      let pages = 0;
      for (let key: string | undefined, more = true; more; pages++) {
        const { json } = await ask(key === undefined ? query : `${query}&nextItemKey=${key}`);
        [key, more] = [json.nextItemKey, json.hasNext];
        if (pages === 0) sandbox.faults.on("page-row-inserted", { times: 1 });
        if (pages === 1) sandbox.faults.on("page-row-repeated", { times: 1 });
      }
      expect(pages).toBeGreaterThan(name === "transactions" ? 2 : 0);
      await ask(`${ACCOUNT}/${name}?dateFrom=2020-01-01&dateTo=2020-01-02`);
    }
    await committing("page-item-keys-absent", () => ask(`${ACCOUNT}/transactions`));
  });

  test.each(["hanako", "taro", "reiko"])("about the identity of %s", async customer => {
    await ask("/identity", {}, (await partner.link(customer)).access_token);
  });

  test("about debits, however they end", async () => {
    const saburo = (await partner.link("saburo")).access_token;
    const key = randomUUID();
    const wanted = { partnerTransactionId: randomUUID() };
    const { json: made } = await debit(wanted, key);
    expect((await debit(wanted, key)).json).toEqual(made);
    expect((await debit({ amount: "250", accountId: "acc-hanako-ordinary" })).json.amount).toBe(250);
    const { json: processing } = await debit({}, randomUUID(), saburo);
    expect(processing.status).toBe("processing");
    await ask(`/direct-debits/${processing.debitId}`, {}, saburo);
    expect((await debit({ amount: 2_000_000 })).json).toMatchObject({ failure: { code: "limit_exceeded" } });
    await committing("debit-fails-other", () => debit());
    await ask(`/direct-debits?partnerTransactionId=${wanted.partnerTransactionId}`);
    await ask("/direct-debits?partnerTransactionId=nobody");
    await committing("debit-returned", () => ask(`/direct-debits/${made.debitId}`));
    expect((await ask(`/direct-debits/${made.debitId}`)).json.status).toBe("returned");
  });

  test("about grants, until they are gone", async () => {
    const { grant_id: id, access_token: token } = await partner.link("hanako");
    const grant = `${grants}/${id}`;
    const status = async (used = token) => (await ask(grant, {}, used)).json.status;
    expect(await status()).toBe("active");
    await committing("grant-suspended", async () => expect(await status()).toBe("suspended"));
    await ask(`${grant}/extensions`, { json: { expiresAt: "2028-03-31T23:59:59+09:00" } }, token);
    await ask(`${grant}/extensions`, { json: { expiresAt: "2028-03-31" } }, token); // not after the present one: 400
    await ask(`${grant}/extensions`, { json: { expiresAt: "2028-04-30" } }, token);
    expect((await ask(grant, { method: "DELETE" }, token)).status).toBe(204);
    expect(await status(hanako.access_token)).toBe("revoked");
    await ask(grant, { method: "DELETE" });
    await ask(`${grant}/extensions`, { json: { expiresAt: "2029-03-31" } });
    await ask(`${grants}/unknown`);
  });

  test("when it refuses", async () => {
    for (const [target, options] of REQUESTS()) {
      expect((await ask(`${target}${target.includes("?") ? "&" : "?"}access_token=x`, options)).status).toBe(400);
      expect((await ask(target, options, "unknown")).status).toBe(401);
      const { access_token: little } = target === "/identity" ? identityless : narrow;
      expect((await ask(target, options, little)).status).toBe(403);
    }
    for (const path of ["balance", "transactions", "deposits"]) await ask(`/accounts/acc-taro-ordinary/${path}`);
    for (const query of ["dateFrom=2026-04-02&dateTo=2026-04-01", "dateTo=2026-02-30", "nextItemKey=x"]) {
      expect((await ask(`${ACCOUNT}/transactions?${query}`)).status).toBe(400);
    }
    await ask("/direct-debits/unknown");
    await ask("/direct-debits");
    await committing("grant-suspended", () => ask("/accounts"));
    for (const fault of ["grant-revoked-at-bank", "grant-expired"] as const) {
      const { access_token: token } = await partner.link("taro");
      await committing(fault, () => ask("/accounts", {}, token));
    }
  });

  test("when it refuses a debit", async () => {
    const key = randomUUID();
    const first = await debit({}, key);
    expect((await debit({ amount: 11 }, key)).status).toBe(422);
    const { partnerTransactionId } = first.json;
    expect((await debit({ partnerTransactionId })).json.code).toBe("already_processed");
    await committing("debit-409", () => debit());
    for (const wrong of [{ amount: 0 }, { kind: "gift" }, { currencyCode: "USD" }]) {
      expect((await debit(wrong)).status).toBe(400);
    }
    expect((await debit({ accountId: "acc-taro-ordinary" })).status).toBe(404);
    expect((await ask("/direct-debits", { json: ORDER })).json.code).toBe("idempotency_key_missing");
    for (const target of ["/direct-debits", `${grants}/${hanako.grant_id}/extensions`]) {
      const headers = { "x-idempotency-key": randomUUID() };
      expect((await ask(target, { body: "x", headers })).status).toBe(415);
      const large = JSON.stringify({ description: "x".repeat(70_000) });
      expect((await ask(target, { body: large, headers })).status).toBe(413);
    }
  });

  test("when it is busy, closed or behind a gateway", async () => {
    for (const fault of ["api-429", "api-503-maintenance", "api-html-error", "api-echo-missing"] as const) {
      for (const [target, options] of REQUESTS().filter(isApi)) await committing(fault, () => ask(target, options));
    }
    await committing("debit-504-before-commit", () => debit());
    await committing("debit-commit-then-504", () => debit());
  });

  test("and every answer that the document has was among them", () => {
    // Nothing disturbs the sandbox's grant management.
    const never = /^(readGrant|releaseGrant|extendGrant) (429|503|5XX)$/;
    expect(PLACES.filter(place => !visited.has(place) && !never.test(place))).toEqual([]);
  });
});

describe("an answer that is not as the document says is found out", () => {
  type Change = (answered: Answered) => Partial<Answered>;
  const changed = (change: (body: Record<string, never>) => object): Change => {
    return ({ text }) => ({ text: JSON.stringify(change(JSON.parse(text))) });
  };
  const row = (change: object): Change =>
    changed(body => ({ ...body, transactions: [{ ...(body["transactions"]?.[0] as object | undefined), ...change }] }));

  test.each<[string, string, Change]>([
    ["a member that is missing", "/accounts", changed(({ accounts: _, ...rest }) => rest)],
    ["a member that nobody knows", `${ACCOUNT}/balance`, changed(body => ({ ...body, withdrawable: "1" }))],
    ["yen with a fraction", `${ACCOUNT}/balance`, changed(body => ({ ...body, balance: "1.5" }))],
    ["yen with an exponent", `${ACCOUNT}/balance`, changed(body => ({ ...body, balance: "1e6" }))],
    ["yen beyond 2^53-1", `${ACCOUNT}/balance`, changed(body => ({ ...body, balance: "9007199254740992" }))],
    ["null for absent", `${ACCOUNT}/balance`, changed(body => ({ ...body, withdrawableAmount: null }))],
    ["a time elsewhere", `${ACCOUNT}/balance`, changed(body => ({ ...body, baseTime: "00:30:00Z" }))],
    [
      "a page that leads nowhere",
      `${ACCOUNT}/transactions`,
      changed(({ nextItemKey: _, ...body }) => ({ ...body, hasNext: true })),
    ],
    ["a row of a third kind", `${ACCOUNT}/transactions`, row({ transactionType: "3" })],
    ["a negative amount", `${ACCOUNT}/transactions`, row({ amount: "-450" })],
    ["a number for a code", "/identity", changed(body => ({ ...body, phoneNumber: 1 }))],
    ["another status", "/identity", () => ({ status: 418 })],
    ["another media type", "/identity", () => ({ headers: { "content-type": "text/html" } })],
    [
      "an echo that is no UUID",
      "/identity",
      ({ headers }) => ({ headers: { ...headers, "x-fapi-interaction-id": "1" } }),
    ],
    ["a path of its own", "/identity", () => ({ path: "/person" })],
    ["an error without its code", "/direct-debits", changed(({ code: _, ...rest }) => rest)],
    ["an error that tells another status", "/direct-debits", changed(body => ({ ...body, status: 404 }))],
  ])("%s", async (_, target, change) => {
    const answered = answeredTo("GET", target, await partner.call(target, { token: hanako.access_token }));
    expect(deviations(answered)).toEqual([]);
    expect(deviations({ ...answered, ...change(answered) })).not.toEqual([]);
  });

  test("a debit that failed for no reason, and one in another state", async () => {
    const reply = await partner.debit(hanako.access_token, { amount: 2_000_000 });
    const answered = answeredTo("POST", "/direct-debits", reply);
    expect(deviations(answered)).toEqual([]);
    const { failure: _, ...rest } = reply.json;
    for (const body of [rest, { ...reply.json, status: "unknown" }]) {
      expect(deviations({ ...answered, text: JSON.stringify(body) })).not.toEqual([]);
    }
  });

  test.each<FaultName>(["api-error-code-message-form", "api-error-open-banking-form", "api-error-oauth-form"])(
    "%s",
    async fault => {
      sandbox.faults.on(fault);
      const target = "/accounts/unknown/balance";
      const reply = await partner.call(target, { token: hanako.access_token });
      expect(deviations(answeredTo("GET", target, reply))).not.toEqual([]);
    },
  );
});
