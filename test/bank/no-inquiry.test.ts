import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Debit } from "../../src/bank/debit.js";
import type { CreateDebit } from "../../src/bank/debit-order.js";
import { Debits } from "../../src/bank/debits.js";
import type { JournalEntry } from "../../src/bank/journal.js";
import type { RecoveredDebit } from "../../src/bank/open-debits.js";
import { ApiError, ArgumentError, DebitOutcomeUnknownError, TransportError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { Calls } from "../../src/transport/calls.js";
import type { OutgoingRequest } from "../../src/transport/door.js";
import { INTERACTION_ID } from "../support/calls.js";
import { DebitBank, type Fate } from "../support/debit-bank.js";
import { rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { answer, contextTo, contextWith, openDebits } from "../support/stub-rooms.js";

// Nobody waits here between two attempts.
vi.mock("node:timers/promises", () => ({
  setTimeout: async (_: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) => {
    await new Promise(setImmediate);
    signal?.throwIfAborted();
    return value;
  },
}));

const CALLS = new Calls(15_000);
const ORDER: CreateDebit = { reference: "order-1001", amount: 1980, description: "ﾎﾝ" };
const OPTIONS = { interactionId: INTERACTION_ID };
const HOUR = 3_600_000;
const NEVER: Fate[] = ["is lost on the way", "is lost on the way", "is lost on the way"];
const settings = configuration("fapi2-security", { contract: { inquiry: "none" } });
const asking = configuration("fapi2-security", { contract: { queries: { partnerTransactionId: "order_id" } } });

let bank: DebitBank;
let store: MemoryStore;
let debits: Debits;
/** The requests for a debit, or for several. */
let reads: string[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 3, 1) });
  bank = new DebitBank();
  store = new MemoryStore();
  reads = [];
  debits = new Debits(contextTo(send, settings), store);
});
afterEach(() => {
  vi.useRealTimers();
  expect(bank.inquiries).toBe(0);
});

function send(outgoing: OutgoingRequest): ReturnType<DebitBank["send"]> {
  if (outgoing.method === "GET") reads.push(`${outgoing.url.pathname}${outgoing.url.search}`);
  return bank.send(outgoing);
}

function later(milliseconds: number): void {
  vi.setSystemTime(Date.now() + milliseconds);
}

async function entry(): Promise<JournalEntry> {
  return JSON.parse((await store.get("debit:order-1001"))?.value ?? "null");
}

async function change(changes: Partial<JournalEntry>): Promise<void> {
  const { version = 0 } = (await store.get("debit:order-1001")) ?? {};
  await store.put("debit:order-1001", JSON.stringify({ ...(await entry()), ...changes }), { version });
}

/** Makes a debit that ends in doubt. */
async function doubtful(...fates: Fate[]): Promise<DebitOutcomeUnknownError> {
  bank.fates.push(...fates);
  return rejection(debits.create(ORDER, OPTIONS), DebitOutcomeUnknownError);
}

function keys(): Set<string> {
  return new Set(bank.posts.map(({ key }) => key));
}

describe("a debit whose answer is unclear, at a bank that can't be asked for its reference", () => {
  test.each<Fate>([
    "succeeds, then the connection is lost",
    "succeeds, then answers 500",
    "succeeds, then answers 409",
    "succeeds, then answers in HTML",
    "succeeds, then answers about another reference",
    "succeeds, then answers with another amount",
    "succeeds, then says already_processed",
    "is lost on the way",
    "answers 500",
  ])("is sent again under its key within the call, and is made once: it %s", async fate => {
    bank.fates.push(fate);
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
    expect(bank.posts).toHaveLength(2);
    expect(keys().size).toBe(1);
    expect(bank.ledger).toHaveLength(1);
    expect(reads).toEqual([]);
  });

  test("is sent three times, and then is unknown", async () => {
    const error = await doubtful(...NEVER);
    expect(error).toMatchObject({ reference: "order-1001", interactionId: INTERACTION_ID });
    expect(error.cause).toBeInstanceOf(TransportError);
    expect(bank.posts).toHaveLength(3);
    expect(keys().size).toBe(1);
    expect((await entry()).state).toBe("unknown");
  });

  test("is brought to its end by the next call with its reference, in the same way", async () => {
    await doubtful(...NEVER);
    later(HOUR);
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
    expect(keys().size).toBe(1);
    expect(bank.posts).toHaveLength(4);
  });

  test.each<[string, number, number]>([
    ["while the bank remembers its key", 23 * HOUR, 1],
    ["and not after it", 23 * HOUR + 1, 0],
  ])("is sent again %s", async (_, after, posts) => {
    await doubtful(...NEVER);
    bank.posts.length = 0;
    later(after);
    if (posts === 1) expect((await debits.create(ORDER)).status).toBe("succeeded");
    else {
      const error = await rejection(debits.create(ORDER, OPTIONS), DebitOutcomeUnknownError);
      expect(error).toMatchObject({ code: "debit_key_expired", interactionId: INTERACTION_ID });
      expect(error.message, "nobody was asked").not.toContain("the bank shows no such debit");
      expect((await entry()).state).toBe("unknown");
    }
    expect(bank.posts).toHaveLength(posts);
  });

  test.each<Fate>(["answers 403", "does not leave"])(
    "stays in doubt, however late, where it %s when it is sent again: nobody has said that it was not made",
    async fate => {
      await doubtful(...NEVER);
      later(2 * HOUR);
      const error = await doubtful(fate);
      expect(error.cause).toBeInstanceOf(fate === "does not leave" ? TransportError : ApiError);
      expect((await entry()).state).toBe("unknown");
    },
  );

  test("is not sent for another payer than the first time", async () => {
    await doubtful(...NEVER);
    await change({ sentFor: "another" });
    bank.posts.length = 0;
    expect(await doubtful()).toMatchObject({ code: "debit_outcome_unknown" });
    expect(bank.posts).toEqual([]);
  });

  test("is certainly not made where the bank refuses it, and may be sent again", async () => {
    bank.fates.push("answers 422");
    await rejection(debits.create(ORDER), ApiError);
    expect((await entry()).state).toBe("prepared");
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1" });
  });
});

describe("a debit in processing, at a bank that can't be asked for its reference", () => {
  beforeEach(async () => {
    bank.fates.push("stays processing");
    await debits.create(ORDER);
  });

  test("is asked for by the bank's id, and never sent again", async () => {
    expect((await debits.create(ORDER)).status).toBe("processing");
    bank.complete("succeeded");
    expect((await debits.create(ORDER)).status).toBe("succeeded");
    expect((await entry()).debit?.status).toBe("succeeded");
    expect((await debits.create(ORDER)).status).toBe("succeeded");
    expect(reads).toEqual(["/direct-debits/dd-1", "/direct-debits/dd-1"]);
    expect(bank.posts).toHaveLength(1);
  });

  test("is as it was said last where the bank does not answer", async () => {
    bank.ledger.length = 0;
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "processing" });
    expect(bank.posts).toHaveLength(1);
  });

  test.each<[string, Partial<Debit>]>([
    ["another reference", { partnerTransactionId: "another" }],
    ["another amount", { amount: 1981 }],
    ["another id", { debitId: "dd-2" }],
  ])("is as it was said last where the bank's answer is about %s", async (_, changes) => {
    bank.complete("succeeded");
    const mistaken = (outgoing: OutgoingRequest) =>
      outgoing.method === "GET" ? answer(200, { ...bank.ledger[0], ...changes }) : send(outgoing);
    const misled = new Debits(contextTo(mistaken, settings), store);
    const said = { debitId: "dd-1", partnerTransactionId: "order-1001", amount: 1980, status: "processing" };
    expect(await misled.create(ORDER)).toMatchObject(said);
    expect((await entry()).debit).toMatchObject(said);
    expect((await debits.create(ORDER)).status).toBe("succeeded");
    expect(bank.posts).toHaveLength(1);
  });

  test("is unknown where the journal has lost what was said", async () => {
    const { debit: _, ...rest } = await entry();
    const { version = 0 } = (await store.get("debit:order-1001")) ?? {};
    await store.put("debit:order-1001", JSON.stringify(rest), { version });
    expect(await doubtful()).toMatchObject({ reference: "order-1001", interactionId: INTERACTION_ID });
    expect(reads).toEqual([]);
    expect(bank.posts).toHaveLength(1);
  });
});

describe("looking for a reference, at a bank that can't be asked for it", () => {
  test("asks for the id that the journal has, and keeps what the bank says", async () => {
    bank.fates.push("stays processing");
    await debits.create(ORDER);
    bank.complete("failed");
    const found = await debits.find("order-1001", OPTIONS);
    expect(found).toMatchObject({ debitId: "dd-1", status: "failed", interactionId: INTERACTION_ID });
    expect(Object.isFrozen(found)).toBe(true);
    expect(reads).toEqual(["/direct-debits/dd-1"]);
    expect((await entry()).debit?.status).toBe("failed");
  });

  test("finds nothing where the journal has nothing, or nothing that reached the bank", async () => {
    expect(await debits.find("order-1001")).toBeUndefined();
    bank.fates.push("does not leave");
    await rejection(debits.create(ORDER), TransportError);
    expect((await entry()).state).toBe("prepared");
    expect(await debits.find("order-1001")).toBeUndefined();
    expect(reads).toEqual([]);
  });

  test.each(["sent", "unknown"] as const)("does not say that there is none while that is open: %s", async state => {
    await doubtful(...NEVER);
    await change({ state });
    bank.posts.length = 0;
    const error = await rejection(debits.find("order-1001", OPTIONS), DebitOutcomeUnknownError);
    expect(error).toMatchObject({ reference: "order-1001", interactionId: INTERACTION_ID });
    expect(reads).toEqual([]);
    expect(bank.posts).toEqual([]);
  });

  test.each<Fate>(["succeeds", "stays processing", "is lost on the way"])(
    "finds nothing of another customer's, whatever became of that: it %s",
    async fate => {
      bank.fates.push(fate, fate, fate);
      await debits.create(ORDER).catch(() => {});
      await change({ customerId: "u-7" });
      const others = new Debits(contextWith(contextTo(send, settings), { linkId: "lnk_2" }), store);
      expect(await others.find("order-1001")).toBeUndefined();
      expect(reads).toEqual([]);
    },
  );

  test("finds the debit of a customer who linked their account again", async () => {
    await debits.create(ORDER);
    const again = new Debits(contextWith(contextTo(send, settings), { linkId: "lnk_2" }), store);
    expect(await again.find("order-1001")).toMatchObject({ debitId: "dd-1", status: "succeeded" });
  });

  test("needs one", async () => {
    expect(await rejection(debits.find(""), ArgumentError)).toMatchObject({ argument: "reference" });
  });
});

describe("recovering, at a bank that can't be asked for a reference", () => {
  async function recovered(): Promise<RecoveredDebit[]> {
    const list: RecoveredDebit[] = [];
    for await (const one of openDebits(store, CALLS, () => debits).recover()) list.push(one);
    return list;
  }

  test("sends what is in doubt again under its key, and makes it once", async () => {
    await doubtful("succeeds, then the connection is lost", "answers 500", "answers 500");
    expect(await recovered()).toMatchObject([{ outcome: "settled", debit: { debitId: "dd-1" } }]);
    expect(keys().size).toBe(1);
    expect(bank.ledger).toHaveLength(1);
    expect(await recovered()).toEqual([]);
  });

  test("leaves open what the bank no longer remembers", async () => {
    await doubtful(...NEVER);
    later(24 * HOUR);
    for (let times = 0; times < 2; times++) {
      expect(await recovered()).toMatchObject([{ outcome: "unknown", error: { code: "debit_key_expired" } }]);
    }
    expect(bank.posts).toHaveLength(3);
  });

  test("asks after what is processing by its id", async () => {
    bank.fates.push("stays processing");
    await debits.create(ORDER);
    expect(await recovered()).toMatchObject([{ outcome: "processing", debit: { debitId: "dd-1" } }]);
    bank.complete("succeeded");
    expect(await recovered()).toMatchObject([{ outcome: "settled", debit: { status: "succeeded" } }]);
    expect(bank.posts).toHaveLength(1);
  });
});

describe("a bank that can be asked", () => {
  /** Nothing is found by any reference. */
  const nothing = (outgoing: OutgoingRequest) => {
    const given = send(outgoing);
    return outgoing.method === "GET" ? answer(200, { directDebits: [] }) : given;
  };

  beforeEach(() => {
    debits = new Debits(contextTo(nothing, asking), store);
  });

  test("is asked by its own parameter", async () => {
    expect(await debits.find("order-1001")).toBeUndefined();
    expect(reads).toEqual(["/direct-debits?order_id=order-1001"]);
  });

  test.each<[string, number, typeof ApiError | typeof DebitOutcomeUnknownError]>([
    ["is one, an hour after the last attempt", HOUR + 1, ApiError],
    ["leaves it open before that", HOUR, DebitOutcomeUnknownError],
  ])("and has not got a debit that it refuses when it is sent again: that %s", async (_, after, type) => {
    await doubtful(...NEVER);
    later(after);
    bank.fates.push("answers 403");
    await rejection(debits.create(ORDER) as Promise<unknown>, type as typeof ApiError);
  });

  test("does not make up for a journal that has lost what was said", async () => {
    bank.fates.push("stays processing");
    await debits.create(ORDER);
    const { debit: _, ...rest } = await entry();
    const { version = 0 } = (await store.get("debit:order-1001")) ?? {};
    await store.put("debit:order-1001", JSON.stringify(rest), { version });
    await doubtful();
    expect(reads).toEqual([]);
  });
});
