/** Clocks that differ: one time that all share, and in some flows of control an error added to it. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { FindOptions, PutOptions, Store } from "../../src/links/store.js";

const TrueDate = Date;

/** Takes the place of `Date`. What is called with {@link Clocks.off} reads a clock that is wrong, and all that it calls. */
export class Clocks {
  readonly #error = new AsyncLocalStorage<number>();
  #passed = 0;

  /** The `Date` to put in place of the global one, before anything that takes hold of it is started. */
  readonly Date: DateConstructor = ((now: () => number) =>
    class extends TrueDate {
      constructor(...given: [] | [number | string | Date]) {
        super(given[0] ?? now());
      }

      static override now(): number {
        return now();
      }
    } as DateConstructor)(() => TrueDate.now() + this.#passed + (this.#error.getStore() ?? 0));

  /** Runs work by a clock that is wrong by so many milliseconds. */
  off<T>(error: number, work: () => T): T {
    return this.#error.run(error, work);
  }

  /** Lets time pass, for everybody. */
  pass(milliseconds: number): void {
    this.#passed += milliseconds;
  }

  /** A store that has a clock of its own, the right one, as a database has. */
  database(store: Store): Store {
    const right = <T>(work: () => T): T => this.#error.exit(work);
    return {
      get: key => right(() => store.get(key)),
      put: (key, value, options: PutOptions) => right(() => store.put(key, value, options)),
      take: key => right(() => store.take(key)),
      find: (options: FindOptions) => right(() => store.find(options)),
      lock: (key, owner, duration) => right(() => store.lock(key, owner, duration)),
      unlock: (key, owner) => right(() => store.unlock(key, owner)),
    };
  }
}
