/** How often each flow goes to the store, in which order, and what of it its caller waits for. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore, type MinnaClient, type Store } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";

/** What was done, in order: operations of the store as they begin, and requests as they leave. */
let log: string[] = [];

/** `debit:order-1` is a debit, and so is its lock. */
function kindOf(key: string): string {
  return key
    .replace(/^lock:/, "")
    .split(":", 1)
    .join();
}

/** Tells of each operation, and answers no `unlock` before it is told to: who waits for one waits in vain. */
function counted(kept: Store): { readonly store: Store; readonly answerUnlocks: () => void } {
  let answerUnlocks = () => {};
  const told = new Promise<void>(resolve => {
    answerUnlocks = resolve;
  });
  const noted = <T>(name: string, work: () => T): T => {
    log.push(name);
    return work();
  };
  const store: Store = {
    get: key => noted(`get ${kindOf(key)}`, () => kept.get(key)),
    put: (key, value, options) => noted(putOf(key, value), () => kept.put(key, value, options)),
    take: key => noted(`take ${kindOf(key)}`, () => kept.take(key)),
    find: options => noted(`find ${options.label}`, () => kept.find(options)),
    lock: (key, owner, duration) => noted(`lock ${kindOf(key)}`, () => kept.lock(key, owner, duration)),
    unlock: (key, owner) => noted(`unlock ${kindOf(key)}`, () => kept.unlock(key, owner).then(() => told)),
  };
  return { store, answerUnlocks };
}

function putOf(key: string, value: string): string {
  const { state = "", refreshSentAt } = JSON.parse(value);
  return `put ${kindOf(key)} ${refreshSentAt === undefined ? state : "noted"}`.trim();
}

const sent = (message: unknown) => {
  const { request } = message as { readonly request: { readonly method: string; readonly path: string } };
  log.push(`${request.method} ${request.path.split("?", 1)}`);
};

let bank: Sandbox;
let kept: MemoryStore;
let minna: MinnaClient;
let answerUnlocks: () => void;
let linkId: string;
let accountId: string;
let number = 0;
const order = () => ({ reference: `order-${++number}`, amount: 100, description: "ﾎﾝ" });

beforeAll(async () => {
  bank = await startSandbox();
  kept = new MemoryStore();
  const counting = counted(kept);
  answerUnlocks = counting.answerUnlocks;
  minna = connect(bank, "fapi2-security", { store: counting.store });
  ({ id: linkId } = await link(bank, minna));
  ({ accountId } = (await minna.link(linkId).accounts.list())[0] ?? { accountId: "" });
  subscribe("undici:request:create", sent);
});
afterAll(async () => {
  unsubscribe("undici:request:create", sent);
  answerUnlocks();
  await minna.close();
  await bank.close();
});
beforeEach(() => {
  bank.faults.off();
  log = [];
});

/** A process of its own, with the same store and nothing in memory. */
async function anotherProcess(work: (other: MinnaClient) => Promise<unknown>): Promise<void> {
  const counting = counted(kept);
  const other = connect(bank, "fapi2-security", { store: counting.store });
  await other.ready();
  log = [];
  await work(other);
  counting.answerUnlocks();
  await other.close();
}

describe("a debit", () => {
  it("of a new reference: one operation before the request, one after the answer", async () => {
    await minna.link(linkId).debits.create(order());
    expect(log).toEqual(["put debit sent", "POST /v1/direct-debits", "put debit known"]);
  });

  it("of a new reference in a new process: the link is read first", async () => {
    await anotherProcess(other => other.link(linkId).debits.create(order()));
    expect(log).toEqual(["get link", "put debit sent", "POST /v1/direct-debits", "put debit known"]);
  });

  it("that is over is told with one read, and nothing is locked", async () => {
    const wanted = order();
    await minna.link(linkId).debits.create(wanted);
    log = [];
    await minna.link(linkId).debits.create(wanted);
    expect(log).toEqual(["put debit sent", "get debit"]);
  });

  it("that the bank declines is known with one write", async () => {
    bank.faults.on("debit-fails-insufficient_funds", { times: 1 });
    await minna.link(linkId).debits.create(order());
    expect(log).toEqual(["put debit sent", "POST /v1/direct-debits", "put debit known"]);
  });

  it("that is refused, and made by the next call, under the lock", async () => {
    const wanted = order();
    bank.faults.on("api-429", { times: 1 });
    await expect(minna.link(linkId).debits.create(wanted)).rejects.toMatchObject({ code: "throttled" });
    expect(log).toEqual(["put debit sent", "POST /v1/direct-debits", "put debit prepared"]);
    log = [];
    await minna.link(linkId).debits.create(wanted);
    expect(log).toEqual([
      ...["put debit sent", "get debit", "lock debit", "get debit", "put debit sent"],
      ...["POST /v1/direct-debits", "put debit known", "unlock debit"],
    ]);
  });

  it("whose answer is lost is noted as in doubt, under the lock, before the bank is asked for it", async () => {
    bank.faults.on("debit-commit-then-504", { times: 1 });
    await minna.link(linkId).debits.create(order());
    expect(log).toEqual([
      ...["put debit sent", "POST /v1/direct-debits"],
      ...["lock debit", "put debit unknown", "GET /v1/direct-debits", "put debit known", "unlock debit"],
    ]);
  });

  it("with another body is refused by what the journal says", async () => {
    const wanted = order();
    await minna.link(linkId).debits.create(wanted);
    log = [];
    await expect(minna.link(linkId).debits.create({ ...wanted, amount: 101 })).rejects.toMatchObject({
      code: "reference_reused",
    });
    expect(log).toEqual(["put debit sent", "get debit"]);
  });

  it("in twenty calls at once: two operations each", async () => {
    const { debits } = minna.link(linkId);
    await Promise.all(Array.from({ length: 20 }, () => debits.create(order())));
    // Where it lasts for seconds a lock is taken beside it, for which nobody waits.
    const waited = log.filter(name => !name.includes("lock")).sort();
    const each = ["POST /v1/direct-debits", "put debit known", "put debit sent"];
    expect(waited).toEqual(each.flatMap(name => Array(20).fill(name)));
  });
});

describe("a link", () => {
  it("is begun with one operation, and completed with three", async () => {
    const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
    expect(log).toEqual(["POST /par", "put transaction"]);
    const callback = await bank.approve(authorizationUrl);
    log = [];
    await minna.links.complete(callback, { transaction });
    // Looked at before it is spent: a forged callback ends nothing.
    expect(log).toEqual(["get transaction", "take transaction", "POST /token", "put link"]);
  });

  it("is used without the store, once it was read", async () => {
    await minna.link(linkId).accounts.balance(accountId);
    expect(log).toEqual([`GET /v1/accounts/${accountId}/balance`]);
    await anotherProcess(async other => {
      await other.link(linkId).accounts.balance(accountId);
      await other.link(linkId).accounts.balance(accountId);
    });
    const request = `GET /v1/accounts/${accountId}/balance`;
    expect(log).toEqual(["get link", request, request]);
  });

  it("is refreshed under a lock, noted and saved, and nobody waits for the lock to be given back", async () => {
    const { id } = await link(bank, minna, ["balance"]);
    bank.faults.on("api-token-rejected-once", { times: 1 });
    log = [];
    await minna.link(id).accounts.list();
    const before = log.indexOf("POST /token");
    const refresh = ["lock refresh", "get link", "put link noted", "POST /token", "put link", "unlock refresh"];
    expect(before).toBeGreaterThan(0);
    expect(log.filter(name => !name.startsWith("GET "))).toEqual(["get link", ...refresh]);
  });

  it("asked for its grant: read before, and after for what is kept of the answer", async () => {
    await minna.link(linkId).grant.status();
    const [first = "", ...others] = log.splice(0);
    expect([first, others.shift()]).toEqual(["get link", expect.stringMatching(/^GET \/grants\//)]);
    expect(others).toEqual(["get link", "put link"]);
    await minna.link(linkId).grant.status();
    // Nothing new: nothing is written.
    expect(log.filter(name => name.endsWith("link"))).toEqual(["get link", "get link"]);
  });
});

it("recovering where nothing is open: one search for debits, and one for what links were", async () => {
  for await (const one of minna.debits.recover()) expect(one).toBe("nothing");
  expect(log).toEqual(["find debit", "find former"]);
});
