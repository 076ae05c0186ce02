import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { MemoryStore, type StoreEntry } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";
import { committing, expectNothingBut, expectRefused, NEEDS_CUSTOMER } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox({ rotateRefreshTokens: true });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => bank.close());

const later = (milliseconds: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });

describe.each(PROFILES)("%s: refreshing with rotation", profile => {
  it("refresh-rotated-response-lost: the old token serves while it lasts; then the link needs the customer, and says so", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    later(280_000);
    const since = bank.events.length;
    await committing(bank, ["refresh-rotated-response-lost"], async () => {
      expect(await minna.link(id).accounts.list()).toHaveLength(2);
    });
    expectNothingBut(bank, since, ["token", "api"]);
    later(60_000);
    // The bank has ended the token that it saw used, and the new one is lost: the protocol has no way back.
    await expectRefused(bank, NEEDS_CUSTOMER, ["token"], () => minna.link(id).accounts.list());
    await minna.close();
  });

  it("refresh-race: two clients on one store use the refresh token once", async () => {
    const store = new MemoryStore();
    const [one, two] = [connect(bank, profile, { store }), connect(bank, profile, { store })];
    const { id } = await link(bank, one);
    await two.ready();
    later(310_000);
    const since = bank.events.length;
    await committing(bank, ["refresh-race"], async () => {
      const lists = await Promise.all([one, two, one, two].map(minna => minna.link(id).accounts.list()));
      expect(lists.every(accounts => accounts.length === 2)).toBe(true);
    });
    // The second client may have to fetch the keys for itself.
    expectNothingBut(bank, since, ["jwks", "token", "api", "api", "api", "api"]);
    later(310_000);
    expect(await two.link(id).accounts.list()).toHaveLength(2);
    await Promise.all([one.close(), two.close()]);
  });

  it("refresh-invalid-grant-after-race: who loses looks again before the link is called dead", async () => {
    const store = new MemoryStore();
    const winner = connect(bank, profile, { store });
    const { id } = await link(bank, winner);
    const before = await store.get(`link:${id}`);
    later(310_000);
    // The loser read the link before the winner saved it, and its lock ran out while it was paused.
    const loser = connect(bank, profile, { store: new LateReader(store, before) });
    await loser.ready();
    expect(await winner.link(id).accounts.list()).toHaveLength(2);
    const since = bank.events.length;
    await committing(bank, ["refresh-invalid-grant-after-race"], async () => {
      expect(await loser.link(id).accounts.list()).toHaveLength(2);
    });
    expectNothingBut(bank, since, ["jwks", "token", "api"]);
    const asked = bank.events.slice(since).filter(event => event.endpoint === "token");
    expect(asked.map(event => event.status)).toEqual([400]);
    await Promise.all([winner.close(), loser.close()]);
  });

  it("refresh-invalid-grant-after-race: who has lost to nobody says that the link needs the customer", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    await committing(bank, ["api-token-rejected-once", "refresh-invalid-grant-after-race"], () =>
      expectRefused(bank, NEEDS_CUSTOMER, ["api", "token"], () => minna.link(id).accounts.list()),
    );
    await minna.close();
  });
});

/** Answers the first two reads with what was there before; what was written then was written before the winner came. */
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

  override async put(...given: Parameters<MemoryStore["put"]>): Promise<number | undefined> {
    return this.#reads <= 2 ? (this.#before?.version ?? 0) + 1 : this.#store.put(...given);
  }
}
