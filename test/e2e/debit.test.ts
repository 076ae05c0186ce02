import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Link, MemoryStore, type MinnaClient } from "../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";

let bank: Sandbox;
let minna: MinnaClient;
let store: MemoryStore;
let handle: Link;
beforeAll(async () => {
  bank = await startSandbox();
  store = new MemoryStore();
  minna = connect(bank, "fapi2-security", { store });
  handle = minna.link((await link(bank, minna)).id);
});
afterAll(async () => {
  await minna.close();
  await bank.close();
});

const posts = (since: number) => bank.events.slice(since).filter(event => event.method === "POST").length;
const movements = (reference: string) => bank.ledger.entries.filter(entry => entry.partnerTransactionId === reference);
let number = 0;
const order = () => ({ reference: `order-${++number}`, amount: 500, description: "ﾎﾝ" });

describe("a debit whose answer is lost", () => {
  it.each<FaultName>(["debit-commit-then-drop", "debit-answer-unreadable", "debit-504-then-succeeded"])(
    "%s: is found by inquiry, in the same call, and moved money once",
    async fault => {
      const wanted = order();
      bank.faults.on(fault, { times: 1 });
      const since = bank.events.length;
      const debit = await handle.debits.create(wanted);
      expect(debit.partnerTransactionId).toBe(wanted.reference);
      expect(posts(since)).toBe(1);
      expect((await handle.debits.create(wanted)).debitId).toBe(debit.debitId);
      expect(posts(since)).toBe(1);
      expect(movements(wanted.reference)).toHaveLength(1);
    },
  );

  it("debit-drop-before-commit: is sent again under the same key, in the same call, and moves money once", async () => {
    const wanted = order();
    bank.faults.on("debit-drop-before-commit", { times: 1 });
    const since = bank.events.length;
    expect((await handle.debits.create(wanted)).status).toBe("succeeded");
    expect(posts(since)).toBe(2);
    expect(movements(wanted.reference)).toHaveLength(1);
  });

  it("debit-drop-before-commit, each time: the outcome is unknown; the next call settles it under the same key", async () => {
    const wanted = order();
    bank.faults.on("debit-drop-before-commit", { times: 3 });
    await expect(handle.debits.create(wanted)).rejects.toMatchObject({
      name: "DebitOutcomeUnknownError",
      reference: wanted.reference,
      retryable: true,
      sideEffect: "possible",
    });
    expect(movements(wanted.reference)).toHaveLength(0);
    expect((await handle.debits.create(wanted)).status).toBe("succeeded");
    expect(movements(wanted.reference)).toHaveLength(1);
  });
});

describe("the same reference", () => {
  it("at once, from two clients that share a store: one POST, one debit", async () => {
    const wanted = order();
    const other = connect(bank, "fapi2-security", { store });
    const since = bank.events.length;
    const debits = await Promise.all(
      [handle, other.link(handle.id), handle, other.link(handle.id)].map(one => one.debits.create(wanted)),
    );
    expect(new Set(debits.map(debit => debit.debitId)).size).toBe(1);
    expect(posts(since)).toBe(1);
    await other.close();
  });

  it("with another body is refused before any call", async () => {
    const wanted = order();
    await handle.debits.create(wanted);
    const since = bank.events.length;
    await expect(handle.debits.create({ ...wanted, amount: 501 })).rejects.toMatchObject({
      name: "ArgumentError",
      code: "reference_reused",
      argument: "reference",
    });
    expect(bank.events.slice(since)).toEqual([]);
  });
});

describe("a debit that the bank declines", () => {
  it("is a result: insufficient funds", async () => {
    bank.faults.on("debit-fails-insufficient_funds", { times: 1 });
    const debit = await handle.debits.create(order());
    expect(debit).toMatchObject({ status: "failed", failure: { code: "insufficient_funds" } });
  });

  it("already_processed is not a failure: the earlier debit is looked up", async () => {
    // The journal is lost: another store, the same reference.
    const wanted = order();
    const first = await handle.debits.create(wanted);
    const forgetful = connect(bank, "fapi2-security");
    const again = forgetful.link((await link(bank, forgetful)).id);
    expect((await again.debits.create(wanted)).debitId).toBe(first.debitId);
    expect(movements(wanted.reference)).toHaveLength(1);
    await forgetful.close();
  });
});

describe("a debit that was certainly not made", () => {
  it.each<[FaultName, object]>([
    ["api-429", { name: "ApiError", code: "throttled", retryAfter: 1, retryable: true, sideEffect: "none" }],
  ])("%s says so, and the reference can be used again", async (fault, error) => {
    const wanted = order();
    bank.faults.on(fault, { times: 1 });
    await expect(handle.debits.create(wanted)).rejects.toMatchObject(error);
    expect((await handle.debits.create(wanted)).status).toBe("succeeded");
    expect(movements(wanted.reference)).toHaveLength(1);
  });
});
