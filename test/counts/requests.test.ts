/**
 * What each flow asks of the bank, request by request: as little as its protocol needs.
 *
 * A request more, or one in another place, shows as a difference in this table.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Link, MinnaClient, type MinnaClientOptions, type Profile } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { PROFILES, SCOPES } from "../support/partner.js";
import { requestsSince } from "./requests.js";

/** Each flow with its requests, in order; those of the customer's browser aside. */
const FLOWS = {
  "ready()": ["GET discovery"],
  "the first link: begin": ["POST par"],
  "the first link: complete": ["GET jwks", "POST token"],
  "the second link: begin": ["POST par"],
  "the second link: complete": ["POST token"],
  "accounts.list()": ["GET api /v1/accounts"],
  "accounts.balance()": ["GET api /v1/accounts/{id}/balance"],
  "accounts.balance() again": ["GET api /v1/accounts/{id}/balance"],
  "accounts.transactions()": ["GET api /v1/accounts/{id}/transactions"],
  "identity.get()": ["GET api /v1/identity"],
  "debits.create()": ["POST api /v1/direct-debits"],
  "debits.create() again": [],
  "accounts.balance() with a token that is due": ["POST token", "GET api /v1/accounts/{id}/balance"],
  "grant.status()": ["GET grant"],
  "grant.introspect()": ["POST introspection"],
  "grant.extend()": ["POST grant"],
  "grant.revoke()": ["DELETE grant", "POST revocation", "POST revocation"],
} as const;

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

/** Takes a client through every flow; returns what the bank received of each. */
async function goThrough(minna: MinnaClient): Promise<Record<string, readonly string[]>> {
  const seen: Record<string, readonly string[]> = {};
  const flow = async <T>(name: keyof typeof FLOWS, work: () => Promise<T>): Promise<T> => {
    const since = bank.events.length;
    const result = await work();
    seen[name] = requestsSince(bank, since);
    return result;
  };
  const link = async (which: "first" | "second"): Promise<Link> => {
    const wish = { customerId: "u-42", scopes: SCOPES };
    const { authorizationUrl, transaction } = await flow(`the ${which} link: begin`, () => minna.links.begin(wish));
    const callback = await bank.approve(authorizationUrl);
    const { id } = await flow(`the ${which} link: complete`, () => minna.links.complete(callback, { transaction }));
    return minna.link(id);
  };
  await flow("ready()", () => minna.ready());
  const { accounts, identity, debits, grant } = await link("first");
  await link("second");
  const [account] = await flow("accounts.list()", () => accounts.list());
  const { accountId } = account!;
  await flow("accounts.balance()", () => accounts.balance(accountId));
  await flow("accounts.balance() again", () => accounts.balance(accountId));
  await flow("accounts.transactions()", async () => {
    for await (const _ of accounts.transactions(accountId)) break;
  });
  await flow("identity.get()", () => identity.get());
  const order = { reference: crypto.randomUUID(), amount: 100, description: "ﾎﾝ" };
  await flow("debits.create()", () => debits.create(order));
  await flow("debits.create() again", () => debits.create(order));
  vi.setSystemTime(Date.now() + 280_000);
  await flow("accounts.balance() with a token that is due", () => accounts.balance(accountId));
  await flow("grant.status()", () => grant.status());
  await flow("grant.introspect()", () => grant.introspect());
  await flow("grant.extend()", () => grant.extend({ until: "2099-12-31" }));
  await flow("grant.revoke()", () => grant.revoke());
  return seen;
}

describe("the requests of each flow", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function expectFlows(options: MinnaClientOptions, flows: Record<string, readonly string[]>): Promise<void> {
    const minna = new MinnaClient(options);
    expect(await goThrough(minna)).toEqual(flows);
    await minna.close();
  }

  it.each(PROFILES)("%s", async (profile: Profile) => {
    await expectFlows(bank.client(profile) as MinnaClientOptions, FLOWS);
  });

  it("fapi1-advanced, where the request object travels by the browser", async () => {
    const options = { ...bank.client("fapi1-advanced"), requestDelivery: "by-value" } as const;
    await expectFlows(options, { ...FLOWS, "the first link: begin": [], "the second link: begin": [] });
  });
});
