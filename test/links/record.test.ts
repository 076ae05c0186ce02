import { beforeEach, describe, expect, test, vi } from "vitest";
import { ArgumentError, LinkError, StoreError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import {
  findEnding,
  findLinks,
  findNotAsked,
  infoOf,
  type LinkRecord,
  readLink,
  readOwnLink,
  removeLink,
  type VersionedLink,
  withTokens,
  writeLink,
} from "../../src/links/record.js";
import { rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { LINK_ID, linkRecord } from "../support/stub-rooms.js";

const settings = configuration("fapi2-security");
const RECORD = linkRecord({ grantId: "grant-1" });

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

async function written(record: LinkRecord = RECORD): Promise<VersionedLink> {
  const one = await writeLink(store, record, 0);
  if (one === undefined) throw new Error("There is such a link already.");
  return one;
}

const READERS: [string, (id: string) => Promise<VersionedLink>][] = [
  ["any link", id => readLink(store, id)],
  ["an own link", id => readOwnLink(store, id, settings)],
];

describe("a record", () => {
  test("is put as JSON under the link's id, labelled with the customer's", async () => {
    const put = vi.spyOn(store, "put");
    await written();
    expect(put.mock.calls).toEqual([
      [
        "link:lnk_1",
        JSON.stringify(RECORD),
        { version: 0, labels: { customer: "u-42", link: "active", "grant-ends": "not asked" } },
      ],
    ]);
  });

  test.each(READERS)("comes back as it was put, with its version: %s", async (_, read) => {
    const { version } = await written();
    expect(version).toBeGreaterThan(0);
    expect(await read(LINK_ID)).toStrictEqual({ record: RECORD, version });
  });

  test("is not labelled as active once it is released", async () => {
    const put = vi.spyOn(store, "put");
    await written({ ...RECORD, status: "released" });
    expect(put.mock.calls[0]?.[2]).toStrictEqual({ version: 0, labels: { customer: "u-42" } });
  });

  test("is replaced by who names its version", async () => {
    const { version } = await written();
    const newer = { ...RECORD, thumbprint: "thumbprint-2" };
    const second = await writeLink(store, newer, version);
    expect(second?.record).toBe(newer);
    expect(second?.version).not.toBe(version);
    expect(await readLink(store, LINK_ID)).toStrictEqual(second);
  });

  test("is left alone by who names another version", async () => {
    const { version } = await written();
    for (const stale of [0, version + 1]) {
      expect(await writeLink(store, { ...RECORD, status: "released" }, stale)).toBeUndefined();
    }
    expect((await readLink(store, LINK_ID)).record.status).toBe("active");
  });

  test("is forgotten alone, and once for all", async () => {
    await written();
    await written({ ...RECORD, id: "lnk_2" });
    await removeLink(store, LINK_ID);
    expect((await rejection(readLink(store, LINK_ID), LinkError)).code).toBe("link_unknown");
    expect((await readLink(store, "lnk_2")).record.id).toBe("lnk_2");
  });
});

describe.each(READERS)("reading %s", (_, read) => {
  test.each([undefined, null, "", 7, {}])("needs an id: %j is none, and the store is not asked", async id => {
    const get = vi.spyOn(store, "get");
    expect(await rejection(read(id as string), ArgumentError)).toMatchObject({ argument: "id" });
    expect(get).not.toHaveBeenCalled();
  });

  test("finds no link that is not there", async () => {
    expect(await rejection(read("lnk_x"), LinkError)).toMatchObject({ code: "link_unknown", linkId: "lnk_x" });
  });

  test.each(["", '{"id":"lnk_1","cus', "undefined"])("does not make sense of a garbled entry: %j", async value => {
    await store.put("link:lnk_1", value, { version: 0 });
    expect(await rejection(read(LINK_ID), StoreError)).toMatchObject({ code: "store_failed", operation: "get" });
  });
});

describe("another one's link", () => {
  test.each<Partial<LinkRecord>>([
    { issuer: "https://bank-a.example" },
    { clientId: "another-client" },
    { issuer: "https://bank-a.example", clientId: "another-client" },
  ])("is not given out: %j", async elsewhere => {
    await written({ ...RECORD, ...elsewhere });
    const error = await rejection(readOwnLink(store, LINK_ID, settings), LinkError);
    expect(error).toMatchObject({ code: "link_elsewhere", linkId: LINK_ID });
    expect((await readLink(store, LINK_ID)).record).toMatchObject(elsewhere);
  });
});

describe("a link with new tokens", () => {
  const TOKENS = { accessToken: "at-2", scopes: ["openid", "zandaka", "debit"] };
  const contract = configuration("fapi2-security", { contract: { scopes: { balance: "zandaka" } } });
  const before = linkRecord({ scopes: ["identity", "debit"], refusedScopes: ["balance"], grantId: "grant-1" });

  test("can do what they were granted of what was asked for, and is otherwise the same", () => {
    expect(withTokens(before, { ...TOKENS, thumbprint: "thumbprint-2" }, contract)).toStrictEqual({
      ...before,
      scopes: ["balance", "debit"],
      refusedScopes: ["identity"],
      tokens: TOKENS,
      thumbprint: "thumbprint-2",
    });
  });

  test("can do nothing that was never asked for", () => {
    const tokens = { ...TOKENS, scopes: ["zandaka", "deposits", "identity", "debit"] };
    expect(withTokens(before, tokens, contract)).toMatchObject({
      scopes: ["balance", "identity", "debit"],
      refusedScopes: [],
    });
  });

  test("can do what it could where they were granted the same, also where that is called otherwise by now", () => {
    const tokens = { ...TOKENS, scopes: linkRecord().tokens?.scopes ?? [] };
    const able = { ...before, scopes: ["balance"], refusedScopes: ["debit"] } as const;
    expect(withTokens(able, { ...tokens, thumbprint: "thumbprint-2" }, contract)).toStrictEqual({
      ...able,
      tokens,
      thumbprint: "thumbprint-2",
    });
  });

  test("is judged by them alone where it had none, and where the old ones were granted a part", () => {
    const { tokens: _, ...rest } = before;
    const nothing = { ...TOKENS, scopes: [] };
    const refused = { scopes: [], refusedScopes: ["balance", "identity", "debit"] };
    expect(withTokens(rest, nothing, contract)).toMatchObject(refused);
    const old = { ...before, tokens: { ...TOKENS, scopes: ["openid", "zandaka"] } };
    expect(withTokens(old, TOKENS, contract)).toMatchObject({ scopes: ["balance", "debit"] });
    expect(withTokens({ ...before, tokens: nothing }, { ...TOKENS, scopes: [""] }, contract).scopes).toEqual(
      before.scopes,
    );
  });

  test("is bound to what it was where they are kept ones", () => {
    expect(withTokens({ ...before, thumbprint: "thumbprint-9" }, TOKENS, contract).thumbprint).toBe("thumbprint-9");
  });

  test("keeps when its grant ends, as the bank said last", () => {
    expect(withTokens({ ...before, grantExpiresAt: 7 }, TOKENS, contract).grantExpiresAt).toBe(7);
  });

  test("has the grant that they name, and keeps the one it had where they name none", () => {
    expect(withTokens(before, { ...TOKENS, grantId: "grant-2" }, contract).grantId).toBe("grant-2");
    expect(withTokens(before, TOKENS, contract).grantId).toBe("grant-1");
  });
});

describe("finding links", () => {
  async function ids(label: "customer" | "link", value: string): Promise<string[]> {
    const found: string[] = [];
    for await (const { id } of findLinks(store, { label, value })) found.push(id);
    return found;
  }

  async function many(count: number, overrides: Partial<LinkRecord> = {}): Promise<string[]> {
    const names = Array.from({ length: count }, (_, index) => `lnk_${String(index).padStart(3, "0")}`);
    for (const id of names) await written({ ...RECORD, ...overrides, id });
    return names;
  }

  test("gives the whole records, by a customer or because they are active", async () => {
    await written();
    await written({ ...RECORD, id: "lnk_2", status: "released" });
    for (const label of [
      { label: "customer", value: "u-42" },
      { label: "link", value: "active" },
    ] as const) {
      const { value } = await findLinks(store, label).next();
      expect(value).toStrictEqual(RECORD);
    }
    expect(await ids("customer", "u-42")).toEqual([LINK_ID, "lnk_2"]);
    expect(await ids("link", "active")).toEqual([LINK_ID]);
    expect(await ids("customer", "u-43")).toEqual([]);
  });

  test.each([
    [0, []],
    [99, ["link:lnk_098"]],
    [100, ["link:lnk_099"]],
    [201, ["link:lnk_099", "link:lnk_199", "link:lnk_200"]],
  ])("finds all of %i, each once, a hundred at a time", async (count, pages) => {
    const names = await many(count);
    const find = vi.spyOn(store, "find");
    expect(await ids("customer", "u-42")).toEqual(names);
    const search = { label: "customer", value: "u-42", limit: 100 };
    const behind = pages.map(key => [{ ...search, after: `u-42\0${key}` }]);
    expect(find.mock.calls).toEqual([[search], ...behind]);
  });

  test("gives all, whoever they were made for: the caller knows which are served", async () => {
    await written({ ...RECORD, id: "lnk_1", issuer: "https://bank-a.example" });
    await written({ ...RECORD, id: "lnk_2", clientId: "another-client" });
    expect(await ids("link", "active")).toEqual(["lnk_1", "lnk_2"]);
  });

  test("passes over what can't be read, and tells of it behind all the others", async () => {
    await many(150);
    const { version } = await readLink(store, "lnk_007");
    await store.put("link:lnk_007", "garbled", { version, labels: { link: "active" } });
    const found: string[] = [];
    const reading = async () => {
      for await (const { id } of findLinks(store, { label: "link", value: "active" })) found.push(id);
    };
    expect(await rejection(reading(), StoreError)).toMatchObject({ code: "store_failed" });
    expect(found).toHaveLength(149);
    expect(found.at(-1)).toBe("lnk_149");
  });

  test("reads as far as it is asked to", async () => {
    await many(101);
    const find = vi.spyOn(store, "find");
    for await (const { id } of findLinks(store, { label: "link", value: "active" })) {
      if (id === "lnk_099") break;
    }
    expect(find).toHaveBeenCalledTimes(1);
  });

  test("does not make sense of a garbled entry", async () => {
    await store.put("link:lnk_1", "garbled", { version: 0, labels: { link: "active" } });
    expect(await rejection(ids("link", "active"), StoreError)).toMatchObject({ code: "store_failed" });
  });
});

describe("links by when their grants end", () => {
  async function idsOf(found: AsyncIterable<LinkRecord>): Promise<string[]> {
    const all: string[] = [];
    for await (const { id } of found) all.push(id);
    return all;
  }
  const NOON = Date.UTC(2026, 3, 1, 12);

  beforeEach(async () => {
    const ends = { lnk_a: NOON + 1, lnk_b: NOON, lnk_c: 0, lnk_d: null, lnk_e: undefined, lnk_f: NOON - 1 };
    for (const [id, grantExpiresAt] of Object.entries(ends)) {
      await written({ ...RECORD, id, ...(grantExpiresAt === undefined ? {} : { grantExpiresAt }) });
    }
    await written({ ...RECORD, id: "lnk_g", status: "released", grantExpiresAt: 0 });
    await written({ ...RECORD, id: "lnk_h", status: "released" });
  });

  test("come the first to end first, to the millisecond, without released ones and those without an end", async () => {
    expect(await idsOf(findEnding(store, NOON))).toEqual(["lnk_c", "lnk_f", "lnk_b"]);
    expect(await idsOf(findEnding(store, Date.UTC(2126, 0)))).toEqual(["lnk_c", "lnk_f", "lnk_b", "lnk_a"]);
  });

  test("are told apart from those of which the bank has not been asked", async () => {
    expect(await idsOf(findNotAsked(store))).toEqual(["lnk_e"]);
  });

  test("are found by the end that was written last", async () => {
    const { record, version } = await readLink(store, "lnk_e");
    await writeLink(store, { ...record, grantExpiresAt: 5 }, version);
    expect(await idsOf(findNotAsked(store))).toEqual([]);
    expect(await idsOf(findEnding(store, NOON))).toEqual(["lnk_c", "lnk_e", "lnk_f", "lnk_b"]);
  });
});

describe("what the partner sees of a link", () => {
  const record = linkRecord({ scopes: ["balance"], refusedScopes: ["debit"], createdAt: Date.UTC(2026, 3, 1, 0, 30) });
  const seen = {
    id: LINK_ID,
    customerId: "u-42",
    status: "active",
    scopes: ["balance"],
    refusedScopes: ["debit"],
    profile: "fapi2-security",
    createdAt: "2026-04-01T09:30:00+09:00",
  };

  test("is no token, and nothing of the client", () => {
    expect(infoOf({ ...record, grantId: "grant-1" })).toStrictEqual({ ...seen, grantId: "grant-1" });
  });

  test("has no grant where the bank named none", () => {
    expect(infoOf(record)).toStrictEqual(seen);
  });

  test("is frozen, and the record is not", () => {
    const info = infoOf(record);
    for (const part of [info, info.scopes, info.refusedScopes]) expect(Object.isFrozen(part)).toBe(true);
    for (const part of [record, record.scopes, record.refusedScopes]) expect(info).not.toBe(part);
    expect(info.refusedScopes).not.toBe(record.refusedScopes);
  });
});
