import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { MemoryStore, type Store } from "../../src/index.js";
import { storeContract } from "../../src/testing/index.js";

/** What of the contract is broken, and how that is said. */
async function broken(store: Store, names: RegExp): Promise<string> {
  const tests = storeContract(() => store).filter(({ name }) => names.test(name));
  expect(tests).toHaveLength(1);
  return await tests[0]!.run().then(
    () => "nothing",
    (error: Error) => error.message,
  );
}

function storeWith(change: (store: Store) => Partial<Store>): Store {
  const store = new MemoryStore();
  const methods: (keyof Store)[] = ["get", "put", "take", "find", "lock", "unlock"];
  const own = Object.fromEntries(methods.map(name => [name, (store[name] as () => unknown).bind(store)]));
  return Object.assign(own as unknown as Store, change(store));
}

test.each<[string, Store, RegExp, RegExp]>([
  [
    "does not compare versions",
    storeWith(store => ({
      put: (key, value, options) => {
        void store.take(key);
        return store.put(key, value, { ...options, version: 0 });
      },
    })),
    /lets one of many put/,
    /48 of 48/,
  ],
  [
    "reads and removes in two steps",
    storeWith(store => ({
      take: async key => {
        const entry = await store.get(key);
        await store.take(key);
        return entry;
      },
    })),
    /one of a hundred/,
    /100 of 100/,
  ],
  [
    "counts versions for each entry",
    storeWith(store => ({
      put: async (...args) => (await store.put(...args)) && 1,
    })),
    /no version twice/,
    /came again/,
  ],
  [
    "cuts values off",
    storeWith(store => ({ put: (key, value, options) => store.put(key, value.slice(0, 65_535), options) })),
    /100 kB/,
    /came back changed/,
  ],
  [
    "ignores the case of keys",
    storeWith(store => ({
      get: key => store.get(key.toLowerCase()),
      put: (key, value, options) => store.put(key.toLowerCase(), value, options),
    })),
    /tells keys apart/,
    /./,
  ],
  [
    "never forgets",
    storeWith(store => ({ put: (key, value, { version }) => store.put(key, value, { version }) })),
    /after its time, and frees/,
    /whose time is over/,
  ],
  [
    "refuses what must be durable",
    storeWith(() => ({ put: async () => Promise.reject(new Error("not durable")) })),
    /durable/,
    /not durable/,
  ],
  [
    "ignores the cursor",
    storeWith(store => ({ find: ({ after: _, ...search }) => store.find(search) })),
    /behind a cursor/,
    /end/,
  ],
  [
    "ignores the end of a range",
    storeWith(store => ({ find: ({ through: _, ...search }) => store.find(search) })),
    /range/,
    /range/,
  ],
  [
    "pages by number",
    storeWith(store => ({
      find: async ({ after = "0", limit, ...search }) =>
        (await store.find({ ...search, limit: 100 }))
          .map((entry, index) => ({ ...entry, cursor: `${index + 1}` }))
          .slice(Number(after), Number(after) + limit),
    })),
    /come and go/,
    /repeated or skipped/,
  ],
  ["locks for anybody", storeWith(() => ({ lock: async () => true })), /keeps a lock for its owner/, /two owners/],
  [
    "unlocks for anybody",
    storeWith(store => {
      const held = new Map<string, string>();
      return {
        lock: async (key, owner, duration) => {
          const had = await store.lock(key, owner, duration);
          if (had) held.set(key, owner);
          return had;
        },
        unlock: key => store.unlock(key, held.get(key) ?? ""),
      };
    }),
    /only its owner/,
    /given it back/,
  ],
  [
    "does not prolong a lock",
    storeWith(store => {
      const held = new Set<string>();
      return {
        lock: async (key, owner, duration) => {
          if (held.has(key + owner)) return true;
          const had = await store.lock(key, owner, duration);
          if (had) held.add(key + owner);
          return had;
        },
      };
    }),
    /prolongs/,
    /first duration/,
  ],
  [
    "frees locks too soon",
    storeWith(store => ({ lock: (key, owner, duration) => store.lock(key, owner, duration < 1_000 ? -1 : duration) })),
    /ends, and not before/,
    /before its duration/,
  ],
])("a store is found out that %s", async (_, store, names, message) => {
  expect(await broken(store, names)).toMatch(message);
});

test("tests with processes are there only where a module says how they open the store", () => {
  const names = (options?: Parameters<typeof storeContract>[1]) =>
    storeContract(() => new MemoryStore(), options).filter(({ name }) => /process/.test(name)).length;
  expect(names()).toBe(0);
  expect(names({ processes: { module: fileURLToPath(import.meta.url) } })).toBe(4);
});
