/**
 * What a store must do with an entry.
 *
 * @module
 */
import assert from "node:assert/strict";
import { eventually, isNothing, LATER, SOON, type StoreBench, storedValue, written } from "./store-bench.js";

type Test = (bench: StoreBench) => Promise<void>;

const LONGEST = 100_000;
const AT_ONCE = 48;
const STORES = 4;

export const ENTRY_TESTS: Readonly<Record<string, Test>> = {
  "has nothing under a key that was never put": async bench => {
    const store = await bench.open();
    assert.ok(isNothing(await store.get(bench.key("a"))), "get gave an entry that was never put");
    assert.ok(isNothing(await store.take(bench.key("a"))), "take gave an entry that was never put");
  },

  "gives back what was put, with its key and version": async bench => {
    const store = await bench.open();
    const key = bench.key("a");
    const version = await written(store, key, "1", { version: 0 });
    assert.ok(
      Number.isSafeInteger(version) && version > 0,
      "a version must be a safe integer above 0, which means none",
    );
    assert.deepEqual(
      { ...(await store.get(key)) },
      { key, value: "1", version },
      "get gave another entry than was put",
    );
    assert.deepEqual(
      { ...(await store.take(key)) },
      { key, value: "1", version },
      "take gave another entry than was put",
    );
  },

  "keeps values of 100 kB, to the last character": async bench => {
    const store = await bench.open();
    const text = `{"a":"'\\\\\\"\\n%s $1 ? :b ﾐﾝﾅ みんなの銀行 𠮷野家 😀 é"}\r\n\t `;
    for (const [name, value] of Object.entries({
      empty: "",
      text,
      long: text.repeat(LONGEST / text.length),
      ascii: "x".repeat(LONGEST),
      wide: "😀".repeat(LONGEST / 4),
    })) {
      const key = bench.key(name);
      await written(store, key, value, { version: 0 });
      assert.ok((await storedValue(store, key)) === value, `a value came back changed: the one called ${name}`);
    }
  },

  "tells keys apart to the last character": async bench => {
    const store = await bench.open();
    const names = [
      "a b",
      "a  b",
      "a b ",
      "A b",
      "a%b",
      "a_b",
      "a*b",
      "a[b]",
      "a'b",
      'a"b',
      "a\\b",
      "a:b",
      "a/b",
      "a;b--",
    ];
    const keys = [...names, "キー", "きー", "ｷｰ", "\u00e9", "e\u0301", "😀", "a".repeat(500)].map(name =>
      bench.key(name),
    );
    for (const key of keys) await written(store, key, `at ${key}`, { version: 0 });
    for (const key of keys) {
      assert.equal(
        await storedValue(store, key),
        `at ${key}`,
        `the key ${JSON.stringify(bench.plain(key))} is mixed up`,
      );
    }
  },

  "shows at once what another connection put": async bench => {
    const [one, other, key] = [await bench.open(), await bench.open(), bench.key("a")];
    const version = await written(one, key, "1", { version: 0 });
    assert.equal(
      await storedValue(other, key),
      "1",
      "what one store put another one does not read: do they share the data?",
    );
    await written(other, key, "2", { version });
    assert.equal(await storedValue(one, key), "2", "a value is read that was overwritten before: is it cached?");
  },

  "puts over the version that was read, and over no other": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    const first = await written(store, key, "1", { version: 0 });
    const second = await written(store, key, "2", { version: first });
    assert.notEqual(second, first, "a put must change the version");
    for (const version of [first, 0]) {
      assert.ok(
        isNothing(await store.put(key, "lost", { version })),
        "put wrote over a version that was not the one named",
      );
    }
    assert.equal(await storedValue(store, key), "2", "a put that lost has changed the value");
    assert.equal((await store.get(key))?.version, second, "a put that lost has changed the version");
  },

  "does not put over what is not there": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    assert.ok(isNothing(await store.put(key, "1", { version: 7 })), "put wrote over an entry that is not there");
    assert.ok(isNothing(await store.get(key)), "a put that was refused has written");
  },

  "lets one of many put at the same time": async bench => {
    const stores = await Promise.all(Array.from({ length: STORES }, () => bench.open()));
    const [store] = stores;
    assert.ok(store);
    const there = bench.key("b");
    const versions: readonly (readonly [key: string, version: number])[] = [
      [bench.key("a"), 0],
      [there, await written(store, there, "before", { version: 0 })],
    ];
    for (const [key, version] of versions) {
      const putting: readonly Promise<number | undefined>[] = Array.from({ length: AT_ONCE }, (_, writer) =>
        (stores[writer % STORES] ?? store).put(key, `by ${writer}`, { version }),
      );
      const winners = (await Promise.all(putting)).flatMap((result, writer) => (isNothing(result) ? [] : [writer]));
      assert.equal(winners.length, 1, `${winners.length} of ${AT_ONCE} put over the same version; exactly one may`);
      assert.equal(await storedValue(store, key), `by ${winners[0]}`, "the value is not the winner's");
    }
  },

  "counts without loss when many put in turn": async bench => {
    const [key, count, rounds] = [bench.key("a"), 8, 5];
    await written(await bench.open(), key, "0", { version: 0 });
    const add = async () => {
      const store = await bench.open();
      for (let left = rounds; left > 0; ) {
        const entry = await store.get(key);
        assert.ok(entry, "an entry is away while it is put over");
        if (!isNothing(await store.put(key, String(Number(entry.value) + 1), { version: entry.version }))) left--;
      }
    };
    await Promise.all(Array.from({ length: count }, add));
    assert.equal(await storedValue(await bench.open(), key), String(count * rounds), "an update was lost");
  },

  "gives an entry to one of a hundred who take it": async bench => {
    const stores = await Promise.all(Array.from({ length: STORES }, () => bench.open()));
    const [store] = stores;
    assert.ok(store);
    const key = bench.key("a");
    await written(store, key, "once", { version: 0 });
    const taking = Array.from({ length: 100 }, (_, taker) => (stores[taker % STORES] ?? store).take(key));
    const taken = (await Promise.all(taking)).filter(entry => !isNothing(entry));
    assert.equal(taken.length, 1, `${taken.length} of 100 took the same entry; exactly one may`);
    assert.equal(taken[0]?.value, "once", "take gave another value than was put");
    assert.ok(isNothing(await store.get(key)), "an entry is still there after it was taken");
  },

  "gives no version twice, also after the entry was taken": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    const versions = new Set<number>();
    for (let round = 1; round <= 5; round++) {
      versions.add(await written(store, key, "1", { version: 0 }));
      await store.take(key);
      assert.equal(
        versions.size,
        round,
        "a version came again after its entry was taken: who read the old one overwrites the new",
      );
    }
    await written(store, key, "2", { version: 0 });
    for (const version of versions) {
      assert.ok(
        isNothing(await store.put(key, "stale", { version })),
        "put wrote over an entry that was made anew since",
      );
    }
    assert.equal(await storedValue(store, key), "2", "a put that lost has changed the value");
  },

  "forgets an entry after its time, and frees its key": async bench => {
    const store = await bench.open();
    const [past, future] = [bench.key("past"), bench.key("future")];
    const gone = await written(store, past, "1", { version: 0, expiresAt: Date.now() - 1_000 });
    await written(store, future, "1", { version: 0, expiresAt: Date.now() + LATER });
    assert.ok(isNothing(await store.get(past)), "get gave an entry whose time is over");
    assert.ok(isNothing(await store.put(past, "2", { version: gone })), "put wrote over an entry whose time is over");
    assert.ok(isNothing(await store.take(past)), "take gave an entry whose time is over");
    await written(store, past, "2", { version: 0, expiresAt: Date.now() + LATER });
    assert.equal(await storedValue(store, past), "2", "an entry that was put anew is not there");
    assert.equal(await storedValue(store, future), "1", "an entry is gone before its time");
  },

  "forgets an entry when its time comes": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    await written(store, key, "1", { version: 0, expiresAt: Date.now() + SOON });
    const isFree = async () => !isNothing(await store.put(key, "2", { version: 0 }));
    await eventually(isFree, `a key is not free long after the ${SOON} ms that its entry had`);
    assert.equal(await storedValue(store, key), "2", "an entry that was put without an end ended with the one before");
  },

  "gives an entry that is put again the end of the last put, or none": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    const first = await written(store, key, "1", { version: 0, expiresAt: Date.now() + 20 * SOON });
    const second = await written(store, key, "2", { version: first });
    const witness = bench.key("witness");
    await written(store, witness, "1", { version: 0, expiresAt: Date.now() + 20 * SOON });
    await eventually(async () => isNothing(await store.get(witness)), "an entry does not end when its time comes");
    assert.equal(
      await storedValue(store, key),
      "2",
      "an entry that was put again without an end has kept the end it had",
    );
    await written(store, key, "3", { version: second, expiresAt: Date.now() - 1_000 });
    assert.ok(isNothing(await store.get(key)), "an entry that was put again with an end did not get it");
  },

  "keeps what must be durable": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    const first = await written(store, key, "1", { version: 0, durable: true });
    await written(store, key, "2", { version: first, durable: true, labels: { debit: bench.label("open") } });
    assert.equal(await storedValue(store, key), "2", "what was put as durable is not there");
  },
};
