import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CreateDebit } from "../../src/bank/debit-order.js";
import { Debits } from "../../src/bank/debits.js";
import type { OpenDebits, RecoveredDebit } from "../../src/bank/open-debits.js";
import {
  ApiError,
  ArgumentError,
  DebitOutcomeUnknownError,
  LinkError,
  StoreError,
  TransportError,
} from "../../src/errors.js";
import { GuardedStore } from "../../src/links/guarded-store.js";
import { CLAIM } from "../../src/links/lock.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { Calls } from "../../src/transport/calls.js";
import { DebitBank, type Fate } from "../support/debit-bank.js";
import { rejection } from "../support/errors.js";
import { answer, contextTo, contextWith, LINK_ID, openDebits } from "../support/stub-rooms.js";

// Nobody waits here between two attempts.
vi.mock("node:timers/promises", () => ({
  setTimeout: async (milliseconds: number, value: unknown, { signal }: { signal?: AbortSignal } = {}) => {
    waits.push(milliseconds);
    await new Promise(setImmediate);
    await meanwhile();
    signal?.throwIfAborted();
    return value;
  },
}));
/** What was waited for, in milliseconds; and what happens then. */
const { waits } = vi.hoisted(() => ({ waits: [] as number[] }));
let meanwhile: () => unknown = () => {};

const CALLS = new Calls(15_000);
const HOUR = 3_600_000;
const NEVER: Fate[] = ["is lost on the way", "is lost on the way", "is lost on the way"];

let bank: DebitBank;
let store: MemoryStore;
let debits: Debits;
let open: OpenDebits;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 3, 1) });
  bank = new DebitBank();
  store = new MemoryStore();
  debits = new Debits(contextTo(bank.send), store);
  open = openDebits(store, CALLS, () => debits);
  waits.length = 0;
  meanwhile = () => {};
});
afterEach(() => {
  vi.useRealTimers();
});

function order(reference: string): CreateDebit {
  return { reference, amount: 1980, description: "ﾎﾝ" };
}

/** Makes a debit that ends in doubt. */
async function doubtful(reference: string, fates: readonly Fate[] = NEVER): Promise<void> {
  bank.fates.splice(0, bank.fates.length, ...fates);
  await rejection(debits.create(order(reference)), DebitOutcomeUnknownError);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function outcomes(): Promise<string[]> {
  return (await all(open.recover())).map(({ reference, outcome }) => `${reference} ${outcome}`);
}

describe("debits that are open", () => {
  test("are listed with what is known of them, in the order of their references", async () => {
    await doubtful("order-2");
    bank.fates.push("stays processing");
    await debits.create(order("order-1"));
    await debits.create(order("order-3"));
    const known = { linkId: LINK_ID, customerId: "u-42", amount: 1980, sentAt: "2026-04-01T09:00:00+09:00" };
    expect(await all(open.pending())).toEqual([
      { ...known, reference: "order-1", state: "processing", debitId: "dd-1" },
      { ...known, reference: "order-2", state: "unknown" },
    ]);
  });

  test("are not those that were certainly not made", async () => {
    bank.fates.push("does not leave");
    await debits.create(order("order-1")).catch(() => {});
    expect(await all(open.pending())).toEqual([]);
    expect(await outcomes()).toEqual([]);
    expect(bank.posts).toHaveLength(1);
  });

  test("are all listed, however many", async () => {
    for (let i = 0; i < 250; i++) {
      bank.fates.push("stays processing");
      await debits.create(order(`order-${i}`));
    }
    const references = (await all(open.pending())).map(({ reference }) => reference);
    expect(new Set(references).size).toBe(250);
    expect(references).toHaveLength(250);
  });
});

describe("recovering", () => {
  test("finds what was made, makes what was not, under its one key, and tells of each", async () => {
    await doubtful("order-1", ["answers 504, and succeeds later"]);
    bank.catchUp();
    await doubtful("order-2");
    bank.fates.length = 0;
    const recovered = await all(open.recover());
    expect(recovered).toMatchObject([
      { reference: "order-1", outcome: "settled", debit: { debitId: "dd-1", status: "succeeded" } },
      { reference: "order-2", outcome: "settled", debit: { debitId: "dd-2", status: "succeeded" } },
    ]);
    expect(recovered.every(Object.isFrozen)).toBe(true);
    expect(await all(open.pending())).toEqual([]);
    for (const { partnerTransactionId: reference } of bank.ledger) {
      expect(
        new Set(bank.posts.filter(post => post.body.partnerTransactionId === reference).map(post => post.key)).size,
      ).toBe(1);
    }
  });

  test("what a process left that died before it had an answer", async () => {
    const dying = new Debits(
      contextTo((outgoing, call) => {
        if (outgoing.method === "POST") bank.send(outgoing);
        return new Promise((_, reject) => {
          const late = new TransportError("timeout", "The answer is late.", { reached: "possible", endpoint: "x" });
          call.signal.addEventListener("abort", () => reject(late), { once: true });
        });
      }),
      store,
    );
    await dying.create(order("order-1"), { timeout: 20 }).catch(() => {});
    expect(await outcomes()).toEqual(["order-1 settled"]);
    expect(bank.ledger).toHaveLength(1);
  });

  test("says what is still processing, and what is settled by then", async () => {
    bank.fates.push("stays processing");
    await debits.create(order("order-1"));
    expect(await outcomes()).toEqual(["order-1 processing"]);
    bank.complete("failed");
    expect(await outcomes()).toEqual(["order-1 settled"]);
    expect(await outcomes()).toEqual([]);
    expect(bank.posts).toHaveLength(1);
  });

  test("leaves unknown what the bank can't be asked about, and goes on with the next one", async () => {
    await doubtful("order-1");
    await doubtful("order-2");
    bank.fates.length = 0;
    bank.failingInquiries = 3;
    expect(await outcomes()).toEqual(["order-1 unknown", "order-2 settled"]);
    expect(await outcomes()).toEqual(["order-1 settled"]);
  });

  test("never sends again once the bank may have forgotten the key, and says so", async () => {
    await doubtful("order-1");
    vi.setSystemTime(Date.now() + 24 * HOUR);
    const [recovered] = await all(open.recover());
    expect(recovered).toMatchObject({ outcome: "unknown", error: { code: "debit_key_expired" } });
    expect(bank.posts).toHaveLength(3);
  });

  test("says that a debit was not made, where the bank refuses it and an hour has left no doubt", async () => {
    await doubtful("order-1");
    vi.setSystemTime(Date.now() + HOUR + 1);
    bank.fates.splice(0, bank.fates.length, "answers 403");
    const [recovered] = await all(open.recover());
    expect(recovered).toMatchObject({ outcome: "not_made", error: expect.any(ApiError) });
    expect(await all(open.pending())).toEqual([]);
  });

  test("keeps what is unknown of a link that can't be used any more", async () => {
    await doubtful("order-1");
    const gone = async () => {
      throw new LinkError("link_released", LINK_ID, "The link was released.");
    };
    const context = contextTo(bank.send);
    const released = contextWith(context, {
      resources: Object.assign(Object.create(context.resources), {
        usable: gone,
        asItStands: async () => undefined,
        call: gone,
      }),
    });
    const other = openDebits(store, CALLS, () => new Debits(released, store));
    expect(await all(other.recover())).toMatchObject([
      { outcome: "unknown", error: { code: "debit_outcome_unknown", cause: { code: "link_released" } } },
    ]);
  });

  test("never says of a debit that it was not made, where its own work fails and not the bank", async () => {
    await doubtful("order-1");
    await rejection(all(open.recover({ timeout: 900_000 })), ArgumentError);
    for (const method of ["lock", "get"] as const) {
      const broken = new MemoryStore();
      broken.find = options => store.find(options);
      broken[method] = async () => {
        throw new Error("the database is gone");
      };
      const guarded = new GuardedStore(broken, 1000);
      const failing = openDebits(guarded, CALLS, () => new Debits(contextTo(bank.send), guarded));
      await rejection(all(failing.recover()), StoreError);
    }
  });

  test("says why it could not ask after one in processing", async () => {
    bank.fates.push("stays processing");
    await debits.create(order("order-1"));
    bank.failingInquiries = 3;
    const [recovered] = await all(open.recover());
    expect(recovered).toMatchObject({ outcome: "processing", error: { code: "maintenance" } });
  });

  test("goes over the link that sent it last, where its customer linked their account again", async () => {
    bank.fates.push("answers 403");
    await debits.create(order("order-1")).catch(() => {});
    const relinked = new Debits(contextWith(contextTo(bank.send), { linkId: "lnk_2" }), store);
    bank.fates.push(...NEVER);
    await rejection(relinked.create(order("order-1")), DebitOutcomeUnknownError);
    const asked: string[] = [];
    const both = openDebits(store, CALLS, linkId => {
      asked.push(linkId);
      return relinked;
    });
    expect((await all(both.recover())).map(({ outcome }) => outcome)).toEqual(["settled"]);
    expect(asked).toEqual(["lnk_2"]);
  });

  test("goes on behind an entry that can't be read, and tells of it in the end", async () => {
    await doubtful("order-1");
    await doubtful("order-2");
    bank.fates.length = 0;
    const { version = 0 } = (await store.get("debit:order-1")) ?? {};
    await store.put("debit:order-1", "{garbled", { version, labels: { debit: "open" } });
    const seen: string[] = [];
    const iteration = (async () => {
      for await (const { reference, outcome } of open.recover()) seen.push(`${reference} ${outcome}`);
    })();
    await rejection(iteration, StoreError);
    expect(seen).toEqual(["order-2 settled"]);
  });

  test("goes through a store that gives less than it is asked for", async () => {
    for (let i = 0; i < 5; i++) await doubtful(`order-${i}`);
    const sparing = new MemoryStore();
    sparing.find = async options => store.find({ ...options, limit: 2 });
    const references = await all(openDebits(sparing, CALLS, () => debits).pending());
    expect(references).toHaveLength(5);
  });

  describe("where entries say that they are on their way", () => {
    const LOOK = 250;

    test("are not waited for when the client is closed", async () => {
      await dyingAt("order-1");
      const calls = new Calls(15_000);
      let looked = 0;
      meanwhile = () => {
        if (++looked === 2) void calls.close();
      };
      expect(await all(openDebits(store, calls, () => debits).recover())).toEqual([]);
      expect(waits.filter(wait => wait === LOOK)).toHaveLength(2);
    });

    /** What processes leave that die while they send. */
    async function dyingAt(...references: string[]): Promise<void> {
      const entries = new Map<string, string>();
      const dying = new Debits(
        contextTo(async outgoing => {
          for (const one of references) {
            const { value } = (await store.get(`debit:${one}`)) ?? {};
            if (value !== undefined && !entries.has(one)) entries.set(one, value);
          }
          return outgoing.method === "POST" ? answer(403, { code: "refused" }) : bank.send(outgoing);
        }),
        store,
      );
      for (const one of references) {
        await dying.create(order(one)).catch(() => {});
        const { version = 0 } = (await store.get(`debit:${one}`)) ?? {};
        await store.put(`debit:${one}`, entries.get(one) ?? "", { version, labels: { debit: "open" } });
      }
      waits.length = 0;
    }

    test("settles them last, after one wait for them all, in which others may have shown that they live", async () => {
      await dyingAt("order-1", "order-2");
      await doubtful("order-3");
      bank.fates.length = 0;
      waits.length = 0;
      expect(await outcomes()).toEqual(["order-3 settled", "order-1 settled", "order-2 settled"]);
      // In pieces: whoever closes the client does not wait for it.
      expect(waits.filter(wait => wait === LOOK).length * LOOK).toBe(CLAIM);
      waits.length = 0;
      expect(await outcomes()).toEqual([]);
      expect(waits).toEqual([]);
    });

    test("leaves those to their makers that hold the lock by then, or are done", async () => {
      await dyingAt("order-1", "order-2");
      meanwhile = async () => {
        meanwhile = () => {};
        await store.lock("lock:debit:order-1", "its maker", 60_000);
        await debits.create(order("order-2"));
      };
      expect(await outcomes()).toEqual([]);
      expect(bank.posts.map(({ body }) => body.partnerTransactionId)).toEqual(["order-2"]);
    });

    test("settles them also where another entry can't be read, and ends with the caller's signal", async () => {
      await dyingAt("order-1", "order-2");
      await store.put("debit:order-0", "{garbled", { version: 0, labels: { debit: "open" } });
      const controller = new AbortController();
      const seen: string[] = [];
      const iteration = (async () => {
        for await (const { reference } of open.recover()) seen.push(reference);
      })();
      await rejection(iteration, StoreError);
      expect(seen).toEqual(["order-1", "order-2"]);
      await dyingAt("order-4");
      meanwhile = () => controller.abort();
      expect(await all(open.recover({ signal: controller.signal }))).toEqual([]);
    });
  });

  test("leaves a debit to whoever is at it", async () => {
    await doubtful("order-1");
    bank.fates.length = 0;
    await store.lock("lock:debit:order-1", "another process", 60_000);
    expect(await outcomes()).toEqual([]);
    expect(bank.posts).toHaveLength(3);
  });

  test("in several processes at once sends each debit once", async () => {
    for (let i = 0; i < 20; i++) await doubtful(`order-${i}`);
    bank.fates.length = 0;
    bank.posts.length = 0;
    const processes = [1, 2, 3, 4].map(() => openDebits(store, CALLS, () => new Debits(contextTo(bank.send), store)));
    const found = (await Promise.all(processes.map(process => all(process.recover())))).flat() as RecoveredDebit[];
    expect(found.filter(({ outcome }) => outcome !== "settled")).toEqual([]);
    expect(bank.posts).toHaveLength(20);
    expect(bank.ledger).toHaveLength(20);
  });

  test("ends with the caller's signal", async () => {
    await doubtful("order-1");
    await doubtful("order-2");
    bank.fates.length = 0;
    const controller = new AbortController();
    const seen: string[] = [];
    for await (const { reference } of open.recover({ signal: controller.signal })) {
      seen.push(reference);
      controller.abort();
    }
    expect(seen).toEqual(["order-1"]);
  });

  test("is an error of the store's where the store fails", async () => {
    const broken = new MemoryStore();
    broken.find = async () => {
      throw new Error("the database is gone");
    };
    const guarded = new GuardedStore(broken, 1000);
    await rejection(all(openDebits(guarded, CALLS, () => debits).recover()), StoreError);
    await rejection(all(openDebits(guarded, CALLS, () => debits).pending()), StoreError);
  });
});

describe("waiting for a debit to settle", () => {
  test("asks until it is over, and remembers that", async () => {
    bank.fates.push("stays processing");
    const { debitId } = await debits.create(order("order-1"));
    let asked = 0;
    const watched = new Debits(
      contextTo(outgoing => {
        if (++asked === 3) bank.complete("succeeded");
        return bank.send(outgoing);
      }),
      store,
    );
    expect(await watched.settled(debitId)).toMatchObject({ debitId, status: "succeeded" });
    expect(asked).toBe(3);
    expect(await all(open.pending())).toEqual([]);
  });

  test("returns what it is when the time is over", async () => {
    bank.fates.push("stays processing");
    const { debitId } = await debits.create(order("order-1"));
    expect(await debits.settled(debitId, { timeout: 400 })).toMatchObject({ status: "processing" });
  });
});

test("an older answer takes nothing back", async () => {
  bank.fates.push("stays processing");
  const { debitId } = await debits.create(order("order-1"));
  let release = () => {};
  const held = new Promise<void>(resolve => {
    release = resolve;
  });
  const slow = new Debits(
    contextTo(async outgoing => {
      const given = bank.send(outgoing);
      await held;
      return given;
    }),
    store,
  );
  const early = slow.get(debitId);
  await new Promise(setImmediate);
  bank.complete("succeeded");
  expect(await debits.create(order("order-1"))).toMatchObject({ status: "succeeded" });
  release();
  expect(await early).toMatchObject({ status: "processing" });
  expect(await all(open.pending())).toEqual([]);
  expect(await debits.create(order("order-1"))).toMatchObject({ status: "succeeded" });
});

test("what is known of a debit is not lost to a bank that is busy while it is waited for", async () => {
  bank.fates.push("stays processing");
  const { debitId } = await debits.create(order("order-1"));
  let asked = 0;
  const busy = new Debits(
    contextTo(outgoing => (++asked > 1 ? answer(503, { code: "maintenance" }) : bank.send(outgoing))),
    store,
  );
  expect(await busy.settled(debitId, { timeout: 700 })).toMatchObject({ status: "processing" });
  expect(asked).toBeGreaterThan(1);
  await rejection(busy.settled(debitId, { timeout: 700 }), ApiError);
});

test("a late return shows when it is asked for, and from then on", async () => {
  const { debitId } = await debits.create(order("order-1"));
  const [made] = bank.ledger;
  bank.ledger[0] = { ...made!, status: "returned" };
  expect(await debits.create(order("order-1"))).toMatchObject({ status: "succeeded" });
  expect(await debits.get(debitId)).toMatchObject({ status: "returned" });
  expect(await debits.create(order("order-1"))).toMatchObject({ status: "returned" });
});
