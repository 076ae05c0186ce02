import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CreateDebit } from "../../src/bank/debit-order.js";
import { Debits } from "../../src/bank/debits.js";
import {
  ApiError,
  ArgumentError,
  DebitOutcomeUnknownError,
  LinkError,
  type MinnaError,
  StoreError,
  TransportError,
} from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import type { PutOptions, Store } from "../../src/links/store.js";
import type { OutgoingRequest } from "../../src/transport/door.js";
import { DebitBank, type Fate } from "../support/debit-bank.js";
import { rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { answer, contextTo, contextWith, linkRecord } from "../support/stub-rooms.js";

// Nobody waits here between two attempts.
vi.mock("node:timers/promises", () => ({
  setTimeout: async (_: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) => {
    await new Promise(setImmediate);
    signal?.throwIfAborted();
    return value;
  },
}));

const ORDER: CreateDebit = { reference: "order-1001", amount: 1980, description: "ﾎﾝ" };
const HOUR = 3_600_000;

let bank: DebitBank;
let store: MemoryStore;
let debits: Debits;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  bank = new DebitBank();
  store = new MemoryStore();
  debits = new Debits(contextTo(bank.send), store);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** The same partner in another process: it shares the store and nothing else. */
function anotherProcess(): Debits {
  return new Debits(contextTo(bank.send), store);
}

/** Of a link that can't be used as it is. */
const asItStands = async () => undefined;

function keysSent(): Set<string> {
  return new Set(bank.posts.map(post => post.key));
}

describe("a debit", () => {
  test("is returned as the bank made it, with the interaction id, and frozen", async () => {
    const debit = await debits.create(ORDER, { interactionId: "11111111-2222-4333-8444-555555555555" });
    expect(debit).toMatchObject({
      debitId: "dd-1",
      partnerTransactionId: "order-1001",
      status: "succeeded",
      amount: 1980,
      interactionId: "11111111-2222-4333-8444-555555555555",
    });
    expect(Object.isFrozen(debit)).toBe(true);
  });

  test("is sent with the contract's members and a key of at most 40 characters", async () => {
    await debits.create({ ...ORDER, accountId: "acc-1", kind: "charge" });
    expect(bank.posts).toEqual([
      {
        key: expect.stringMatching(/^[\x21-\x7e]{16,40}$/),
        body: {
          partnerTransactionId: "order-1001",
          accountId: "acc-1",
          amount: 1980,
          currencyCode: "JPY",
          description: "ﾎﾝ",
          kind: "charge",
        },
      },
    ]);
  });

  test("that the bank declined is a result, and stays the same one for ever", async () => {
    bank.fates.push("is declined");
    const first = await debits.create(ORDER);
    expect(first).toMatchObject({ status: "failed", failure: { code: "insufficient_funds", retryable: true } });
    expect(await debits.create(ORDER)).toMatchObject({ debitId: first.debitId, status: "failed" });
    expect(bank.posts).toHaveLength(1);
  });

  test("is in the journal before it leaves", async () => {
    const seen: (string | undefined)[] = [];
    const watched = new Debits(
      contextTo(async outgoing => {
        seen.push((await store.get("debit:order-1001"))?.value);
        return bank.send(outgoing);
      }),
      store,
    );
    await watched.create(ORDER);
    const [post] = bank.posts;
    expect(JSON.parse(seen[0] ?? "null")).toMatchObject({ state: "sent", idempotencyKey: post?.key });
  });

  test("does not leave when the journal can't be written", async () => {
    const broken = new Debits(contextTo(bank.send), new FailingStore(1));
    await expect(broken.create(ORDER)).rejects.toThrow();
    expect(bank.posts).toHaveLength(0);
  });

  test("is found among the open ones while it is processing, and no longer once it is over", async () => {
    bank.fates.push("stays processing");
    await debits.create(ORDER);
    expect(await store.find({ label: "debit", value: "open", limit: 10 })).toHaveLength(1);
    bank.complete("succeeded");
    await debits.create(ORDER);
    expect(await store.find({ label: "debit", value: "open", limit: 10 })).toHaveLength(0);
  });
});

describe("the same reference", () => {
  test("with the same body is one POST, and the same debit", async () => {
    const first = await debits.create(ORDER);
    const second = await debits.create({
      description: "ﾎﾝ",
      amount: 1980,
      reference: "order-1001",
      kind: "per_purchase",
    });
    expect(second.debitId).toBe(first.debitId);
    expect(bank.posts).toHaveLength(1);
  });

  test("with the same body from another process is one POST, and the same debit", async () => {
    const first = await debits.create(ORDER);
    expect((await anotherProcess().create(ORDER)).debitId).toBe(first.debitId);
    expect(bank.posts).toHaveLength(1);
  });

  test("from concurrent callers in two processes is one POST", async () => {
    const other = anotherProcess();
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? debits : other).create(ORDER)),
    );
    expect(new Set(results.map(result => result.debitId))).toEqual(new Set(["dd-1"]));
    expect(bank.posts).toHaveLength(1);
  });

  test.each<[string, Partial<CreateDebit>]>([
    ["amount", { amount: 1981 }],
    ["description", { description: "ﾎﾝ2" }],
    ["account", { accountId: "acc-2" }],
    ["kind", { kind: "charge" }],
  ])("with another %s is an error, and nothing is sent", async (_, change) => {
    await debits.create(ORDER);
    const error = await rejection(debits.create({ ...ORDER, ...change }), ArgumentError);
    expect(error).toMatchObject({ code: "reference_reused", argument: "reference", sideEffect: "none" });
    expect(bank.posts).toHaveLength(1);
    expect(bank.inquiries).toBe(0);
  });

  test("for another customer is an error, and nothing is sent; a new link of the same customer finds the debit", async () => {
    const first = await debits.create(ORDER);
    const context = contextWith(contextTo(bank.send), { linkId: "lnk_2" });
    expect((await new Debits(context, store).create(ORDER)).debitId).toBe(first.debitId);
    const usable = async () => ({ record: linkRecord({ customerId: "u-43" }), accessToken: "at" });
    const resources = { usable, asItStands } as unknown as typeof context.resources;
    const stranger = new Debits(contextWith(context, { resources }), store);
    expect(await rejection(stranger.create(ORDER), ArgumentError)).toMatchObject({ code: "reference_reused" });
    expect(bank.posts).toHaveLength(1);
  });

  test("of a debit in processing asks for its state, and never sends it again", async () => {
    bank.fates.push("stays processing");
    expect((await debits.create(ORDER)).status).toBe("processing");
    expect((await debits.create(ORDER)).status).toBe("processing");
    bank.complete("succeeded");
    expect((await debits.create(ORDER)).status).toBe("succeeded");
    expect((await debits.create(ORDER)).status).toBe("succeeded");
    expect(bank.posts).toHaveLength(1);
    expect(bank.inquiries).toBe(2);
  });

  test("of a debit in processing never says that it was not made, while the bank can't be asked", async () => {
    bank.fates.push("stays processing");
    await debits.create(ORDER);
    bank.failingInquiries = 1;
    const outcome = await debits.create(ORDER).catch((error: unknown) => error);
    // Either the last known state or "unknown": an ApiError would mean that no money has moved.
    if (outcome instanceof Error) expect(outcome).toBeInstanceOf(DebitOutcomeUnknownError);
    else expect(outcome).toMatchObject({ debitId: "dd-1", status: "processing" });
    expect(bank.posts).toHaveLength(1);
  });

  test("of a debit with a status of the bank's own asks again: it may not be the last one", async () => {
    bank.fates.push("stays processing");
    const odd = new Debits(
      contextTo(outgoing => {
        const given = bank.send(outgoing);
        return outgoing.method === "POST" ? { ...given, body: given.body.replace("processing", "accepted") } : given;
      }),
      store,
    );
    expect((await odd.create(ORDER)).status).toBe("accepted");
    bank.complete("succeeded");
    expect((await odd.create(ORDER)).status).toBe("succeeded");
    expect(bank.posts).toHaveLength(1);
  });
});

describe("an unclear answer", () => {
  test.each<Fate>([
    "succeeds, then the connection is lost",
    "succeeds, then answers 500",
    "succeeds, then answers 409",
    "succeeds, then answers in HTML",
    "succeeds, then answers about another reference",
    "succeeds, then answers with another amount",
    "succeeds, then says already_processed",
  ])("is resolved by an inquiry when the bank %s", async fate => {
    bank.fates.push(fate);
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded", amount: 1980 });
    expect(bank.posts).toHaveLength(1);
    expect(bank.inquiries).toBe(1);
    await debits.create(ORDER);
    expect(bank.posts).toHaveLength(1);
  });

  test("to a debit that the bank has not got is followed by the same key, within the call", async () => {
    bank.fates.push("is lost on the way", "answers 500");
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
    expect(bank.posts).toHaveLength(3);
    expect(keysSent().size).toBe(1);
    expect(bank.ledger).toHaveLength(1);
  });

  test.each<Fate>(["is lost on the way", "answers 500", "answers 504, and succeeds later"])(
    "is an unknown outcome where the bank shows no debit in the end: it %s",
    async fate => {
      bank.fates.push(fate, fate, fate);
      const error = await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
      expect(error).toMatchObject({ reference: "order-1001", sideEffect: "possible", retryable: true });
      expect(error.interactionId).toBeDefined();
    },
  );

  test("is an unknown outcome while the inquiry fails too, and known as soon as it does not", async () => {
    bank.fates.push("succeeds, then the connection is lost");
    bank.failingInquiries = 6;
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
    expect(bank.posts).toHaveLength(1);
  });

  test("is followed by the same key once the bank says that it has no such debit", async () => {
    bank.fates.push("is lost on the way", "is lost on the way", "is lost on the way");
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    expect(await anotherProcess().create(ORDER)).toMatchObject({ status: "succeeded" });
    expect(bank.posts).toHaveLength(4);
    expect(keysSent().size).toBe(1);
    expect(bank.ledger).toHaveLength(1);
  });

  test("of a debit that the bank makes late ends in that debit, and no second one", async () => {
    bank.fates.push("answers 504, and succeeds later");
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    bank.catchUp();
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
    expect(bank.ledger).toHaveLength(1);
  });

  test("is never followed by a POST once the bank may have forgotten the key", async () => {
    bank.fates.push("is lost on the way", "is lost on the way", "is lost on the way");
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    vi.setSystemTime(Date.now() + 24 * HOUR);
    expect(await rejection(debits.create(ORDER), DebitOutcomeUnknownError)).toMatchObject({
      code: "debit_key_expired",
    });
    expect(bank.posts).toHaveLength(3);
    expect(bank.inquiries).toBe(4);
  });

  test("is still resolved by inquiry after the key's window", async () => {
    bank.fates.push("answers 504, and succeeds later");
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    bank.catchUp();
    vi.setSystemTime(Date.now() + 100 * HOUR);
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1" });
    expect(bank.posts).toHaveLength(3);
  });

  test("leaves no doubt any more an hour later, where the bank still has no such debit", async () => {
    bank.fates.push("is lost on the way", "is lost on the way", "is lost on the way", "answers 403");
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    vi.setSystemTime(Date.now() + HOUR + 1);
    expect(await rejection(debits.create(ORDER), ApiError)).toMatchObject({ code: "forbidden", sideEffect: "none" });
    expect(await store.find({ label: "debit", value: "open", limit: 10 })).toEqual([]);
  });

  test("does not become a success through an inquiry that shows another amount", async () => {
    const short = new Debits(
      contextTo(outgoing => {
        const given = bank.send(outgoing);
        return { ...given, body: given.body.replace('"amount":1980', '"amount":198') };
      }),
      store,
    );
    await rejection(short.create(ORDER), DebitOutcomeUnknownError);
    await rejection(short.create(ORDER), DebitOutcomeUnknownError);
    expect(bank.posts).toHaveLength(1);
  });

  test("to a request that the deadline ended is an unknown outcome", async () => {
    const hanging = new Debits(
      contextTo((outgoing, call) => {
        if (outgoing.method === "GET") throw new TransportError("timeout", "Late.", { reached: "no", endpoint: "x" });
        bank.send(outgoing);
        return new Promise((_, reject) => {
          const late = new TransportError("timeout", "Late.", { reached: "possible", endpoint: "x" });
          call.signal.addEventListener("abort", () => reject(late), { once: true });
        });
      }),
      store,
    );
    await rejection(hanging.create(ORDER, { timeout: 30 }), DebitOutcomeUnknownError);
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1" });
    expect(bank.posts).toHaveLength(1);
  });

  test("408 is a timeout like any other: the money may have moved", async () => {
    const gateway = new Debits(
      contextTo(outgoing => {
        const given = bank.send(outgoing);
        return outgoing.method === "POST" ? answer(408, "<html>Request Timeout</html>") : given;
      }),
      store,
    );
    expect(await gateway.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
  });
});

describe("a debit that was certainly not made", () => {
  test("says so when the request did not leave, and its key serves the next attempt", async () => {
    bank.fates.push("does not leave");
    const error = await rejection(debits.create(ORDER), TransportError);
    expect(error).toMatchObject({ reached: "no", sideEffect: "none" });
    expect(await debits.create(ORDER)).toMatchObject({ status: "succeeded" });
    expect(bank.posts).toHaveLength(2);
    expect(keysSent().size).toBe(1);
    expect(bank.inquiries).toBe(0);
  });

  test.each<[Fate, ApiError["code"]]>([
    ["answers 400", "bad_request"],
    ["answers 403", "forbidden"],
    ["answers 422", "unprocessable"],
    ["answers 429", "throttled"],
  ])("says so when the bank %s, and its key serves the next attempt", async (fate, code) => {
    bank.fates.push(fate);
    expect(await rejection(debits.create(ORDER), ApiError)).toMatchObject({ code, sideEffect: "none" });
    expect(bank.ledger).toHaveLength(0);
    await debits.create(ORDER);
    expect(keysSent().size).toBe(1);
    expect(bank.ledger).toHaveLength(1);
  });

  test("is looked for first when so much time has passed that its key would not help", async () => {
    // A gateway refuses what the bank has made.
    const gateway = new Debits(
      contextTo(outgoing => {
        const given = bank.send(outgoing);
        return outgoing.method === "POST" ? answer(404, "<html>Not Found</html>") : given;
      }),
      store,
    );
    await rejection(gateway.create(ORDER), ApiError);
    vi.setSystemTime(Date.now() + 30 * HOUR);
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1" });
    expect(bank.ledger).toHaveLength(1);
  });

  test("is in doubt when the bank says 422 to what is sent again, however late: it may have had the key", async () => {
    bank.fates.push("is lost on the way", "is lost on the way", "is lost on the way");
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    vi.setSystemTime(Date.now() + HOUR + 1);
    bank.fates.push("answers 422", "answers 422", "answers 422");
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    expect(await store.find({ label: "debit", value: "open", limit: 10 })).toHaveLength(1);
  });

  test("may be made long afterwards: the bank never had the key", async () => {
    bank.fates.push("does not leave");
    await rejection(debits.create(ORDER), TransportError);
    vi.setSystemTime(Date.now() + 100 * HOUR);
    expect(await debits.create(ORDER)).toMatchObject({ status: "succeeded" });
    expect(bank.ledger).toHaveLength(1);
  });

  test("leaves no trace in the journal when the link can't be used", async () => {
    const context = contextTo(bank.send);
    const usable = async () => {
      throw new LinkError("scope_missing", "lnk_1", "The customer did not grant it.");
    };
    const unusable = new Debits(
      contextWith(context, { resources: { usable, asItStands, call: usable } as unknown as typeof context.resources }),
      store,
    );
    expect(await rejection(unusable.create(ORDER), LinkError)).toMatchObject({ code: "scope_missing" });
    expect(await store.get("debit:order-1001")).toBeUndefined();
  });

  test("is the only one that a caller is told of with something else than an unknown outcome", async () => {
    // The first attempt is under way at the bank; the second one does not even leave.
    bank.fates.push("answers 504, and succeeds later", "does not leave");
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    bank.catchUp();
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1" });
  });

  test.each<Fate>(["does not leave", "answers 403", "answers 429"])(
    "does not stand for an earlier attempt that is in doubt: the second one %s, a third one days later is not sent",
    async fate => {
      bank.fates.push("answers 504, and succeeds later", fate);
      await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
      await debits.create(ORDER).catch(() => {});
      bank.catchUp();
      vi.setSystemTime(Date.now() + 30 * HOUR);
      await debits.create(ORDER).catch(() => {});
      expect(bank.ledger).toHaveLength(1);
    },
  );
});

describe("a debit in doubt", () => {
  test("that another client of the bank sent is not sent again by this one: it would be another debit", async () => {
    bank.fates.push("answers 504, and succeeds later");
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    const context = contextTo(bank.send);
    const usable = async () => ({ record: linkRecord({ clientId: "partner-of-fapi-2" }), accessToken: "at" });
    const moved = contextWith(context, {
      resources: Object.assign(Object.create(context.resources), { usable, asItStands }),
    });
    await rejection(new Debits(moved, store).create(ORDER), DebitOutcomeUnknownError);
    expect(bank.posts).toHaveLength(3);
    bank.catchUp();
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1" });
    expect(await new Debits(moved, store).create(ORDER)).toMatchObject({ debitId: "dd-1" });
  });

  test.each([400, 403, 409, 422])("is looked up when the bank says already_processed with HTTP %i", async status => {
    const first = await debits.create(ORDER);
    const context = contextTo(outgoing =>
      outgoing.method === "POST" ? answer(status, { code: "already_processed" }) : bank.send(outgoing),
    );
    expect(await new Debits(context, new MemoryStore()).create(ORDER)).toMatchObject({ debitId: first.debitId });
  });

  const codes = { debitFailure: { E900: "already_processed", E100: "insufficient_funds", already_processed: "E100" } };

  /** A bank with codes of its own that refuses every debit with one of them, whatever was made before. */
  function refusing(body: object, status: number): Debits {
    const settings = configuration("fapi2-security", { contract: { codes } });
    const send = (outgoing: OutgoingRequest) =>
      outgoing.method === "POST" ? answer(status, body) : bank.send(outgoing);
    return new Debits(contextTo(send, settings), new MemoryStore());
  }

  test.each([400, 403, 409, 422])(
    "is looked up when the bank says so in a code of its own, with HTTP %i",
    async status => {
      const { debitId } = await debits.create(ORDER);
      expect(await refusing({ errorCode: "E900" }, status).create(ORDER)).toMatchObject({ debitId });
      expect(bank.inquiries).toBe(1);
    },
  );

  test.each([{ code: "E100" }, { code: "already_processed" }, { code: "toString" }, { code: "other" }, {}])(
    "is none where the bank refuses it with a code that means something else: %j",
    async body => {
      await debits.create(ORDER);
      const error = await rejection(refusing(body, 422).create(ORDER), ApiError);
      expect(error).toMatchObject({ code: "unprocessable", sideEffect: "none" });
      expect(error.bankCode).toBe("code" in body ? body.code : undefined);
      expect(bank.inquiries).toBe(0);
    },
  );
});

describe("a store that fails", () => {
  test("after the bank has made the debit does not hide it: it stays open, and is looked up", async () => {
    const broken = new FailingStore(2);
    expect(await new Debits(contextTo(bank.send), broken).create(ORDER)).toMatchObject({ debitId: "dd-1" });
    expect(await broken.find({ label: "debit", value: "open", limit: 10 })).toHaveLength(1);
    expect(await new Debits(contextTo(bank.send), broken).create(ORDER)).toMatchObject({ debitId: "dd-1" });
    expect(bank.posts).toHaveLength(1);
  });

  test("after an unclear answer leaves an unknown outcome, not an error of the store's", async () => {
    bank.fates.push("succeeds, then the connection is lost");
    await rejection(new Debits(contextTo(bank.send), new FailingStore(2)).create(ORDER), DebitOutcomeUnknownError);
  });

  test("to keep that nothing was sent leaves an unknown outcome: the debit would be brought on later", async () => {
    bank.fates.push("does not leave");
    const broken = new FailingStore(2);
    await rejection(new Debits(contextTo(bank.send), broken).create(ORDER), DebitOutcomeUnknownError);
  });

  test("to say that it has written leaves an unknown outcome: the debit would be brought on later", async () => {
    const silent = new MemoryStore();
    const put = silent.put.bind(silent);
    silent.put = async (key, value, options) => {
      await put(key, value, options);
      throw new Error("the answer is lost");
    };
    await rejection(new Debits(contextTo(bank.send), silent).create(ORDER), DebitOutcomeUnknownError);
    expect(bank.posts).toHaveLength(0);
  });

  test("to give the lock back does not hide a debit that was made", async () => {
    store.unlock = async () => {
      throw new Error("the database is gone");
    };
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
  });

  test("to hold on to the lock does not hide a debit that the bank has shown", async () => {
    // While the POST is under way somebody else writes the journal.
    const context = contextTo(async outgoing => {
      const given = bank.send(outgoing);
      const entry = await store.get("debit:order-1001");
      if (outgoing.method === "POST" && entry !== undefined) {
        await store.put("debit:order-1001", entry.value, { version: entry.version });
      }
      return given;
    });
    expect(await new Debits(context, store).create(ORDER)).toMatchObject({ debitId: "dd-1" });
    expect(await debits.create(ORDER)).toMatchObject({ debitId: "dd-1" });
    expect(bank.posts).toHaveLength(1);
  });
});

describe("a claim", () => {
  const LOCK = "lock:debit:order-1001";
  const isLocked = async () => !(await store.lock(LOCK, "somebody else", 0));

  test("is all that a debit needs: no lock is taken", async () => {
    const [lock, unlock] = [vi.spyOn(store, "lock"), vi.spyOn(store, "unlock")];
    await debits.create(ORDER);
    expect(lock).not.toHaveBeenCalled();
    expect(unlock).not.toHaveBeenCalled();
  });

  test("is nobody's who comes while it is made, though the bank takes its time", async () => {
    let others: Promise<unknown>[] = [];
    const slow = new Debits(
      contextTo(async outgoing => {
        others = [1, 2, 3].map(() => anotherProcess().create(ORDER));
        await new Promise(setImmediate);
        return bank.send(outgoing);
      }),
      store,
    );
    const { debitId } = await slow.create(ORDER);
    for (const other of await Promise.all(others)) expect(other).toMatchObject({ debitId });
    expect(bank.posts).toHaveLength(1);
    expect(bank.inquiries).toBe(0);
  });

  test("stands for one request: an unclear answer is looked into under the lock", async () => {
    const seen: [string, boolean][] = [];
    bank.fates.push("is lost on the way");
    const watched = new Debits(
      contextTo(async outgoing => {
        seen.push([outgoing.method, await isLocked()]);
        return bank.send(outgoing);
      }),
      store,
    );
    expect(await watched.create(ORDER)).toMatchObject({ debitId: "dd-1" });
    expect(seen).toEqual([
      ["POST", false],
      ["GET", true],
      ["POST", true],
    ]);
    expect(await isLocked()).toBe(false);
  });

  test("whose answer was unclear is asked after, also where somebody had the lock for a moment and wrote nothing", async () => {
    bank.fates.push("succeeds, then the connection is lost", "answers 422");
    const lock = store.lock.bind(store);
    vi.spyOn(store, "lock").mockResolvedValueOnce(false).mockImplementation(lock);
    expect(await new Debits(contextTo(bank.send), store).create(ORDER)).toMatchObject({ status: "succeeded" });
    expect([bank.posts.length, bank.inquiries, bank.ledger.length]).toEqual([1, 1, 1]);
  });

  test("that somebody has taken over is left to them, and what they find out is told", async () => {
    const overtaken = new Debits(
      contextTo(async outgoing => {
        if (outgoing.method === "GET") throw new Error("it is theirs to ask");
        await store.lock(LOCK, "an heir", 60_000);
        bank.fates.push("succeeds, then answers 500");
        const answered = bank.send(outgoing);
        setTimeout(async () => {
          const { value = "", version = 0 } = (await store.get("debit:order-1001")) ?? {};
          const known = { ...JSON.parse(value), state: "known", debit: bank.ledger[0] };
          await store.put("debit:order-1001", JSON.stringify(known), { version });
          await store.unlock(LOCK, "an heir");
        }, 20);
        return answered;
      }),
      store,
    );
    expect(await overtaken.create(ORDER)).toMatchObject({ debitId: "dd-1", status: "succeeded" });
    expect(bank.posts).toHaveLength(1);
  });

  test.each<[string, () => unknown]>([
    ["that took too long to write", () => vi.spyOn(performance, "now").mockReturnValueOnce(performance.now() + 1_000)],
    ["during which the machine slept", () => vi.setSystemTime(Date.now() + 1_000)],
  ])("%s is sent under the lock, and as the first time", async (_, timePasses) => {
    const locked: boolean[] = [];
    const put = store.put.bind(store);
    store.put = async (...given) => {
      store.put = put;
      timePasses();
      return put(...given);
    };
    bank.fates.push("answers 403");
    const watched = new Debits(
      contextTo(async outgoing => {
        locked.push(await isLocked());
        return bank.send(outgoing);
      }),
      store,
    );
    expect(await rejection(watched.create(ORDER), ApiError)).toMatchObject({ sideEffect: "none" });
    expect(locked).toEqual([true]);
  });

  test("of a process that died is taken over under its key, when it has stood for long enough", async () => {
    let left = "";
    const dying = new Debits(
      contextTo(async () => {
        left ||= (await store.get("debit:order-1001"))?.value ?? "";
        return answer(403, { code: "refused" });
      }),
      store,
    );
    await rejection(dying.create(ORDER), ApiError);
    const { state, idempotencyKey } = JSON.parse(left);
    expect(state).toBe("sent");
    const heritage = new MemoryStore();
    await heritage.put("debit:order-1001", left, { version: 0 });
    const heir = new Debits(contextTo(bank.send), heritage);
    expect(await heir.create(ORDER)).toMatchObject({ status: "succeeded" });
    expect(bank.inquiries).toBe(1);
    expect(keysSent()).toEqual(new Set([idempotencyKey]));
  });

  test("is not made where the journal knows the debit, whatever has become of the link or of the store", async () => {
    const { debitId } = await debits.create(ORDER);
    const context = contextTo(bank.send);
    const gone = async () => {
      throw new LinkError("link_released", "lnk_1", "The link was released.");
    };
    const resources = { usable: gone, asItStands, call: gone } as unknown as typeof context.resources;
    expect(await new Debits(contextWith(context, { resources }), store).create(ORDER)).toMatchObject({ debitId });
    store.put = async () => {
      throw new StoreError("put", "store_not_durable", "it keeps nothing");
    };
    expect(await debits.create(ORDER)).toMatchObject({ debitId });
    const error = await rejection(debits.create({ ...ORDER, reference: "order-2" }), StoreError);
    expect(error).toMatchObject({ code: "store_not_durable", sideEffect: "none" });
    expect(bank.posts).toHaveLength(1);
  });

  test("that the journal has lost by the time that it is looked for is an unknown outcome", async () => {
    store.put = async () => undefined;
    await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
    expect(bank.posts).toHaveLength(0);
  });
});

test("a caller that waits in vain for another one's attempt is not told that no money has moved", async () => {
  bank.fates.push("is lost on the way", "is lost on the way", "is lost on the way");
  await rejection(debits.create(ORDER), DebitOutcomeUnknownError);
  await store.lock("lock:debit:order-1001", "a process that may have died after sending", 60_000);
  const error: MinnaError = await rejection(debits.create(ORDER, { timeout: 30 }), DebitOutcomeUnknownError);
  expect(error.sideEffect).toBe("possible");
});

describe("an argument", () => {
  test.each<[string, string, unknown]>([
    ["reference", "nothing", undefined],
    ["reference", "empty", ""],
    ["reference", "with a space", "order 1"],
    ["reference", "of 65 characters", "x".repeat(65)],
    ["reference", "not in ASCII", "注文1"],
    ["amount", "zero", 0],
    ["amount", "negative", -1],
    ["amount", "a fraction", 19.8],
    ["amount", "NaN", Number.NaN],
    ["amount", "infinite", Number.POSITIVE_INFINITY],
    ["amount", "not exact any more", 2 ** 53],
    ["amount", "a string", "1980"],
    ["description", "nothing", undefined],
    ["description", "blank", " 　"],
    ["accountId", "empty", ""],
    ["kind", "unknown", "gift"],
  ])("%s that is %s is refused before anything is sent or written", async (argument, _, value) => {
    const wrong = { ...ORDER, [argument]: value } as CreateDebit;
    expect(await rejection(debits.create(wrong), ArgumentError)).toMatchObject({ code: "argument_invalid", argument });
    expect(bank.posts).toHaveLength(0);
    expect(await store.get("debit:order-1001")).toBeUndefined();
  });
});

describe("an inquiry", () => {
  test("by reference returns the debit", async () => {
    await debits.create(ORDER);
    expect(await debits.find("order-1001")).toMatchObject({ debitId: "dd-1", amount: 1980 });
  });

  test("by a reference that the bank does not know returns undefined", async () => {
    expect(await debits.find("order-1001")).toBeUndefined();
  });

  test("by reference passes over the bank's note that it had the debit before", async () => {
    await debits.create(ORDER);
    const [made] = bank.ledger;
    if (made === undefined) throw new Error("no debit");
    bank.ledger.unshift({
      ...made,
      debitId: "dd-shadow",
      status: "failed",
      failure: { code: "already_processed", retryable: false },
    });
    expect(await debits.find("order-1001")).toMatchObject({ debitId: "dd-1", status: "succeeded" });
  });

  test("by id asks for that debit, and says when the bank has none", async () => {
    const paths: string[] = [];
    const asked = new Debits(
      contextTo(outgoing => {
        paths.push(outgoing.url.pathname);
        return answer(404, { code: "not_found" });
      }),
      store,
    );
    expect(await rejection(asked.get("dd/1"), ApiError)).toMatchObject({ code: "not_found" });
    expect(paths).toEqual(["/direct-debits/dd%2F1"]);
  });
});

/** A store whose put fails once, at the count given. */
class FailingStore implements Store {
  readonly #inner = new MemoryStore();
  readonly #failAt: number;
  #puts = 0;

  constructor(failAt: number) {
    this.#failAt = failAt;
  }
  get: Store["get"] = key => this.#inner.get(key);
  take: Store["take"] = key => this.#inner.take(key);
  find: Store["find"] = options => this.#inner.find(options);
  lock: Store["lock"] = (key, owner, duration) => this.#inner.lock(key, owner, duration);
  unlock: Store["unlock"] = (key, owner) => this.#inner.unlock(key, owner);
  async put(key: string, value: string, options: PutOptions): Promise<number | undefined> {
    this.#puts++;
    if (this.#puts === this.#failAt) throw new Error("the database is gone");
    return this.#inner.put(key, value, options);
  }
}
