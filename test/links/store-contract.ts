/** What every store has to do. Run it on a store of your own: `describeStore("mine", () => new MyStore())`. */
import { describe, expect, test } from "vitest";
import type { Store } from "../../src/links/store.js";

const LATER = 3_600_000;

/** Describes a store. `makeStore` returns an empty one, or one whose keys the tests can't meet. */
export function describeStore(name: string, makeStore: () => Store | Promise<Store>): void {
  describe(`${name}: an entry`, () => {
    test("that was never put is not there", async () => {
      const store = await makeStore();
      expect(await store.get("a")).toBeUndefined();
      expect(await store.take("a")).toBeUndefined();
    });

    test("is read as it was put, to the last character", async () => {
      const store = await makeStore();
      const value = JSON.stringify({ text: "ﾐﾝﾅ 😀 \u0000 \\ ' \" %", long: "x".repeat(100_000) });
      const version = await store.put("キー/a b", value, { version: 0 });
      expect(await store.get("キー/a b")).toEqual({ key: "キー/a b", value, version });
    });

    test("is put over the version that was read, and over no other", async () => {
      const store = await makeStore();
      const first = await store.put("a", "1", { version: 0 });
      const second = await store.put("a", "2", { version: first! });
      expect(second).not.toBe(first);
      expect(await store.put("a", "lost", { version: first! })).toBeUndefined();
      expect(await store.put("a", "lost", { version: 0 })).toBeUndefined();
      expect(await store.get("a")).toMatchObject({ value: "2", version: second });
    });

    test("that is not there can't be put over", async () => {
      const store = await makeStore();
      expect(await store.put("a", "1", { version: 7 })).toBeUndefined();
      expect(await store.get("a")).toBeUndefined();
    });

    test("is put by one of many at the same time", async () => {
      const store = await makeStore();
      for (const version of [0, await versionOf(store, "b")]) {
        const key = version === 0 ? "a" : "b";
        const writers = Array.from({ length: 50 }, (_, writer) => store.put(key, `by ${writer}`, { version }));
        const written = (await Promise.all(writers)).flatMap((result, writer) =>
          result === undefined ? [] : [writer],
        );
        expect(written).toHaveLength(1);
        expect((await store.get(key))?.value).toBe(`by ${written[0]}`);
      }
    });

    test("is taken by one of a hundred", async () => {
      const store = await makeStore();
      await store.put("a", "once", { version: 0 });
      const takers = await Promise.all(Array.from({ length: 100 }, () => store.take("a")));
      expect(takers.filter(entry => entry !== undefined)).toMatchObject([{ key: "a", value: "once" }]);
      expect(await store.get("a")).toBeUndefined();
    });

    test("that was taken can't be put back by who read it before", async () => {
      const store = await makeStore();
      const version = await store.put("a", "1", { version: 0 });
      await store.take("a");
      await store.put("a", "2", { version: 0 });
      expect(await store.put("a", "stale", { version: version! })).toBeUndefined();
      expect((await store.get("a"))?.value).toBe("2");
    });

    test("is gone after its time, and its key is free", async () => {
      const store = await makeStore();
      await store.put("past", "1", { version: 0, expiresAt: Date.now() - 1 });
      await store.put("future", "1", { version: 0, expiresAt: Date.now() + LATER });
      expect(await store.get("past")).toBeUndefined();
      expect(await store.take("past")).toBeUndefined();
      expect(await store.put("past", "2", { version: 0, expiresAt: Date.now() + LATER })).toBeDefined();
      expect((await store.get("past"))?.value).toBe("2");
      expect((await store.get("future"))?.value).toBe("1");
    });

    test("that is put again without an end has none", async () => {
      const store = await makeStore();
      const version = await store.put("a", "1", { version: 0, expiresAt: Date.now() + LATER });
      const next = await store.put("a", "2", { version: version! });
      expect((await store.get("a"))?.value).toBe("2");
      await store.put("a", "3", { version: next!, expiresAt: Date.now() - 1 });
      expect(await store.get("a")).toBeUndefined();
    });
  });

  describe(`${name}: finding`, () => {
    test("by a label gives the entries in the order of their keys", async () => {
      const store = await makeStore();
      for (const key of ["k3", "k1", "k10", "k2"]) await store.put(key, key, { version: 0, labels: { debit: "open" } });
      await store.put("k0", "other value", { version: 0, labels: { debit: "closed" } });
      await store.put("k4", "other label", { version: 0, labels: { customer: "open" } });
      await store.put("k5", "no label", { version: 0 });
      const found = await store.find({ label: "debit", value: "open", limit: 10 });
      expect(found.map(entry => entry.key)).toEqual(["k1", "k10", "k2", "k3"]);
      expect(found[0]).toMatchObject({ key: "k1", value: "k1", version: (await store.get("k1"))?.version });
    });

    test("goes on after a key, a page at a time", async () => {
      const store = await makeStore();
      const keys = ["a", "b", "c", "d", "e"];
      for (const key of keys) await store.put(key, "", { version: 0, labels: { l: "v" } });
      const pages: string[][] = [];
      for (let after: string | undefined; ; ) {
        const page = await store.find({ label: "l", value: "v", limit: 2, ...(after === undefined ? {} : { after }) });
        if (page.length === 0) break;
        pages.push(page.map(entry => entry.key));
        after = page.at(-1)?.cursor;
      }
      expect(pages).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    });

    test("goes by the labels of the last put", async () => {
      const store = await makeStore();
      const find = async (value: string) => (await store.find({ label: "l", value, limit: 10 })).length;
      const first = await store.put("a", "1", { version: 0, labels: { l: "old" } });
      const second = await store.put("a", "2", { version: first!, labels: { l: "new" } });
      expect([await find("old"), await find("new")]).toEqual([0, 1]);
      await store.put("a", "3", { version: second! });
      expect(await find("new")).toBe(0);
    });

    test("passes over what is gone", async () => {
      const store = await makeStore();
      await store.put("b", "1", { version: 0, labels: { l: "v" } });
      await store.take("b");
      await store.put("a", "1", { version: 0, labels: { l: "v" }, expiresAt: Date.now() - 1 });
      expect(await store.find({ label: "l", value: "v", limit: 10 })).toEqual([]);
    });
  });

  describe(`${name}: a lock`, () => {
    test("is had by one of many at the same time", async () => {
      const store = await makeStore();
      const owners = Array.from({ length: 50 }, (_, owner) => store.lock("a", `owner ${owner}`, LATER));
      expect((await Promise.all(owners)).filter(Boolean)).toHaveLength(1);
    });

    test("is kept by its owner, and refused to others", async () => {
      const store = await makeStore();
      expect(await store.lock("a", "me", LATER)).toBe(true);
      expect(await store.lock("a", "me", LATER)).toBe(true);
      expect(await store.lock("a", "you", LATER)).toBe(false);
      expect(await store.lock("b", "you", LATER)).toBe(true);
    });

    test("is free once its owner gives it back, and not when another one does", async () => {
      const store = await makeStore();
      await store.lock("a", "me", LATER);
      await store.unlock("a", "you");
      expect(await store.lock("a", "you", LATER)).toBe(false);
      await store.unlock("a", "me");
      expect(await store.lock("a", "you", LATER)).toBe(true);
      await store.unlock("a", "me");
      expect(await store.lock("a", "third", LATER)).toBe(false);
    });

    test("is free after its time, though its owner is gone", async () => {
      const store = await makeStore();
      await store.lock("a", "me", -1);
      expect(await store.lock("a", "you", LATER)).toBe(true);
      expect(await store.lock("a", "me", LATER)).toBe(false);
    });

    test("that is kept holds for the new time", async () => {
      const store = await makeStore();
      await store.lock("a", "me", -1);
      await store.lock("a", "me", LATER);
      expect(await store.lock("a", "you", LATER)).toBe(false);
    });

    test("has nothing to do with an entry of the same key", async () => {
      const store = await makeStore();
      await store.lock("a", "me", LATER);
      expect(await store.get("a")).toBeUndefined();
      expect(await store.put("a", "1", { version: 0 })).toBeDefined();
      await store.take("a");
      expect(await store.lock("a", "you", LATER)).toBe(false);
    });

    test("that nobody has can be given back", async () => {
      const store = await makeStore();
      await store.unlock("a", "me");
    });
  });
}

async function versionOf(store: Store, key: string): Promise<number> {
  return (await store.put(key, "before", { version: 0 }))!;
}
