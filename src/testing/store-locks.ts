/**
 * How a store must keep locks.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Store } from "../links/store.js";
import { eventually, isNothing, LATER, SOON, type StoreBench } from "./store-bench.js";

type Test = (bench: StoreBench) => Promise<void>;

/** Milliseconds by which clocks that count whole ones may differ. */
const TICK = 2;

export const LOCK_TESTS: Readonly<Record<string, Test>> = {
  "gives a lock to one of many at the same time": async bench => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => bench.open()));
    const [store] = stores;
    assert.ok(store);
    const locking = Array.from({ length: 48 }, (_, owner) =>
      (stores[owner % stores.length] ?? store).lock(bench.key("a"), `owner ${owner}`, LATER),
    );
    const had = (await Promise.all(locking)).filter(Boolean).length;
    assert.equal(had, 1, `${had} of 48 owners got the same lock; exactly one may`);
  },

  "keeps a lock for its owner, and from all others": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    assert.equal(await store.lock(key, "me", LATER), true, "a free lock was refused");
    assert.equal(await store.lock(key, "me", LATER), true, "its owner was refused a lock that is held already");
    assert.equal(await (await bench.open()).lock(key, "you", LATER), false, "a lock was given to two owners");
    assert.equal(await store.lock(key, "ME", LATER), false, "owners are not told apart by case");
    assert.equal(await store.lock(bench.key("b"), "you", LATER), true, "a lock keeps another one from being taken");
  },

  "lets only its owner give a lock back": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    await store.lock(key, "me", LATER);
    await store.unlock(key, "you");
    assert.equal(await store.lock(key, "you", LATER), false, "who does not own a lock has given it back");
    await store.unlock(key, "me");
    assert.equal(await store.lock(key, "you", LATER), true, "a lock is not free after its owner gave it back");
    await store.unlock(key, "me");
    assert.equal(await store.lock(key, "third", LATER), false, "the owner before has given back the lock of the next");
  },

  "frees a lock after its duration, though its owner is gone": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    await store.lock(key, "me", -1);
    assert.equal(await store.lock(key, "you", LATER), true, "a lock is not free though its duration is over");
    assert.equal(await store.lock(key, "me", LATER), false, "the owner before still has a lock that is another's");
  },

  "frees a lock when its duration ends, and not before": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    const begun = performance.now();
    await store.lock(key, "me", SOON);
    await eventually(() => store.lock(key, "you", LATER), `a lock of ${SOON} ms is not free long after`);
    assert.ok(performance.now() - begun >= SOON - TICK, "a lock was free before its duration was over");
    await store.unlock(key, "me");
    assert.equal(await store.lock(key, "third", LATER), false, "the owner before has given back the lock of the next");
  },

  "holds a lock that its owner prolongs for the new duration": async bench => {
    const [store, key, witness] = [await bench.open(), bench.key("a"), bench.key("b")];
    await store.lock(key, "me", SOON);
    await store.lock(key, "me", LATER);
    await pass(store, witness);
    assert.equal(await store.lock(key, "you", LATER), false, "a lock that was prolonged ended with its first duration");
    await store.lock(key, "me", -1);
    assert.equal(await store.lock(key, "you", LATER), true, "a lock that was shortened has kept its longer duration");
  },

  "gives a lock back to its owner, where nobody took it since it ended": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    await store.lock(key, "me", -1);
    assert.equal(await store.lock(key, "me", LATER), true, "a lock that ended was refused to the owner it had");
    assert.equal(await store.lock(key, "you", LATER), false, "a lock that was taken anew is not held");
  },

  "keeps locks apart from entries of the same key": async bench => {
    const [store, key] = [await bench.open(), bench.key("a")];
    await store.lock(key, "me", LATER);
    assert.ok(isNothing(await store.get(key)), "a lock is read as an entry");
    assert.ok(isNothing(await store.take(key)), "a lock is taken as an entry");
    assert.ok(!isNothing(await store.put(key, "1", { version: 0 })), "a lock stands in an entry's place");
    await store.unlock(key, "me");
    assert.equal((await store.get(key))?.value, "1", "unlock has removed an entry");
    await store.lock(key, "me", LATER);
    await store.take(key);
    assert.equal(await store.lock(key, "you", LATER), false, "taking an entry has freed a lock");
  },

  "takes back a lock that nobody has": async bench => {
    await (await bench.open()).unlock(bench.key("a"), "me");
  },
};

/** Waits until a lock of the shortest duration would be over by the store's own clock. */
async function pass(store: Store, witness: string): Promise<void> {
  await store.lock(witness, "me", SOON);
  await eventually(() => store.lock(witness, "you", LATER), `a lock of ${SOON} ms is not free long after`);
}
