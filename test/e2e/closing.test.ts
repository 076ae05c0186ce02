import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { MemoryStore } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";

/** A store that tells which locks are held, and can keep a call waiting. */
class Watched extends MemoryStore {
  readonly held = new Set<string>();
  gate: Promise<unknown> = Promise.resolve();
  /** What giving a lock back waits for. */
  returning: Promise<unknown> | undefined;
  readonly arrivals = new EventTarget();

  override async lock(key: string, owner: string, duration: number): Promise<boolean> {
    const had = await super.lock(key, owner, duration);
    if (had) this.held.add(key);
    return had;
  }
  override async unlock(key: string, owner: string): Promise<void> {
    await this.returning;
    this.held.delete(key);
    return super.unlock(key, owner);
  }
  override async put(...given: Parameters<MemoryStore["put"]>): Promise<number | undefined> {
    this.arrivals.dispatchEvent(new Event(given[0].split(":", 1).join()));
    await this.gate;
    return super.put(...given);
  }
}

const ORDER = { amount: 500, description: "ﾎﾝ" };
let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(async () => {
  await bank.close();
});

it("a client that is closed lets a debit under way end, and takes no other call", async () => {
  const store = new Watched();
  const minna = connect(bank, "fapi2-security", { store });
  const { id } = await link(bank, minna);
  let open: (value: unknown) => void = () => {};
  store.gate = new Promise(resolve => {
    open = resolve;
  });
  const writing = once(store.arrivals, "debit");
  const debit = minna.link(id).debits.create({ reference: "order-1", ...ORDER });
  await writing;
  let closed = false;
  const closing = minna.close().then(() => {
    closed = true;
  });
  await expect(minna.link(id).accounts.list()).rejects.toMatchObject({ name: "TransportError", code: "closed" });
  // Whether another debit was made before is not known to a client that may not ask any more.
  await expect(minna.link(id).debits.create({ reference: "order-2", ...ORDER })).rejects.toMatchObject({
    code: "debit_outcome_unknown",
    cause: { code: "closed" },
  });
  expect(closed).toBe(false);
  open(undefined);
  expect(await debit).toMatchObject({ status: "succeeded" });
  await closing;
  expect(bank.ledger.entries.filter(entry => entry.partnerTransactionId === "order-1")).toHaveLength(1);
});

it("a client that is closed waits for the locks that are given back, which the calls do not wait for", async () => {
  const store = new Watched();
  const minna = connect(bank, "fapi2-security", { store });
  const { id } = await link(bank, minna);
  let open: (value: unknown) => void = () => {};
  store.returning = new Promise(resolve => {
    open = resolve;
  });
  bank.faults.on("api-token-rejected-once", { times: 1 });
  expect(await minna.link(id).accounts.list()).not.toEqual([]);
  bank.faults.off();
  expect(store.held).toEqual(new Set([`lock:refresh:${id}`]));
  const closing = minna.close();
  open(undefined);
  await closing;
  expect(store.held).toEqual(new Set());
});

it("a call that takes too long is ended, with what is known by then", async () => {
  const store = new Watched();
  const minna = connect(bank, "fapi2-security", { store });
  const { id } = await link(bank, minna, ["debit"], "saburo");
  const { debitId } = await minna.link(id).debits.create({ reference: "order-3", ...ORDER });
  bank.faults.on("debit-stuck-processing");
  const waiting = minna.link(id).debits.settled(debitId);
  await minna.close({ timeout: 50 });
  // What is known is returned, though the time was not over.
  expect(await waiting).toMatchObject({ status: "processing" });
  bank.faults.off();
  expect(store.held).toEqual(new Set());
});

it("a client that is closed while it recovers stops after the debit that it is at", async () => {
  const store = new Watched();
  const minna = connect(bank, "fapi2-security", { store });
  const { id } = await link(bank, minna, ["debit"], "saburo");
  for (const reference of ["order-4", "order-5", "order-6"]) {
    await minna.link(id).debits.create({ reference, ...ORDER });
  }
  const seen: string[] = [];
  for await (const { reference } of minna.debits.recover()) {
    seen.push(reference);
    await minna.close();
  }
  expect(seen).toEqual(["order-4"]);
});

it("a client that can wait no longer does not wait for a refresh that waits for somebody else's lock", {
  timeout: 8_000,
}, async () => {
  const store = new Watched();
  const minna = connect(bank, "fapi2-security", { store });
  const { id } = await link(bank, minna);
  await store.lock(`lock:refresh:${id}`, "a process that was stopped", 60_000);
  bank.faults.on("api-token-rejected-once", { times: 1 });
  const waiting = minna.link(id).accounts.list();
  waiting.catch(() => {});
  await minna.close({ timeout: 100 });
  await expect(waiting).rejects.toMatchObject({ code: "closed" });
  bank.faults.off();
});
