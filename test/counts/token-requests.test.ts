/** One token request, however many callers there are at the moment a token expires, and in however many processes. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { MemoryStore } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { clear, openStore, type StoreKind } from "../soak/stores.js";
import { connect, link } from "../support/partner.js";
import { agedLink } from "./aged-link.js";
import { Callers } from "./callers.js";
import { countsSince } from "./requests.js";

const PROFILE = "fapi2-security";
const PROCESSES = 4;
/** At once, in each of them. */
const CALLERS = 25;
/** What the bank receives of all: who refreshes has to have the bank's keys, and nobody else. */
const ONCE_FOR_ALL = { "GET jwks": 1, "POST token": 1, "GET api /v1/accounts": PROCESSES * CALLERS };

let bank: Sandbox;
beforeAll(async () => {
  // A second use of a refresh token would end the grant: one request too many is more than a difference in a count.
  bank = await startSandbox({ rotateRefreshTokens: true });
});
afterAll(() => bank.close());

describe("in one process", () => {
  it("1,000 callers of a client: one token request", async () => {
    const store = new MemoryStore();
    const minna = connect(bank, PROFILE, { store, timeout: 60_000 });
    const { id } = await link(bank, minna);
    const { accounts } = minna.link(id);
    const [account] = await accounts.list();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 300_000 });
    const locked = vi.spyOn(store, "lock");
    const since = bank.events.length;
    await Promise.all(Array.from({ length: 1000 }, () => accounts.balance(account!.accountId)));
    vi.useRealTimers();
    const balance = "GET api /v1/accounts/{id}/balance";
    expect(countsSince(bank, since)).toEqual({ "POST token": 1, [balance]: 1000 });
    // The lock is for other processes; here they wait for each other without it.
    expect(new Set(locked.mock.calls.map(([, owner]) => owner)).size).toBe(1);
    await minna.close();
  }, 60_000);

  it("four clients that share a store: one token request", async () => {
    const store = new MemoryStore();
    // Who made the link remembers its tokens as they were.
    const maker = connect(bank, PROFILE, { store });
    const id = await agedLink(bank, maker, store);
    const clients = Array.from({ length: PROCESSES }, () => connect(bank, PROFILE, { store }));
    await Promise.all(clients.map(minna => minna.ready()));
    const since = bank.events.length;
    await Promise.all(clients.flatMap(minna => Array.from({ length: CALLERS }, () => minna.link(id).accounts.list())));
    expect(countsSince(bank, since)).toEqual(ONCE_FOR_ALL);
    await Promise.all([maker, ...clients].map(minna => minna.close()));
  });
});

const STORES: readonly (readonly [name: string, kind: StoreKind, variable: string])[] = [
  ["PostgreSQL", "postgres", "MINNA_TEST_POSTGRES"],
  ["Redis", "redis", "MINNA_TEST_REDIS"],
];

describe.each(STORES)("in four processes that share %s", (name, kind, variable) => {
  const url = process.env[variable];
  if (url === undefined) console.log(`Token requests of four processes over ${name}: skipped, ${variable} is not set.`);

  const oneRequest = async () => {
    const address = { kind, url: url!, space: `minna_test_${randomUUID().replaceAll("-", "")}` };
    const { store, close } = await openStore(address);
    const minna = connect(bank, PROFILE, { store });
    try {
      const aged = await agedLink(bank, minna, store);
      const task = { options: bank.client(PROFILE), address, link: aged, callers: CALLERS };
      await using callers = await Callers.start(PROCESSES, task);
      const since = bank.events.length;
      expect(await callers.call()).toEqual(Array(PROCESSES).fill(CALLERS));
      expect(countsSince(bank, since)).toEqual(ONCE_FOR_ALL);
    } finally {
      await minna.close();
      await close();
      await clear(address);
    }
  };
  it.skipIf(url === undefined)("one token request", oneRequest, 60_000);
});
