import { describe, expect, it, vi } from "vitest";
import { MemoryStore, type MinnaClient } from "../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";
import { BOUND, type Death, everyDeath, run, TIMEOUT } from "./doomed.js";

type Moved = "moved" | "not moved";
/** A step, and where the money is when the process died before it, and after. */
type Step = readonly [step: string, before: Moved, after: Moved];

const CLEAR: readonly Step[] = [
  ["get link", "not moved", "not moved"],
  ["put debit sent", "not moved", "not moved"],
  ["POST /v1/direct-debits leaves", "not moved", "moved"],
  ["POST /v1/direct-debits is answered", "moved", "moved"],
  ["put debit known", "moved", "moved"],
];
/** The answer is a gateway's, though the bank has made the debit: it is looked up. */
const UNCLEAR: readonly Step[] = [
  ...CLEAR.slice(0, 4),
  ["lock debit", "moved", "moved"],
  ["put debit unknown", "moved", "moved"],
  ["GET /v1/direct-debits leaves", "moved", "moved"],
  ["GET /v1/direct-debits is answered", "moved", "moved"],
  ...CLEAR.slice(4),
  ["unlock debit", "moved", "moved"],
];

/** A bank, a linked account and a store of its own for each test: they run side by side, and wait for locks together. */
class World implements AsyncDisposable {
  readonly bank: Sandbox;
  readonly store = new MemoryStore();
  readonly options: object;
  readonly minna: MinnaClient;
  linkId = "";

  private constructor(bank: Sandbox) {
    this.bank = bank;
    this.options = { ...bank.client("fapi2-security"), timeout: TIMEOUT };
    this.minna = connect(bank, "fapi2-security", { store: this.store, timeout: TIMEOUT });
  }

  static async create(fault: FaultName | undefined): Promise<World> {
    const world = new World(await startSandbox());
    ({ id: world.linkId } = await link(world.bank, world.minna, ["debit"]));
    // This bank tells debits apart by their keys alone: nothing but the journal keeps it from making a second one.
    world.bank.faults.on("debit-references-not-compared");
    if (fault !== undefined) world.bank.faults.on(fault);
    return world;
  }

  async run(reference: string, death?: Death): Promise<readonly string[] | undefined> {
    const { options, linkId, store } = this;
    return run({ options, linkId, reference }, store, death);
  }

  made(reference: string): number {
    return this.bank.ledger.entries.filter(({ partnerTransactionId }) => partnerTransactionId === reference).length;
  }

  /** Makes the debit again, in a process that lives. */
  async create(reference: string): Promise<void> {
    const order = { reference, amount: 100, description: "ﾎﾝ" };
    const debit = await this.minna.link(this.linkId).debits.create(order, { timeout: BOUND });
    expect(debit).toMatchObject({ partnerTransactionId: reference, status: "succeeded" });
    expect([reference, this.made(reference)]).toEqual([reference, 1]);
  }

  async pending(): Promise<string[]> {
    const references: string[] = [];
    for await (const { reference } of this.minna.debits.pending()) references.push(reference);
    return references;
  }

  /** After one that lives, lets a process make a debit and die, at each step from this one on and on both sides of it; returns the references. */
  async killAtEveryStep(steps: readonly Step[], from: number): Promise<readonly string[]> {
    expect(await this.run("order-1")).toEqual(steps.map(([step]) => step));
    expect(this.made("order-1")).toBe(1);
    const killed = everyDeath(steps, from).map(async death => {
      const reference = `order-${death.step}-${death.side}`;
      await this.run(reference, death);
      const [, before, after] = steps[death.step] as Step;
      const moved = (death.side === "before" ? before : after) === "moved" ? 1 : 0;
      // The bank works on what has left, also when nobody waits for it any more.
      await vi.waitFor(() => expect([reference, this.made(reference)]).toEqual([reference, moved]), {
        timeout: TIMEOUT,
      });
      return reference;
    });
    return Promise.all(killed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.minna.close();
    await this.bank.close();
  }
}

describe.concurrent.each([
  ["a clear answer", CLEAR, undefined, 0],
  // Up to the answer nothing is different.
  ["an unclear answer", UNCLEAR, "debit-commit-then-504", 3],
] as const)("a debit with %s", (_, steps, fault, from) => {
  it("is made exactly once wherever the process dies: recover() settles it, and it is created again", async () => {
    await using world = await World.create(fault);
    const references = await world.killAtEveryStep(steps, from);
    // What was promised and not kept shows until it is settled.
    expect(await world.pending()).not.toEqual([]);
    await vi.waitFor(
      async () => {
        for await (const { outcome } of world.minna.debits.recover()) expect(outcome).toBe("settled");
        expect(await world.pending()).toEqual([]);
      },
      { timeout: BOUND, interval: 250 },
    );
    await Promise.all(references.map(reference => world.create(reference)));
    expect(await world.pending()).toEqual([]);
  }, 120_000);

  it("is made exactly once where it is created again at once, and recover() finds nothing to do", async () => {
    await using world = await World.create(fault);
    const references = await world.killAtEveryStep(steps, from);
    await Promise.all(references.map(reference => world.create(reference)));
    for await (const one of world.minna.debits.recover()) expect(one).toBe("nothing");
    expect(await world.pending()).toEqual([]);
  }, 120_000);
});
