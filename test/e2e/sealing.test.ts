import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore, type MinnaClient, type StoreEntry } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";

const KEYS = ["2026", "2025"].map(kid => ({ kid, key: randomBytes(32).toString("base64url") }));
const [NEW, OLD] = KEYS as [(typeof KEYS)[0], (typeof KEYS)[0]];

/** Everything that was ever put. */
class Database extends MemoryStore {
  readonly written: string[] = [];
  override async put(...given: Parameters<MemoryStore["put"]>): Promise<number | undefined> {
    this.written.push(given[1]);
    return super.put(...given);
  }
}

let bank: Sandbox;
let store: Database;
let open: MinnaClient[];
beforeAll(async () => {
  bank = await startSandbox({ accessTokenSeconds: 86_400 });
});
beforeEach(() => {
  store = new Database();
  open = [];
  return async () => {
    bank.faults.off();
    await Promise.all(open.map(minna => minna.close()));
  };
});
afterAll(async () => {
  await bank.close();
});

function partner(...keys: readonly { readonly kid: string; readonly key: string }[]): MinnaClient {
  const minna = connect(bank, "fapi2-security", keys.length === 0 ? { store } : { store, sealing: { keys } });
  open.push(minna);
  return minna;
}

const ORDER = { amount: 500, description: "ヒミツノホン" };

async function entry(key: string): Promise<StoreEntry> {
  const found = await store.get(key);
  if (found === undefined) throw new Error(`no ${key}`);
  return found;
}

describe("a sealed store", () => {
  it("holds nothing that can be read, and does everything that another one does", async () => {
    const minna = partner(NEW);
    const { id } = await link(bank, minna);
    await minna.link(id).debits.create({ reference: "order-1", ...ORDER });
    expect(store.written.length).toBeGreaterThan(3);
    for (const value of store.written) {
      expect(value).toMatch(/^ey[\w-]+(\.[\w-]+){4}$/);
      expect(value).not.toContain(Buffer.from(ORDER.description).toString("base64url"));
    }
    const again = partner(NEW);
    expect(await again.links.get(id)).toMatchObject({ customerId: "u-42" });
    expect((await again.link(id).accounts.list()).length).toBe(2);
    expect(await again.link(id).debits.create({ reference: "order-1", ...ORDER })).toMatchObject({ amount: 500 });
  });

  it("takes no link's tokens for another's", async () => {
    const minna = partner(NEW);
    const [mine, yours] = [
      await link(bank, minna, ["balance"], "hanako"),
      await link(bank, minna, ["balance"], "taro"),
    ];
    const { version } = await entry(`link:${mine.id}`);
    await store.put(`link:${mine.id}`, (await entry(`link:${yours.id}`)).value, { version });
    const since = bank.events.length;
    await expect(partner(NEW).link(mine.id).accounts.list()).rejects.toMatchObject({
      name: "StoreError",
      code: "seal_invalid",
    });
    expect(bank.events.slice(since)).toEqual([]);
  });

  it("refuses what is not sealed, until it is said that it may be there", async () => {
    const { id } = await link(bank, partner());
    await expect(partner(NEW).links.get(id)).rejects.toMatchObject({ code: "seal_invalid" });
    const minna = connect(bank, "fapi2-security", { store, sealing: { keys: [NEW], plain: "accept" } });
    open.push(minna);
    expect(await minna.links.get(id)).toMatchObject({ id });
    expect(await minna.reseal()).toEqual({ resealed: 1, inUse: 0 });
    expect(await partner(NEW).links.get(id)).toMatchObject({ id });
  });

  it("whose key is lost says which, and loses nothing", async () => {
    const { id } = await link(bank, partner(OLD));
    const { id: other } = await link(bank, partner(NEW));
    const minna = partner(NEW);
    await expect(minna.link(id).accounts.list()).rejects.toMatchObject({
      code: "sealing_key_missing",
      retryable: false,
      message: expect.stringContaining('"2025"'),
    });
    // The others are listed all the same, before it is said.
    const listed: string[] = [];
    const listing = async () => {
      for await (const one of minna.links.list({ customerId: "u-42" })) listed.push(one.id);
    };
    await expect(listing()).rejects.toMatchObject({ code: "sealing_key_missing" });
    expect(listed).toEqual([other]);
    expect((await partner(NEW, OLD).link(id).accounts.list()).length).toBe(2);
  });
});

describe("a new sealing key", () => {
  it("seals what is written, and with reseal() the rest: then the old one can go", async () => {
    const before = partner(OLD);
    const ids = [];
    for (const customer of ["hanako", "saburo"]) ids.push((await link(bank, before, ["debit"], customer)).id);
    await before.link(ids[0] ?? "").debits.create({ reference: "order-2", ...ORDER });
    await before.link(ids[1] ?? "").debits.create({ reference: "order-3", ...ORDER });

    const [one, two] = [partner(NEW, OLD), partner(NEW, OLD)];
    const resealed = await Promise.all([one.reseal(), two.reseal()]);
    // Each by one of the two, or by both after one another: no less, and nothing is lost.
    expect(resealed.reduce((sum, { resealed: count }) => sum + count, 0)).toBeGreaterThanOrEqual(4);
    expect(await one.reseal()).toEqual({ resealed: 0, inUse: 0 });

    const after = partner(NEW);
    for (const id of ids) expect((await after.link(id).accounts.list()).length).toBe(2);
    expect(await after.link(ids[0] ?? "").debits.find("order-2")).toMatchObject({ status: "succeeded" });
    const pending = [];
    for await (const { reference } of after.debits.pending()) pending.push(reference);
    expect(pending).toEqual(["order-3"]);
  });

  it("comes to a fleet deploy by deploy: no process meets what it can't open", async () => {
    const deploys = [
      undefined,
      { keys: [OLD], plain: "write" },
      { keys: [OLD], plain: "accept" },
      { keys: [OLD, NEW], plain: "accept" },
      { keys: [NEW, OLD], plain: "accept" },
    ] as const;
    const processes = deploys.map(sealing => {
      const minna = connect(bank, "fapi2-security", sealing === undefined ? { store } : { store, sealing });
      open.push(minna);
      return minna;
    });
    // During a deploy, one process is as it was and the other one is new already: each writes, and the other reads.
    for (const [index, before] of processes.slice(0, -1).entries()) {
      const after = processes[index + 1] as MinnaClient;
      const ids = [(await link(bank, before, ["balance"])).id, (await link(bank, after, ["balance"])).id];
      for (const id of ids) for (const one of [before, after]) expect(await one.links.get(id)).toMatchObject({ id });
    }
    await processes.at(-1)?.reseal();
    let count = 0;
    for await (const _ of partner(NEW).links.list()) count++;
    expect(count).toBe(8);
  });

  it("needs one to seal under", async () => {
    await expect(partner().reseal()).rejects.toMatchObject({ name: "ConfigurationError" });
  });
});
