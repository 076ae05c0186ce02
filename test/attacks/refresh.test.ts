import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryStore, type StoreEntry } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, endpointsSince, link } from "../support/partner.js";

let bank: Sandbox;
beforeEach(async () => {
  bank = await startSandbox({ rotateRefreshTokens: true });
});
afterEach(async () => {
  vi.useRealTimers();
  await bank.close();
});

const later = (milliseconds: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });

describe("refreshing with rotation", () => {
  it("refresh-rotated-response-lost: the old token serves while it lasts; then the link needs the customer, and says so", async () => {
    const minna = connect(bank, "fapi2-security");
    const { id } = await link(bank, minna);
    bank.faults.on("refresh-rotated-response-lost", { times: 1 });
    later(280_000);
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
    later(60_000);
    // The bank has ended the token that it saw used, and the new one is lost: the protocol has no way back.
    await expect(minna.link(id).accounts.list()).rejects.toMatchObject({
      name: "LinkError",
      code: "reauthorization_required",
    });
    await minna.close();
  });

  it("refresh-race: two clients on one store use the refresh token once", async () => {
    const store = new MemoryStore();
    const [one, two] = [connect(bank, "fapi1-advanced", { store }), connect(bank, "fapi1-advanced", { store })];
    const { id } = await link(bank, one);
    later(310_000);
    const since = bank.events.length;
    const lists = await Promise.all([one, two, one, two].map(minna => minna.link(id).accounts.list()));
    expect(lists.every(accounts => accounts.length === 2)).toBe(true);
    expect(endpointsSince(bank, since).filter(endpoint => endpoint === "token")).toHaveLength(1);
    await Promise.all([one.close(), two.close()]);
  });

  it("refresh-invalid-grant-after-race: who loses looks again before the link is called dead", async () => {
    const store = new MemoryStore();
    const winner = connect(bank, "fapi2-security", { store });
    const { id } = await link(bank, winner);
    const before = await store.get(`link:${id}`);
    later(310_000);
    // The loser read the link before the winner saved it, and its lock ran out while it was paused.
    const late = new LateReader(store, before);
    const loser = connect(bank, "fapi2-security", { store: late });
    expect(await winner.link(id).accounts.list()).toHaveLength(2);
    bank.faults.on("refresh-invalid-grant", { times: 1 });
    const since = bank.events.length;
    expect(await loser.link(id).accounts.list()).toHaveLength(2);
    const asked = bank.events.slice(since).filter(event => event.endpoint === "token");
    expect(asked.map(event => event.status)).toEqual([400]);
    await Promise.all([winner.close(), loser.close()]);
  });
});

/** Answers the first two reads with what was there before. */
class LateReader extends MemoryStore {
  readonly #store: MemoryStore;
  readonly #before: StoreEntry | undefined;
  #reads = 0;

  constructor(store: MemoryStore, before: StoreEntry | undefined) {
    super();
    this.#store = store;
    this.#before = before;
  }

  override async get(key: string): Promise<StoreEntry | undefined> {
    return ++this.#reads <= 2 ? this.#before : this.#store.get(key);
  }
}
