/** Stores that do not do what they must. */
import type { Patient } from "../../../src/cli/doctor/check.js";
import { MemoryStore, type Store } from "../../../src/index.js";
import { type Broken, OFFLINE, type Ward } from "./ward.js";

/** A store of the partner's own, which does all but this. */
function storeThat(ward: Ward, broken: Partial<Store>): Patient {
  return ward.options({ store: { ...partnersStore(), ...broken } });
}

function partnersStore(inner: Store = new MemoryStore()): Store {
  return {
    get: key => inner.get(key),
    put: (key, value, more) => inner.put(key, value, more),
    take: key => inner.take(key),
    find: search => inner.find(search),
    lock: (key, owner, duration) => inner.lock(key, owner, duration),
    unlock: (key, owner) => inner.unlock(key, owner),
  };
}

export const STORES: readonly Broken[] = [
  {
    how: "MemoryStore",
    id: "store.persistent",
    status: "warning",
    settings: OFFLINE,
    patient: ward => ward.options({ store: new MemoryStore() }),
  },
  {
    how: "no sealing",
    id: "store.sealing",
    status: "warning",
    settings: OFFLINE,
    patient: ward => ward.options({ store: new MemoryStore() }),
  },
  {
    how: "sealing with plain: accept",
    id: "store.sealing",
    status: "warning",
    settings: OFFLINE,
    patient: ward => ward.options({ sealing: { plain: "accept", keys: [{ kid: "k1", key: Buffer.alloc(32, 1) }] } }),
    says: /k1/,
  },
  {
    how: "the store can't be reached",
    id: "store.reachable",
    settings: OFFLINE,
    patient: ward =>
      storeThat(ward, { get: () => Promise.reject(Object.assign(new Error("CANARY"), { code: "ECONNREFUSED" })) }),
    says: /ECONNREFUSED/,
  },
  {
    how: "the store does not answer",
    id: "store.reachable",
    settings: { ...OFFLINE, timeout: 200 },
    patient: ward => storeThat(ward, { get: () => new Promise(() => {}) }),
    says: /in time/,
  },
  {
    how: "the store forgets",
    id: "store.entries",
    settings: OFFLINE,
    patient: ward => storeThat(ward, { get: async () => undefined }),
  },
  {
    how: "the store overwrites",
    id: "store.versions",
    settings: OFFLINE,
    patient: ward => storeThat(ward, overwriting()),
  },
  { how: "two take one entry", id: "store.take", settings: OFFLINE, patient: ward => storeThat(ward, takenTwice()) },
  {
    how: "locks keep nobody out",
    id: "store.locks",
    settings: OFFLINE,
    patient: ward => storeThat(ward, { lock: async () => true }),
  },
];

function overwriting(): Store {
  const inner = new MemoryStore();
  const version = async (key: string) => (await inner.get(key))?.version ?? 0;
  return {
    ...partnersStore(inner),
    put: async (key, value, more) => inner.put(key, value, { ...more, version: await version(key) }),
  };
}

function takenTwice(): Store {
  const inner = new MemoryStore();
  return {
    ...partnersStore(inner),
    take: async key => {
      const entry = await inner.get(key);
      await inner.take(key);
      return entry;
    },
  };
}
