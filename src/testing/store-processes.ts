/**
 * What a store must do for several processes at once.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { eventually, isNothing, LATER, type StoreBench, storedValue, written } from "./store-bench.js";
import type { Report, Work } from "./store-worker.js";

const ATTEMPTS = 100;
const ENTRIES = 200;
const ROUNDS = 15;
/** Milliseconds that a process holds a lock for which is killed meanwhile. */
const HOLD = 1_500;
/** Milliseconds that a process may take to start, or to do its work. */
const PATIENCE = 60_000;

/** The tests, with so many processes that open their stores with the module. */
export function processTests(
  module: string | URL,
  count: number,
): Readonly<Record<string, (bench: StoreBench) => Promise<void>>> {
  const href = String(
    typeof module === "string" && !module.startsWith("file:") ? pathToFileURL(resolve(module)) : module,
  );
  return {
    [`loses no update of ${count} processes that put over each other`]: async bench => {
      const [store, key] = [await bench.open(), bench.key("counter")];
      await written(store, key, "0", { version: 0 });
      const versions = (await together(href, count, () => ({ kind: "increment", key, attempts: ATTEMPTS }))).flat();
      assert.ok(versions.length > 0, "of all processes none could put");
      assert.equal(await storedValue(store, key), String(versions.length), "an update was lost between processes");
      assert.equal(new Set(versions).size, versions.length, "two processes were given the same version");
    },

    [`gives each entry to one of ${count} processes that take them`]: async bench => {
      const store = await bench.open();
      const keys = Array.from({ length: ENTRIES }, (_, index) => bench.key(`${index}`));
      await Promise.all(keys.map(key => written(store, key, "once", { version: 0 })));
      // Each begins elsewhere, so that none finds all of them gone.
      const work = (index: number): Work => {
        const start = Math.floor((index * ENTRIES) / count);
        return { kind: "take", keys: [...keys.slice(start), ...keys.slice(0, start)] };
      };
      const taken = (await together(href, count, work)).flat();
      assert.deepEqual(taken.toSorted(), keys.toSorted(), "an entry was taken by two processes, or by none");
    },

    [`gives a lock to one of ${count} processes at a time`]: async bench => {
      const [store, key, lock] = [await bench.open(), bench.key("counter"), bench.key("lock")];
      await written(store, key, "0", { version: 0 });
      await together(href, count, () => ({ kind: "guard", lock, key, rounds: ROUNDS }));
      assert.equal(
        await storedValue(store, key),
        String(count * ROUNDS),
        "two processes had the same lock at the same time",
      );
    },

    "frees the lock of a process that was killed, and not before its duration is over": async bench => {
      const [store, lock] = [await bench.open(), bench.key("lock")];
      const holder = new StoreProcess(href);
      try {
        await holder.opened();
        const begun = performance.now();
        const had = await holder.do({ kind: "hold", lock, duration: HOLD });
        assert.equal(had.length, 1, "a free lock was refused");
        await holder.kill();
        const got = await store.lock(lock, "heir", LATER);
        assert.ok(
          !got || performance.now() - begun >= HOLD,
          "the lock of a process was free before its duration was over",
        );
        await eventually(() => store.lock(lock, "heir", LATER), "the lock of a process that was killed is never free");
      } finally {
        await holder.kill();
      }
      const key = bench.key("a");
      assert.ok(
        !isNothing(await store.put(key, "1", { version: 0 })),
        "a process that was killed keeps others from writing",
      );
    },
  };
}

/** What each of the processes has done, all of them started on it at the same time. */
async function together(
  href: string,
  count: number,
  work: (index: number) => Work,
): Promise<readonly (readonly (string | number)[])[]> {
  const processes = Array.from({ length: count }, () => new StoreProcess(href));
  try {
    await Promise.all(processes.map(one => one.opened()));
    return await Promise.all(processes.map((one, index) => one.do(work(index))));
  } finally {
    await Promise.all(processes.map(one => one.kill()));
  }
}

/** A process with a store of its own. */
class StoreProcess {
  readonly #child: ChildProcess;
  readonly #opened: Promise<Report>;

  constructor(href: string) {
    this.#child = fork(fileURLToPath(new URL("./store-worker.js", import.meta.url)), [href]);
    this.#opened = this.#report();
    // Seen by who waits for it.
    this.#opened.catch(() => {});
  }

  async opened(): Promise<void> {
    await this.#opened;
  }

  async do(work: Work): Promise<readonly (string | number)[]> {
    const report = this.#report();
    this.#child.send(work);
    return (await report).done ?? [];
  }

  /** At once, as the system does it: nothing of it runs any more. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  #report(): Promise<Report> {
    return new Promise((done, failed) => {
      const end = (message: string) => {
        clearTimeout(timer);
        failed(new assert.AssertionError({ message }));
      };
      const timer = setTimeout(() => end(`a process did not answer within ${PATIENCE} ms`), PATIENCE);
      const ended = (code: number | null) =>
        end(`a process ended by itself (${code ?? "by a signal"}), see what it printed`);
      this.#child.once("exit", ended).once("error", error => end(`a process can't be started: ${error.message}`));
      this.#child.once("message", (report: Report) => {
        this.#child.off("exit", ended);
        if (report.failure !== undefined) return end(`a process failed: ${report.failure}`);
        clearTimeout(timer);
        done(report);
      });
    });
  }
}
