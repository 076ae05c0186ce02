/**
 * What a store must do, one step after the other, each on what the one before it left.
 *
 * @module
 */
import type { Store } from "../../links/store.js";
import type { Bilingual } from "../language.js";

export interface StoreStep {
  readonly id: string;
  readonly kept: Bilingual;
  readonly lost: Bilingual;
  /** Whether it did what it must. `name` is a key that nobody else has. */
  run(store: Store, name: string): Promise<boolean>;
}

/** What is left behind by a doctor that was killed is over soon. */
const A_MINUTE = 60_000;
const LEASE = 5_000;
const FIRST = "one";
/** What databases mangle: beyond Latin, beyond 16 bits, and long. */
const SECOND = `二つ目の値 𠮷 ${"x".repeat(4096)}`;

export const STORE_STEPS: readonly StoreStep[] = [
  {
    id: "entries",
    kept: { en: "Keeps what is put, in versions", ja: "書き込み・読み出し・バージョン管理が正常" },
    lost: { en: "It does not give back what was put", ja: "書き込んだ値が正しく読み出せません" },
    run: async (store, name) => {
      const put = (value: string, version: number) =>
        store.put(name, value, { version, expiresAt: Date.now() + A_MINUTE, durable: true });
      const one = await put(FIRST, 0);
      const two = one === undefined ? undefined : await put(SECOND, one);
      const read = await store.get(name);
      return two !== undefined && two !== one && read?.value === SECOND && read.version === two;
    },
  },
  {
    id: "versions",
    kept: {
      en: "Refuses what was changed meanwhile (compare-and-swap)",
      ja: "競合する書き込みを拒否(compare-and-swap)",
    },
    lost: { en: "It overwrites what was changed meanwhile", ja: "競合する書き込みを拒否せず、上書きします" },
    run: async (store, name) => {
      const present = await store.get(name);
      const options = { expiresAt: Date.now() + A_MINUTE };
      const asNew = await store.put(name, FIRST, { ...options, version: 0 });
      const asOld = await store.put(name, FIRST, { ...options, version: (present?.version ?? 0) + 1_000_000 });
      const unchanged = (await store.get(name))?.value === SECOND;
      return asNew === undefined && asOld === undefined && unchanged;
    },
  },
  {
    id: "take",
    kept: { en: "Gives an entry to one of two who take it", ja: "同時の取り出しは一方のみ成功" },
    lost: { en: "Two who take an entry at once both get it, or none", ja: "同時の取り出しで、一方のみが成功しません" },
    run: async (store, name) => {
      const taken = await Promise.all([store.take(name), store.take(name)]);
      return taken.filter(entry => entry !== undefined).length === 1 && (await store.get(name)) === undefined;
    },
  },
  {
    id: "locks",
    kept: { en: "A lock has one owner", ja: "ロックの所有者は常に一人" },
    lost: { en: "A lock does not keep another owner out", ja: "ロックが別の所有者を排除しません" },
    run: async (store, name) => {
      const both = await Promise.all([store.lock(name, "one", LEASE), store.lock(name, "two", LEASE)]);
      const owner = both[0] ? "one" : "two";
      const other = both[0] ? "two" : "one";
      const renewed = await store.lock(name, owner, LEASE);
      await store.unlock(name, other);
      const heldOut = !(await store.lock(name, other, LEASE));
      await store.unlock(name, owner);
      const passed = await store.lock(name, other, LEASE);
      await store.unlock(name, other);
      return both[0] !== both[1] && renewed && heldOut && passed;
    },
  },
];
