import { randomBytes } from "node:crypto";
import { base64url, CompactEncrypt } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { Journal } from "../../src/bank/journal.js";
import { Problems } from "../../src/config/problems.js";
import { checkSealing, type Sealing } from "../../src/config/sealing.js";
import { StoreError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { findLinks, readLink, writeLink } from "../../src/links/record.js";
import { SealedStore } from "../../src/links/sealed-store.js";
import type { Store, StoreEntry } from "../../src/links/store.js";
import { findStored, parseStored } from "../../src/links/stored.js";
import { rejection, thrown } from "../support/errors.js";
import { linkRecord } from "../support/stub-rooms.js";

const NEW = { kid: "2026-04", key: randomBytes(32) };
const OLD = { kid: "2025-04", key: randomBytes(32) };
const SECRET = "CANARY-refresh-token";
const VALUE = JSON.stringify({ refreshToken: SECRET, name: "山田 太郎" });

type Key = typeof NEW;

let below: MemoryStore;
beforeEach(() => {
  below = new MemoryStore();
});

function sealing(keys: readonly Key[], plain?: "accept"): Sealing {
  const problems = new Problems();
  const checked = checkSealing({ keys, ...(plain === undefined ? {} : { plain }) }, problems);
  problems.throwIfAny();
  return checked;
}

function sealed(keys: readonly Key[] = [NEW], plain?: "accept", store: Store = below): SealedStore {
  return new SealedStore(store, sealing(keys, plain));
}

/** What lies in the database. */
async function lying(key = "link:a"): Promise<StoreEntry> {
  const entry = await below.get(key);
  if (entry === undefined) throw new Error(`There is no ${key}.`);
  return entry;
}

/** Somebody who can write to the database changes what lies there. */
async function tamper(key: string, change: (value: string) => string): Promise<void> {
  const { value, version } = await lying(key);
  await below.put(key, change(value), { version, labels: { customer: "u-42" } });
}

/** What reading the entry fails with. */
async function refusal(store: Store, key = "link:a"): Promise<StoreError> {
  const entry = await store.get(key);
  return thrown(() => parseStored(entry as StoreEntry), StoreError);
}

function headerOf(value: string): unknown {
  return JSON.parse(Buffer.from(value.split(".")[0] ?? "", "base64url").toString());
}

describe("a sealed value", () => {
  test("is a JWE under the first key, bound to where it is kept, that shows nothing of the value", async () => {
    await sealed([NEW, OLD]).put("link:a", VALUE, { version: 0 });
    const { value } = await lying();
    expect(headerOf(value)).toEqual({ alg: "A256KW", enc: "A256GCM", kid: "2026-04", key: "link:a" });
    const parts = value.split(".").map(part => Buffer.from(part, "base64url").toString("latin1"));
    expect(parts).toHaveLength(5);
    for (const shown of [value, ...parts]) {
      expect(shown).not.toContain(SECRET);
      expect(shown).not.toContain(Buffer.from("山田").toString("latin1"));
    }
  });

  test("opens under any of the keys, and comes back with its version", async () => {
    const version = await sealed([OLD]).put("link:a", VALUE, { version: 0 });
    expect(await sealed([NEW, OLD]).get("link:a")).toMatchObject({ key: "link:a", value: VALUE, version });
    expect(await sealed([OLD, NEW]).get("link:a")).toMatchObject({ value: VALUE, sealedUnder: "2025-04" });
  });

  test("is never sealed twice alike: nobody sees whether it has changed", async () => {
    const store = sealed();
    await store.put("link:a", VALUE, { version: 0 });
    const first = await lying();
    await store.put("link:a", VALUE, { version: first.version });
    const [, ...before] = first.value.split(".");
    const [, ...after] = (await lying()).value.split(".");
    expect(before.filter((part, index) => part === after[index])).toEqual([]);
  });

  test("keeps versions, labels and times as the store does, and says beside them which key it is under", async () => {
    const puts: unknown[] = [];
    const put = below.put.bind(below);
    below.put = async (key, value, options) => {
      puts.push(options);
      return put(key, value, options);
    };
    const store = sealed();
    const options = { version: 0, expiresAt: Date.now() + 60_000, durable: true, labels: { customer: "u-42" } };
    expect(await store.put("link:a", VALUE, options)).toBeGreaterThan(0);
    expect(puts).toEqual([{ ...options, labels: { customer: "u-42", seal: "2026-04" } }]);
    expect(await store.put("link:a", VALUE, { version: 0 })).toBeUndefined();
    await store.put("link:b", VALUE, { version: 0 });
    expect(puts.at(-1)).toEqual({ version: 0, labels: { seal: "2026-04" } });
  });

  test("is found by its labels, page by page, and by its key's name", async () => {
    const store = sealed();
    for (const name of ["a", "b", "c"])
      await store.put(`link:${name}`, JSON.stringify(name), { version: 0, labels: { customer: "u-42" } });
    const found: string[] = [];
    for await (const name of findStored<string>(store, { label: "customer", value: "u-42" })) found.push(name);
    expect(found).toEqual(["a", "b", "c"]);
    expect(await store.find({ label: "seal", value: "2026-04", limit: 2 })).toHaveLength(2);
  });

  test("can be taken, once", async () => {
    const store = sealed();
    await store.put("transaction:a", VALUE, { version: 0 });
    expect(await store.take("transaction:a")).toMatchObject({ value: VALUE });
    expect(await store.take("transaction:a")).toBeUndefined();
    expect(await store.get("transaction:a")).toBeUndefined();
  });

  test("leaves locks as they are", async () => {
    const store = sealed();
    expect(await store.lock("lock:a", "me", 60_000)).toBe(true);
    expect(await below.lock("lock:a", "you", 60_000)).toBe(false);
    await store.unlock("lock:a", "me");
    expect(await below.lock("lock:a", "you", 60_000)).toBe(true);
  });
});

describe("a seal that is not right", () => {
  beforeEach(async () => {
    await sealed().put("link:a", VALUE, { version: 0, labels: { customer: "u-42" } });
    await sealed().put("link:b", JSON.stringify("b"), { version: 0, labels: { customer: "u-42" } });
  });

  test("refuses what was sealed for another place", async () => {
    const stolen = (await lying("link:b")).value;
    await tamper("link:a", () => stolen);
    const error = await refusal(sealed());
    expect(error).toMatchObject({ code: "seal_invalid", retryable: false });
    expect(error.message).toContain("for another place");
  });

  test.each([0, 1, 2, 3, 4])("refuses a bit that was changed in part %i", async part => {
    await tamper("link:a", value => {
      const parts = value.split(".");
      const bytes = base64url.decode(parts[part] ?? "");
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      parts[part] = base64url.encode(bytes);
      return parts.join(".");
    });
    // In the header it may be the name of the key.
    expect(["seal_invalid", "sealing_key_missing"]).toContain((await refusal(sealed())).code);
  });

  test("refuses a header that was changed to name the place it was moved to", async () => {
    const moved = (await lying("link:b")).value.split(".").slice(1);
    await tamper("link:a", value => [value.split(".")[0], ...moved].join("."));
    expect((await refusal(sealed())).code).toBe("seal_invalid");
  });

  test("refuses another kind of encryption, though the key is right", async () => {
    const value = await new CompactEncrypt(Buffer.from(VALUE))
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: NEW.kid, key: "link:a" })
      .encrypt(NEW.key);
    await tamper("link:a", () => value);
    expect((await refusal(sealed())).code).toBe("seal_invalid");
  });

  test.each(["ey", "eyJhbGciOiJBMjU2S1ci", "ey.ey.ey.ey.ey", "eyJ9", `ey${"x".repeat(10_000)}`])(
    "refuses what is none at all: %s",
    async value => {
      await tamper("link:a", () => value);
      expect(["seal_invalid", "sealing_key_missing"]).toContain((await refusal(sealed())).code);
    },
  );

  test("shows nothing of what lies there in its error", async () => {
    await tamper("link:a", value => `${value.slice(0, -4)}AAAA`);
    const error = await refusal(sealed());
    const { value } = await lying();
    expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain(value.split(".")[3]);
    expect(error.cause).toBeUndefined();
  });

  test("is that of the place that was asked for, whatever place the database says it is", async () => {
    const { value, version } = await lying("link:b");
    const lying_ = Object.assign(Object.create(below) as MemoryStore, {
      get: async () => ({ key: "link:b", value, version }),
      take: async () => ({ key: "link:b", value, version }),
    });
    const store = sealed([NEW], undefined, lying_);
    expect((await refusal(store, "link:a")).code).toBe("seal_invalid");
    const taken = await store.take("link:a");
    expect(thrown(() => parseStored(taken as StoreEntry), StoreError).code).toBe("seal_invalid");
  });
});

describe("an entry whose key is not there", () => {
  beforeEach(async () => {
    await sealed([OLD]).put("link:a", VALUE, { version: 0 });
  });

  test("names it, loses nothing, and is read again once the key is back", async () => {
    const before = await lying();
    const error = await refusal(sealed([NEW]));
    expect(error).toMatchObject({ code: "sealing_key_missing", retryable: false });
    expect(error.message).toContain('"2025-04"');
    expect(error.message).toContain("sealing.keys");
    expect(await lying()).toEqual(before);
    expect(await sealed([NEW, OLD]).get("link:a")).toMatchObject({ value: VALUE });
  });

  test("is not read under another key of the same name", async () => {
    expect((await refusal(sealed([{ ...OLD, key: randomBytes(32) }]))).code).toBe("seal_invalid");
  });

  test.each([" ", "x".repeat(65), "\n", "鍵", 7, null])("does not repeat a name that is none: %j", async kid => {
    const header = base64url.encode(JSON.stringify({ alg: "A256KW", enc: "A256GCM", kid, key: "link:a" }));
    await tamper("link:a", value => [header, ...value.split(".").slice(1)].join("."));
    const error = await refusal(sealed([OLD]));
    expect(error.code).toBe("sealing_key_missing");
    expect(error.message).toContain("another key");
  });

  test("is said also where nothing is sealed any more", async () => {
    const problems = new Problems();
    const store = new SealedStore(below, checkSealing(undefined, problems));
    expect((await refusal(store)).code).toBe("sealing_key_missing");
  });

  test("can be taken, which says why it can't be read", async () => {
    const taken = await sealed([NEW]).take("link:a");
    expect(thrown(() => parseStored(taken as StoreEntry), StoreError).code).toBe("sealing_key_missing");
    expect(await below.get("link:a")).toBeUndefined();
  });
});

describe("an entry that is not sealed", () => {
  beforeEach(async () => {
    await below.put("link:a", VALUE, { version: 0, labels: { customer: "u-42" } });
  });

  test("is refused: whoever can write to the database could have put it there", async () => {
    expect((await refusal(sealed())).code).toBe("seal_invalid");
  });

  test("is read where that is allowed, and sealed when it is written", async () => {
    const store = sealed([NEW], "accept");
    const entry = await store.get("link:a");
    expect(entry).toMatchObject({ value: VALUE });
    await store.put("link:a", VALUE, { version: entry?.version ?? 0 });
    expect((await lying()).value).toMatch(/^ey/);
    expect(await sealed().get("link:a")).toMatchObject({ value: VALUE });
  });

  test("does not open the door for broken seals", async () => {
    await sealed().put("link:b", VALUE, { version: 0 });
    await tamper("link:b", value => `${value.slice(0, -4)}AAAA`);
    expect((await refusal(sealed([NEW], "accept"), "link:b")).code).toBe("seal_invalid");
  });

  test("is what there is without keys, labelled as such, so that it is found later", async () => {
    const store = new SealedStore(below, checkSealing(undefined, new Problems()));
    await store.put("link:b", VALUE, { version: 0, labels: { customer: "u-7" } });
    expect((await lying("link:b")).value).toBe(VALUE);
    expect(await store.get("link:b")).toMatchObject({ value: VALUE });
    expect(await below.find({ label: "seal", value: "not sealed", limit: 9 })).toMatchObject([{ key: "link:b" }]);
  });
});

describe("a search over entries that can't be read", () => {
  test("finds all the others, and only then says so", async () => {
    const store = sealed();
    for (let index = 0; index < 250; index++) {
      const under = index % 100 === 7 ? sealed([OLD]) : store;
      await writeLink(under, linkRecord({ id: `lnk_${String(index).padStart(3, "0")}` }), 0);
    }
    const found: string[] = [];
    const search = async () => {
      for await (const { id } of findLinks(store, { label: "link", value: "active" })) found.push(id);
    };
    expect((await rejection(search(), StoreError)).code).toBe("sealing_key_missing");
    expect(found).toHaveLength(247);
    expect(found.at(-1)).toBe("lnk_249");
    expect((await readLink(store, "lnk_000")).record.customerId).toBe("u-42");
    expect((await rejection(readLink(store, "lnk_007"), StoreError)).message).toContain('"2025-04"');
  });

  test("in the journal does, too", async () => {
    const labels = { debit: "open" };
    await sealed().put("debit:a", JSON.stringify({ reference: "a" }), { version: 0, labels });
    await sealed([OLD]).put("debit:b", JSON.stringify({ reference: "b" }), { version: 0, labels });
    await sealed().put("debit:c", JSON.stringify({ reference: "c" }), { version: 0, labels });
    const found: string[] = [];
    const search = async () => {
      for await (const { reference } of new Journal(sealed()).open()) found.push(reference);
    };
    expect((await rejection(search(), StoreError)).code).toBe("sealing_key_missing");
    expect(found).toEqual(["a", "c"]);
  });
});
