/**
 * How a store must find entries.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { FindOptions, Store } from "../links/store.js";
import { allPages, isNothing, LATER, type StoreBench, written } from "./store-bench.js";

type Test = (bench: StoreBench) => Promise<void>;

/** What the client itself asks for, and a label that nobody has heard of. */
const LABELS = ["customer", "link", "debit", "grant-ends", "seal", "contract's own"];
const PAGES = [1, 2, 3, 100];

export const SEARCH_TESTS: Readonly<Record<string, Test>> = {
  "finds the entries with a label in the order of their keys": async bench => {
    const store = await bench.open();
    for (const label of LABELS) {
      const put = (name: string, labels?: Record<string, string>) =>
        written(store, bench.key(`${label} ${name}`), name, { version: 0, ...(labels && { labels }) });
      for (const name of ["k3", "k1", "k10", "k2"]) await put(name, { [label]: bench.label("open") });
      await put("k0", { [label]: bench.label("closed") });
      await put("k4", { "another label": bench.label("open") });
      await put("k5");
      const found = await namesFound(bench, store, { label, value: "open" });
      const expected = ["k1", "k10", "k2", "k3"].map(name => `${label} ${name}`);
      assert.deepEqual(found, expected, `find did not give the entries of the label ${label}, by key`);
    }
  },

  "finds entries as they were put, each with a cursor": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    const version = await written(store, key, "value", { version: 0, labels: { debit: bench.label("open") } });
    const [entry, ...more] = await store.find({ label: "debit", value: bench.label("open"), limit: 10 });
    assert.ok(entry, "find did not give the entry");
    assert.equal(more.length, 0, "find gave more entries than there are");
    const { key: foundKey, value: foundValue, version: foundVersion } = entry;
    assert.deepEqual(
      [foundKey, foundValue, foundVersion],
      [key, "value", version],
      "find gave another entry than was put",
    );
    assert.equal(typeof entry.cursor, "string", "find must give each entry a cursor, a string");
  },

  "compares a label's value exactly": async bench => {
    const store = await bench.open();
    const values = [
      "a",
      "A",
      "a ",
      " a",
      "a%",
      "_",
      "%",
      "*",
      "a'b",
      'a"b',
      "a\\b",
      "",
      "キー",
      "ｷｰ",
      "😀",
      "\u00e9",
      "e\u0301",
    ];
    for (const [index, value] of values.entries()) {
      await written(store, bench.key(`${index}`), "", { version: 0, labels: { customer: bench.label(value) } });
    }
    for (const [index, value] of values.entries()) {
      const found = await namesFound(bench, store, { label: "customer", value });
      assert.deepEqual(found, [`${index}`], `find mixes up the label value ${JSON.stringify(value)}`);
    }
  },

  "finds an entry by each of its labels": async bench => {
    const store = await bench.open();
    const labels = Object.fromEntries(LABELS.map(label => [label, bench.label(label)]));
    await written(store, bench.key("a"), "", { version: 0, labels });
    for (const label of LABELS) {
      assert.deepEqual(await namesFound(bench, store, { label, value: label }), ["a"], `the label ${label} is lost`);
    }
  },

  "goes on behind a cursor, a page of any size at a time": async bench => {
    const store = await bench.open();
    const names = Array.from({ length: 12 }, (_, index) => `k${String(index).padStart(2, "0")}`);
    for (const name of names.toReversed()) {
      await written(store, bench.key(name), "", { version: 0, labels: { link: bench.label("active") } });
    }
    for (const limit of PAGES) {
      const found = await namesFound(bench, store, { label: "link", value: "active", limit });
      assert.deepEqual(found, names, `pages of ${limit} do not give each entry once, in order`);
    }
  },

  "finds a range of values, by value and then by key": async bench => {
    const store = await bench.open();
    const days = ["2026-11-22", "2026-12-01", "2026-12-31", "2027-01-01", "2027-01-01T00:00:00+09:00", "2027-02-28"];
    for (const label of ["grant-ends", "contract's own"]) {
      // Keys the other way round, and two of each day, so that neither order passes for the other.
      for (const [index, day] of days.entries()) {
        for (const twin of ["b", "a"]) {
          const key = bench.key(`${label} ${9 - index}${twin}`);
          await written(store, key, "", { version: 0, labels: { [label]: bench.label(day) } });
        }
      }
      await written(store, bench.key(`${label} other`), "", {
        version: 0,
        labels: { other: bench.label("2026-12-15") },
      });
      for (const limit of PAGES) {
        const found = await namesFound(bench, store, { label, value: "2026-12-01", through: "2027-01-01", limit });
        const expected = ["8a", "8b", "7a", "7b", "6a", "6b"].map(name => `${label} ${name}`);
        assert.deepEqual(found, expected, `a range of ${label}, in pages of ${limit}, is not by value and then by key`);
      }
      const none = await namesFound(bench, store, { label, value: "2026-12-02", through: "2026-12-30" });
      assert.deepEqual(none, [], "find gave entries outside of the range");
    }
  },

  "orders values as strings of ASCII": async bench => {
    const store = await bench.open();
    // What orderings of languages would put elsewhere: case, punctuation, digits.
    const values = ["!", "-", "10", "2", "A", "B", "Z", "_", "a", "a-b", "aB", "ab", "b", "z"];
    for (const value of values.toReversed()) {
      await written(store, bench.key(`v${value}`), "", { version: 0, labels: { "grant-ends": bench.label(value) } });
    }
    const found = await namesFound(bench, store, { label: "grant-ends", value: "!", through: "z", limit: 3 });
    assert.deepEqual(
      found,
      values.map(value => `v${value}`),
      "values are not in the order of their characters",
    );
    const keys = await bench.open();
    for (const value of values.toReversed()) {
      await written(keys, bench.key(value), "", { version: 0, labels: { link: bench.label("active") } });
    }
    const byKey = await namesFound(bench, store, { label: "link", value: "active", limit: 3 });
    assert.deepEqual(byKey, values, "keys are not in the order of their characters");
  },

  "neither repeats nor skips when entries come and go between pages": async bench => {
    const store = await bench.open();
    const labels = { debit: bench.label("open") };
    const names = ["b", "c", "d", "e", "f"];
    for (const name of names) await written(store, bench.key(name), "", { version: 0, labels });
    const search = { label: "debit", value: labels.debit, limit: 2 };
    const page = await store.find(search);
    const last = page.at(-1);
    assert.ok(last, "find gave nothing");
    for (const name of ["a", "aa", "g"]) await written(store, bench.key(name), "", { version: 0, labels });
    // The entry that the cursor stands for may be gone as well.
    await store.take(last.key);
    await store.take(bench.key("e"));
    const rest = await allPages(store, { ...search, after: last.cursor });
    const seen = [...page, ...rest].map(entry => bench.plain(entry.key));
    assert.deepEqual(seen, ["b", "c", "d", "f", "g"], "entries that stayed were repeated or skipped");
  },

  "goes by the labels of the last put": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    const find = async (value: string) => (await namesFound(bench, store, { label: "debit", value })).length;
    const first = await written(store, key, "1", {
      version: 0,
      labels: { debit: bench.label("old"), link: bench.label("x") },
    });
    const second = await written(store, key, "2", { version: first, labels: { debit: bench.label("new") } });
    assert.deepEqual([await find("old"), await find("new")], [0, 1], "a put must replace a label's value");
    const others = await namesFound(bench, store, { label: "link", value: "x" });
    assert.deepEqual(others, [], "a put must remove the labels that it does not name");
    const lost = await store.put(key, "lost", { version: first, labels: { debit: bench.label("lost") } });
    assert.ok(isNothing(lost), "put wrote over a version that was not the one named");
    assert.deepEqual([await find("lost"), await find("new")], [0, 1], "a put that lost has changed the labels");
    await written(store, key, "3", { version: second });
    assert.equal(await find("new"), 0, "a put without labels must remove them");
  },

  "passes over what is gone": async bench => {
    const store = await bench.open();
    const labels = { debit: bench.label("open") };
    await written(store, bench.key("taken"), "", { version: 0, labels });
    await store.take(bench.key("taken"));
    await written(store, bench.key("over"), "", { version: 0, labels, expiresAt: Date.now() - 1_000 });
    await written(store, bench.key("there"), "", { version: 0, labels, expiresAt: Date.now() + LATER });
    const found = await namesFound(bench, store, { label: "debit", value: "open" });
    assert.deepEqual(found, ["there"], "find gave an entry that was taken, or whose time is over");
  },
};

async function namesFound(
  bench: StoreBench,
  store: Store,
  { label, value, through, limit = 10 }: Partial<FindOptions> & Pick<FindOptions, "label" | "value">,
): Promise<readonly string[]> {
  const range = { value: bench.label(value), ...(through === undefined ? {} : { through: bench.label(through) }) };
  const found = await allPages(store, { label, ...range, limit });
  return found.map(entry => bench.plain(entry.key));
}
