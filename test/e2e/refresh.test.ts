import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryStore } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, endpointsSince, link } from "../support/partner.js";

let bank: Sandbox;
beforeEach(async () => {
  bank = await startSandbox({ accessTokenSeconds: 300, rotateRefreshTokens: true });
});
afterEach(async () => {
  vi.useRealTimers();
  await bank.close();
});

const tokens = (since: number) => endpointsSince(bank, since).filter(endpoint => endpoint === "token").length;

describe("a refresh whose answer was lost", () => {
  it("is told of, where the bank takes the old refresh token no more; the customer renews the link", async () => {
    const store = new MemoryStore();
    const minna = connect(bank, "fapi2-security", { store });
    const { id } = await link(bank, minna);
    bank.faults.on("refresh-rotated-response-lost", { times: 1 });
    bank.faults.on("api-token-rejected-once", { times: 1 });
    await expect(minna.link(id).accounts.list()).rejects.toMatchObject({ code: "connection_lost" });
    // Another process, which knows of it from the store alone.
    const other = connect(bank, "fapi2-security", { store });
    bank.faults.on("api-token-rejected-once", { times: 1 });
    const needsCustomer = {
      code: "reauthorization_required",
      message: expect.stringMatching(/The answer to a refresh was lost \(20.*\+09:00\)/),
    };
    await expect(other.link(id).accounts.list()).rejects.toMatchObject(needsCustomer);
    const { authorizationUrl, transaction } = await other.links.begin({
      customerId: "u-42",
      scopes: ["balance"],
      link: id,
    });
    await other.links.complete(await bank.approve(authorizationUrl), { transaction });
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
    await Promise.all([minna.close(), other.close()]);
  });

  it("is not told of where none was: a refresh token that the bank ended by itself", async () => {
    const minna = connect(bank, "fapi2-security");
    const { id } = await link(bank, minna);
    bank.faults.on("api-token-rejected-once", { times: 1 });
    await minna.link(id).accounts.list();
    bank.faults.on("grant-revoked-at-bank");
    const refused = await minna
      .link(id)
      .accounts.list()
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: "LinkError" });
    expect(String(refused)).not.toContain("lost");
    bank.faults.off();
    await minna.close();
  });
});

describe("an access token", () => {
  it("is refreshed before it expires, once for a hundred callers", async () => {
    const minna = connect(bank, "fapi2-security");
    const { id } = await link(bank, minna);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 280_000 });
    const since = bank.events.length;
    const lists = await Promise.all(Array.from({ length: 100 }, () => minna.link(id).accounts.list()));
    expect(lists.every(accounts => accounts.length === 2)).toBe(true);
    expect(tokens(since)).toBe(1);
    await minna.close();
  });

  it("that ends without notice is refreshed once for all whom the bank refuses, and each call is repeated once", async () => {
    const minna = connect(bank, "fapi1-advanced");
    bank.faults.on("token-no-expires-in");
    const { id } = await link(bank, minna);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 310_000 });
    const since = bank.events.length;
    const lists = await Promise.all(Array.from({ length: 20 }, () => minna.link(id).accounts.list()));
    expect(lists).toHaveLength(20);
    expect(tokens(since)).toBe(1);
    const statuses = bank.events.slice(since).flatMap(event => (event.endpoint === "api" ? [event.status] : []));
    expect(statuses.filter(status => status === 401)).toHaveLength(20);
    expect(statuses.filter(status => status === 200)).toHaveLength(20);
    await minna.close();
  });

  it("is refreshed once for several clients that share a store, and none of them loses the rotated token", async () => {
    const store = new MemoryStore();
    const clients = [1, 2, 3, 4].map(() => connect(bank, "fapi2-message-signing", { store }));
    const [first] = clients;
    if (first === undefined) throw new Error("no client");
    const { id } = await link(bank, first);
    for (let round = 1; round <= 3; round++) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 290_000 });
      const since = bank.events.length;
      await Promise.all(clients.flatMap(minna => [1, 2, 3].map(() => minna.link(id).accounts.list())));
      expect(tokens(since)).toBe(1);
    }
    await Promise.all(clients.map(minna => minna.close()));
  });

  it("serves on while it lasts when the bank is unwell at refresh time", async () => {
    const minna = connect(bank, "fapi2-security");
    const { id } = await link(bank, minna);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 280_000 });
    bank.faults.on("token-response-html");
    bank.faults.on("refresh-response-lost");
    const since = bank.events.length;
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
    expect(tokens(since)).toBe(1);
    await minna.close();
  });

  it("whose caller gave up is refreshed all the same, for the others", async () => {
    const minna = connect(bank, "fapi2-security");
    const { id } = await link(bank, minna);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 280_000 });
    const since = bank.events.length;
    const controller = new AbortController();
    const impatient = minna.link(id).accounts.list({ signal: controller.signal });
    const patient = minna.link(id).accounts.list();
    controller.abort();
    await expect(impatient).rejects.toMatchObject({ name: "TransportError", code: "aborted" });
    expect(await patient).toHaveLength(2);
    expect(tokens(since)).toBe(1);
    await minna.close();
  });
});
