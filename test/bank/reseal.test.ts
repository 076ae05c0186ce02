import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Debits } from "../../src/bank/debits.js";
import { Journal, type JournalEntry, type VersionedEntry } from "../../src/bank/journal.js";
import { reseal } from "../../src/bank/reseal.js";
import { Problems } from "../../src/config/problems.js";
import { checkSealing } from "../../src/config/sealing.js";
import { ConfigurationError, StoreError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { findLinks, type LinkRecord, readLink, writeLink } from "../../src/links/record.js";
import { SealedStore } from "../../src/links/sealed-store.js";
import { openTransaction, peekTransaction } from "../../src/links/transaction.js";
import { Calls } from "../../src/transport/calls.js";
import { DebitBank } from "../support/debit-bank.js";
import { rejection } from "../support/errors.js";
import { contextTo, linkRecord } from "../support/stub-rooms.js";

const CALLS = new Calls(1000);

const [NEW, OLD, OLDER] = ["k-2", "k-1", "z-0"].map(kid => ({ kid, key: randomBytes(32) })) as [Key, Key, Key];

interface Key {
  readonly kid: string;
  readonly key: Buffer;
}

let below: MemoryStore;
/** What was put into the database, in order. */
let puts: { readonly key: string; readonly durable: boolean | undefined }[];
/** Happens before an entry is put. */
let meanwhile: (key: string) => unknown;
beforeEach(() => {
  puts = [];
  meanwhile = () => {};
  below = new MemoryStore();
  const put = below.put.bind(below);
  below.put = async (key, value, options) => {
    await meanwhile(key);
    puts.push({ key, durable: options.durable });
    return put(key, value, options);
  };
});

/** The store as a process has it that knows these keys. */
function under(...keys: readonly Key[]): SealedStore {
  return new SealedStore(below, checkSealing(keys.length === 0 ? undefined : { keys }, new Problems()));
}

function accepting(...keys: readonly Key[]): SealedStore {
  return new SealedStore(below, checkSealing({ keys, plain: "accept" }, new Problems()));
}

function journalled(reference: string, more: Partial<JournalEntry> = {}): JournalEntry {
  return {
    reference,
    linkId: "lnk_000",
    sentFor: "issuer client customer",
    customerId: "u-42",
    bodyHash: "hash",
    body: { partnerTransactionId: reference, amount: 1980, description: "ﾎﾝ" } as never,
    idempotencyKey: "7d4c8f1e-0000-4000-8000-000000000000",
    sentAt: 1,
    lastSentAt: 1,
    state: "sent",
    ...more,
  };
}

const DONE = {
  debitId: "dd-1",
  partnerTransactionId: "order-0",
  status: "succeeded",
  amount: 1980,
  acceptedAt: "2026-04-01T09:30:00+09:00",
};

async function links(store: SealedStore, count: number, from = 0): Promise<LinkRecord[]> {
  const records = Array.from({ length: count }, (_, index) =>
    linkRecord({ id: `lnk_${String(from + index).padStart(3, "0")}`, grantExpiresAt: 7 }),
  );
  for (const record of records) await writeLink(store, record, 0);
  return records;
}

/** Which keys there are still entries under, with their number. */
async function keysInUse(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const kid of ["a-0", "k-2", "k-1", "z-0", "not sealed"]) {
    const found = await below.find({ label: "seal", value: kid, limit: 10_000 });
    if (found.length > 0) counts[kid] = found.length;
  }
  return counts;
}

describe("a new key", () => {
  test("seals links and the journal, whatever they were sealed under: then the old ones can go", async () => {
    const before = [
      ...(await links(under(OLD), 3)),
      ...(await links(under(OLDER), 2, 3)),
      ...(await links(under(NEW), 1, 5)),
    ];
    await writeLink(under(OLD), linkRecord({ id: "lnk_released", status: "released" }), 0);
    await new Journal(under(OLD)).insert(journalled("order-1"));
    await new Journal(under(OLDER)).insert(journalled("order-0"));
    const first = (await new Journal(under(OLDER)).read("order-0")) as VersionedEntry;
    await new Journal(under(OLDER)).write({ ...first.entry, state: "known", debit: DONE as never }, first);
    puts.length = 0;

    expect(await reseal(under(NEW, OLD, OLDER), NEW.kid, CALLS)).toEqual({ resealed: 8, inUse: 0 });
    expect(puts).toHaveLength(8);
    expect(await keysInUse()).toEqual({ "k-2": 9 });
    const alone = under(NEW);
    for (const record of before) expect((await readLink(alone, record.id)).record).toStrictEqual(record);
    expect((await new Journal(alone).read("order-1"))?.entry).toStrictEqual(journalled("order-1"));
    expect((await new Journal(alone).read("order-0"))?.entry).toMatchObject({ state: "known", debit: DONE });
  });

  test("leaves every entry to be found as before, and the journal durable", async () => {
    await links(under(OLD), 2);
    await writeLink(under(OLD), linkRecord({ id: "lnk_released", status: "released" }), 0);
    await new Journal(under(OLD)).insert(journalled("order-1"));
    puts.length = 0;
    await reseal(under(NEW, OLD), NEW.kid, CALLS);
    const find = async (label: string, value: string, through = value) =>
      (await below.find({ label, value, through, limit: 100 })).map(({ key }) => key);
    expect(await find("link", "active")).toEqual(["link:lnk_000", "link:lnk_001"]);
    expect(await find("customer", "u-42")).toHaveLength(3);
    expect(await find("grant-ends", "", "9")).toEqual(["link:lnk_000", "link:lnk_001"]);
    expect(await find("debit", "open")).toEqual(["debit:order-1"]);
    expect(puts.filter(({ durable }) => durable)).toEqual([{ key: "debit:order-1", durable: true }]);
  });

  test("seals what was not sealed at all, where that is accepted", async () => {
    await links(under(), 3);
    await new Journal(under()).insert(journalled("order-1"));
    expect(await reseal(accepting(NEW), NEW.kid, CALLS)).toEqual({ resealed: 4, inUse: 0 });
    expect(await keysInUse()).toEqual({ "k-2": 4 });
    expect(await reseal(under(NEW), NEW.kid, CALLS)).toEqual({ resealed: 0, inUse: 0 });
  });

  test("seals authorizations under way, which can still be completed, and end when they would have", async () => {
    const value = await openTransaction(under(OLD), {
      customerId: "u-42",
      scopes: ["balance"],
      wireScopes: ["balance"],
      secrets: { state: "s", codeVerifier: "v", nonce: "n" },
      issuer: "i",
      clientId: "c",
      profile: "fapi2-security",
    });
    const before = await peekTransaction(under(OLD), value);
    expect(await reseal(under(NEW, OLD), NEW.kid, CALLS)).toEqual({ resealed: 1, inUse: 0 });
    expect(await peekTransaction(under(NEW), value)).toEqual(before);
    expect(await keysInUse()).toEqual({ [NEW.kid]: 1 });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 16 * 60_000 });
    const [gone] = await under(NEW).find({ label: "seal", value: NEW.kid, limit: 1 });
    vi.useRealTimers();
    expect(gone).toBeUndefined();
  });

  test.each(["k-2", "a", "zz"])(
    "finds what is sealed otherwise by any name, also one that begins alike: %s",
    async kid => {
      const current = { kid, key: randomBytes(32) };
      const others = ["!", "a-", `${kid}!`, `${kid}~`, `${kid}${kid}`, kid.slice(0, -1) || "0", "~".repeat(64), "k-1"];
      const keys = [...new Set(others)].map(name => ({ kid: name, key: randomBytes(32) }));
      for (const [index, key] of keys.entries()) await links(under(key), 1, index);
      expect(await reseal(under(current, ...keys), kid, CALLS)).toEqual({ resealed: keys.length, inUse: 0 });
      expect(await below.find({ label: "seal", value: kid, limit: 100 })).toHaveLength(keys.length);
    },
  );

  test("goes through any number of entries, each once", async () => {
    await links(under(OLD), 130);
    await links(under(NEW), 120, 130);
    await links(under(OLDER), 250, 250);
    puts.length = 0;
    expect(await reseal(under(NEW, OLD, OLDER), NEW.kid, CALLS)).toEqual({ resealed: 380, inUse: 0 });
    expect(new Set(puts.map(({ key }) => key)).size).toBe(380);
    expect(puts).toHaveLength(380);
    expect(await keysInUse()).toEqual({ "k-2": 500 });
  });

  test("that seals everything already has next to nothing to look at", async () => {
    await links(under(NEW), 500);
    puts.length = 0;
    const find = vi.spyOn(below, "find");
    expect(await reseal(under(NEW, OLD), NEW.kid, CALLS)).toEqual({ resealed: 0, inUse: 0 });
    expect(find.mock.calls.length).toBeLessThanOrEqual(2);
    expect(puts).toEqual([]);
  });

  test("is needed", async () => {
    const error = await rejection(reseal(under(), undefined, CALLS), ConfigurationError);
    expect(error.problems.map(({ option }) => option)).toEqual(["sealing"]);
  });
});

describe("a change of keys that is broken off", () => {
  test("loses nothing, and is finished by the next one", async () => {
    const before = await links(under(OLD), 150);
    meanwhile = () => {
      if (puts.length >= 190) throw new StoreError("put", "store_failed", "connection");
    };
    const first = reseal(under(NEW, OLD), NEW.kid, CALLS);
    expect((await rejection(first, StoreError)).code).toBe("store_failed");
    expect(await keysInUse()).toEqual({ "k-2": 40, "k-1": 110 });
    for (const { id } of before) expect((await readLink(under(NEW, OLD), id)).record.id).toBe(id);
    meanwhile = () => {};
    expect(await reseal(under(NEW, OLD), NEW.kid, CALLS)).toEqual({ resealed: 110, inUse: 0 });
    expect(await keysInUse()).toEqual({ "k-2": 150 });
  });

  test("by an entry that can't be opened goes on behind it, and says so in the end", async () => {
    // Its name comes first: everything else lies behind it.
    const LOST = { kid: "a-0", key: randomBytes(32) };
    await links(under(OLD), 2);
    await links(under(LOST), 1, 2);
    await links(under(OLD), 2, 3);
    await new Journal(under(LOST)).insert(journalled("order-1"));
    const error = await rejection(reseal(under(NEW, OLD), NEW.kid, CALLS), StoreError);
    expect(error.code).toBe("sealing_key_missing");
    expect(error.message).toContain('"a-0"');
    expect(await keysInUse()).toEqual({ "k-2": 4, "a-0": 2 });
    expect(await reseal(under(NEW, LOST), NEW.kid, CALLS)).toEqual({ resealed: 2, inUse: 0 });
  });
});

describe("a change of keys beside what goes on", () => {
  test("takes back nothing that was written meanwhile, by processes with the new key or with the old one", async () => {
    await links(under(OLD), 4);
    const written: [string, SealedStore][] = [
      ["link:lnk_001", under(NEW, OLD)],
      ["link:lnk_002", under(OLD, NEW)],
    ];
    meanwhile = async key => {
      const [, store] = written.find(([name]) => name === key) ?? [];
      if (store === undefined) return;
      written.splice(
        written.findIndex(([name]) => name === key),
        1,
      );
      const { record, version } = await readLink(store, key.slice("link:".length));
      await writeLink(store, { ...record, thumbprint: "written meanwhile" }, version);
    };
    expect(await reseal(under(NEW, OLD), NEW.kid, CALLS)).toEqual({ resealed: 2, inUse: 2 });
    const found: string[] = [];
    for await (const { id, thumbprint } of findLinks(under(NEW, OLD), { label: "link", value: "active" }))
      found.push(`${id} ${thumbprint}`);
    expect(found[1]).toBe("lnk_001 written meanwhile");
    expect(found[2]).toBe("lnk_002 written meanwhile");
    expect(await keysInUse()).toEqual({ "k-2": 3, "k-1": 1 });
    expect(await reseal(under(NEW, OLD), NEW.kid, CALLS)).toEqual({ resealed: 1, inUse: 0 });
  });

  test("in several processes at once seals each entry, and spoils none", async () => {
    const before = await links(under(OLD), 150);
    for (let index = 0; index < 20; index++) await new Journal(under(OLD)).insert(journalled(`order-${index}`));
    const rounds = await Promise.all([1, 2, 3].map(() => reseal(under(NEW, OLD), NEW.kid, CALLS)));
    expect(rounds.reduce((sum, { resealed }) => sum + resealed, 0)).toBeGreaterThanOrEqual(170);
    await reseal(under(NEW, OLD), NEW.kid, CALLS);
    expect(await keysInUse()).toEqual({ "k-2": 170 });
    for (const record of before) expect((await readLink(under(NEW), record.id)).record).toStrictEqual(record);
  });

  test("leaves a debit under way to its holder, whose lock and entry stay as they are", async () => {
    await new Journal(under(OLD)).insert(journalled("order-1"));
    await new Journal(under(OLD)).insert(journalled("order-2"));
    const entry = await below.get("debit:order-1");
    await below.lock("lock:debit:order-1", "a debit under way", 60_000);
    expect(await reseal(under(NEW, OLD), NEW.kid, CALLS)).toEqual({ resealed: 1, inUse: 1 });
    expect(await below.get("debit:order-1")).toEqual(entry);
    expect(await below.lock("lock:debit:order-1", "another", 1)).toBe(false);
    expect(await below.lock("lock:debit:order-2", "another", 1)).toBe(true);
    await below.unlock("lock:debit:order-1", "a debit under way");
    expect(await reseal(under(NEW, OLD), NEW.kid, CALLS)).toEqual({ resealed: 1, inUse: 0 });
    expect(await keysInUse()).toEqual({ "k-2": 2 });
  });

  test("does not come between a debit and its journal: it is made once, and known", async () => {
    const bank = new DebitBank();
    const store = under(OLD, NEW);
    await writeLink(store, linkRecord(), 0);
    let round: Promise<unknown> | undefined;
    const debits = new Debits(
      contextTo(async outgoing => {
        round = reseal(under(NEW, OLD), NEW.kid, CALLS);
        // The debit holds no lock yet: its entry is sealed anew under its hands, and says the same.
        expect(await round).toEqual({ resealed: 2, inUse: 0 });
        return bank.send(outgoing);
      }),
      store,
    );
    const made = await debits.create({ reference: "order-1", amount: 1980, description: "ﾎﾝ" });
    expect(made).toMatchObject({ status: "succeeded" });
    expect(bank.posts).toHaveLength(1);
    expect((await new Journal(store).read("order-1"))?.entry).toMatchObject({ state: "known" });
    expect(await reseal(under(NEW, OLD), NEW.kid, CALLS)).toEqual({ resealed: 1, inUse: 0 });
    expect((await new Journal(under(NEW)).read("order-1"))?.entry).toMatchObject({ state: "known" });
  });

  test("does not bring back a link that is ended meanwhile", async () => {
    await links(under(OLD), 2);
    meanwhile = key => (key === "link:lnk_000" ? below.take(key) : undefined);
    expect(await reseal(under(NEW, OLD), NEW.kid, CALLS)).toEqual({ resealed: 1, inUse: 1 });
    expect(await below.get("link:lnk_000")).toBeUndefined();
  });
});
