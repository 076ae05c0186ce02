/**
 * What a store must do for links to last, and for debits to happen once.
 *
 * @module
 */
import type { Store } from "../links/store.js";
import type { ContractTest } from "./contract.js";
import { StoreBench } from "./store-bench.js";
import { ENTRY_TESTS } from "./store-entries.js";
import { LOCK_TESTS } from "./store-locks.js";
import { processTests } from "./store-processes.js";
import { SEARCH_TESTS } from "./store-search.js";

/** How a store is tested. */
export interface StoreContractOptions {
  /**
   * Several processes at once, as in production: without it, the store is tested in this process only. Not for a store that
   * lives in one process's memory.
   */
  readonly processes?: {
    /**
     * A JavaScript module, by its path or `file:` URL. Its default export is a function that opens a store, `() => Store` or
     * `() => Promise<Store>`, on the same data. Each process calls it once and closes nothing: it is killed in the end.
     */
    readonly module: string | URL;
    /** How many processes, 4 by default. */
    readonly count?: number;
  };
}

/**
 * The tests that a store must pass, whatever it keeps its data in: see that they do before there is money in it.
 *
 * A database that is in use will do: keys and label values are made for the tests, and entries are removed after them. What is
 * *not* tested is whether data outlives a crash of the database: only its settings can promise that.
 *
 * @param open - Opens a store. It is called several times, and all stores that it returns must share their data, each over a
 *   connection of its own where there are any. The tests close none of them.
 * @example
 * ```ts
 * for (const { name, run } of storeContract(() => new MyStore(database))) test(name, run);
 * ```
 */
export function storeContract(
  open: () => Store | Promise<Store>,
  options: StoreContractOptions = {},
): readonly ContractTest[] {
  const { processes } = options;
  const tests = {
    ...ENTRY_TESTS,
    ...SEARCH_TESTS,
    ...LOCK_TESTS,
    ...(processes === undefined ? {} : processTests(processes.module, processes.count ?? 4)),
  };
  return Object.entries(tests).map(([name, test]) => ({
    name: `the store ${name}`,
    run: async () => {
      const bench = new StoreBench(open);
      try {
        await test(bench);
      } finally {
        // What is left behind is nobody's: that it could not be removed must not hide why.
        await bench.clear().catch(() => {});
      }
    },
  }));
}
