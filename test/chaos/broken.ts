/** Stores that break the journal: with them the audit must fail, or it could not fail at all. */
import { randomUUID } from "node:crypto";
import type { Store } from "minna-baas";

/** The intent is not kept: every attempt is the first one. */
export function withoutJournal(store: Store): Store {
  return around(store, {
    put: async (key, value, options) => (isJournal(key) ? 1 : store.put(key, value, options)),
    get: async key => (isJournal(key) ? undefined : store.get(key)),
  });
}

/** Each attempt gets a key of its own, and knows nothing of the one before. */
export function withFreshKeys(store: Store): Store {
  return around(store, {
    get: async key => {
      const found = await store.get(key);
      if (!isJournal(key) || found === undefined) return found;
      const entry = JSON.parse(found.value);
      if (entry.state === "known") return found;
      return { ...found, value: JSON.stringify({ ...entry, state: "prepared", idempotencyKey: randomUUID() }) };
    },
  });
}

function isJournal(key: string): boolean {
  return key.startsWith("debit:");
}

function around(store: Store, changed: Partial<Store>): Store {
  return {
    get: key => store.get(key),
    put: (key, value, options) => store.put(key, value, options),
    take: key => store.take(key),
    find: options => store.find(options),
    lock: (key, owner, duration) => store.lock(key, owner, duration),
    unlock: (key, owner) => store.unlock(key, owner),
    ...changed,
  };
}
