import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CreateDebit } from "../../src/bank/debit-order.js";
import { Debits } from "../../src/bank/debits.js";
import { DebitOutcomeUnknownError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { DebitBank, FATES, type Fate } from "../support/debit-bank.js";
import { contextTo } from "../support/stub-rooms.js";

// Nobody waits here between two attempts.
vi.mock("node:timers/promises", () => ({
  setTimeout: async (_: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) => {
    await new Promise(setImmediate);
    signal?.throwIfAborted();
    return value;
  },
}));

// Another seed or more runs: FC_SEED=… FC_RUNS=… npx vitest run test/bank
const SEED = Number(process.env["FC_SEED"] ?? 3);
const RUNS = Number(process.env["FC_RUNS"] ?? 300);
const HOUR = 3_600_000;
const REFERENCES = ["order-1", "order-2"];
const START = Date.UTC(2026, 3, 1);

/** What two attempts must meet with for one to hide the other; it would seldom come by chance alone. */
const DOUBTFUL: readonly Fate[] = Array.from({ length: 4 }, () => [
  "answers 504, and succeeds later" as const,
  "does not leave" as const,
]).flat();

/** One attempt of the partner, and what the world does before it. */
const attempt = fc.record({
  reference: fc.constantFrom("order-1", "order-1", "order-1", "order-2"),
  process: fc.constantFrom(0, 1),
  both: fc.nat(19).map(roll => roll === 0),
  hoursLater: fc.constantFrom(0, 0, 0, 0.1, 22, 23.5, 30, 30),
  bankCatchesUp: fc.boolean(),
  bankCompletes: fc.boolean(),
  fates: fc.array(fc.constantFrom(...FATES, ...DOUBTFUL), { maxLength: 4 }),
  // Three fail a whole inquiry, which is repeated.
  failingInquiries: fc.constantFrom(0, 0, 0, 1, 3),
});

interface Attempted {
  readonly order: CreateDebit;
  readonly outcome: unknown;
  readonly bank: DebitBank;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Plays a history of attempts and looks at the bank after each of them. */
async function forAnyHistory(
  check: (attempted: Attempted) => void,
  inTheEnd: (bank: DebitBank) => void = () => {},
): Promise<void> {
  const history = fc.array(attempt, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(history, async attempted => {
      vi.setSystemTime(START);
      const bank = new DebitBank();
      const store = new MemoryStore();
      const processes = [0, 1].map(() => new Debits(contextTo(bank.send), store));
      for (const { reference, process, both, hoursLater, fates, ...world } of attempted) {
        vi.setSystemTime(Date.now() + hoursLater * HOUR);
        // Nothing stays under way at the bank for as long as an hour.
        if (world.bankCatchesUp || hoursLater >= 1) bank.catchUp();
        if (world.bankCompletes) bank.complete("succeeded");
        bank.failingInquiries = world.failingInquiries;
        bank.fates.splice(0, bank.fates.length, ...fates);
        const order = { reference, amount: reference === "order-1" ? 1980 : 500, description: "ﾎﾝ" };
        const callers = processes.filter((_, index) => both || index === process);
        const attempts = callers.map(async caller => {
          const outcome = await caller.create(order).catch((error: unknown) => error);
          // At once: what one caller is told need not be true any more when the other one has had its turn.
          check({ order, outcome, bank });
        });
        await Promise.all(attempts);
      }
      // What is still under way is made in the end, whatever anybody thinks by then.
      bank.catchUp();
      inTheEnd(bank);
    }),
    { seed: SEED, numRuns: RUNS },
  );
}

test("whatever happens on the way, a reference is debited at most once and sent under one key", async () => {
  const once = (bank: DebitBank) => {
    for (const reference of REFERENCES) {
      const posts = bank.posts.filter(post => post.body.partnerTransactionId === reference);
      expect(new Set(posts.map(post => post.key)).size).toBeLessThanOrEqual(1);
      const made = bank.ledger.filter(debit => debit.partnerTransactionId === reference);
      expect(made.length).toBeLessThanOrEqual(1);
    }
  };
  await forAnyHistory(({ bank }) => once(bank), once);
});

test("whatever happens on the way, an error other than an unknown outcome means that no money moves", async () => {
  await forAnyHistory(({ order, outcome, bank }) => {
    if (!(outcome instanceof Error) || outcome instanceof DebitOutcomeUnknownError) return;
    expect(bank.isRunning(order.reference)).toBe(false);
    expect(bank.ledger.filter(debit => debit.partnerTransactionId === order.reference)).toEqual([]);
  });
});

test("whatever happens on the way, a debit that is returned is one that the bank made", async () => {
  await forAnyHistory(({ order, outcome, bank }) => {
    if (outcome instanceof Error) return;
    expect(outcome).toMatchObject({ partnerTransactionId: order.reference, amount: order.amount });
    expect(bank.ledger.map(debit => debit.debitId)).toContain((outcome as { debitId: string }).debitId);
  });
});
