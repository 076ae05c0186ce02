/** Watches everything that a process says: errors, warnings, the console, and what is printed of objects. */
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import { Canaries, shownOf } from "./canaries.js";
import { tapTheWire } from "./wire.js";

const STREAMS = [process.stdout, process.stderr] as const;
const CONSOLE = ["log", "info", "warn", "error", "debug", "trace", "dir", "table"] as const;

/** What was said during a test, and what must not have been. */
export class Watch {
  readonly canaries: Canaries = new Canaries();
  /** How many errors were looked at. */
  errors = 0;
  readonly #shown: string[] = [];

  /** Does a step. Its error is kept and looked at, and the next step is done all the same. */
  async step<T>(work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.errors++;
      this.#shown.push(shownOf(error));
      return undefined;
    }
  }

  /** Keeps what is printed of an object. */
  print(...objects: readonly unknown[]): void {
    for (const object of objects) {
      this.#shown.push(inspect(object, { depth: 20, showHidden: true }), String(object), JSON.stringify(object) ?? "");
    }
  }

  said(...words: readonly unknown[]): void {
    this.#shown.push(words.map(word => (typeof word === "string" ? word : shownOf(word))).join(" "));
  }

  /** Looks for canaries in all that was shown, and forgets it. */
  expectSilence(): void {
    const shown = this.#shown.splice(0).join("\n");
    const found = this.canaries.foundIn(shown);
    if (found.length === 0) return;
    const example = shown.split("\n").find(line => this.canaries.foundIn(line).length > 0) ?? "";
    expect(found, `shown as: ${example.slice(0, 600)}`).toEqual([]);
  }
}

/** A watch over all tests of a file. Each of them must end in silence. */
export function keepWatch(): Watch {
  const watch = new Watch();
  const warn = (warning: Error) => watch.said(warning);
  beforeAll(() => {
    tapTheWire(watch.canaries);
    process.on("warning", warn);
    for (const method of CONSOLE)
      vi.spyOn(console, method).mockImplementation((...words: readonly unknown[]) => watch.said(...words));
    for (const stream of STREAMS) {
      const write = stream.write.bind(stream) as (...given: readonly unknown[]) => boolean;
      vi.spyOn(stream, "write").mockImplementation((...given: readonly unknown[]) => {
        watch.said(String(given[0]));
        return write(...given);
      });
    }
  });
  afterEach(async () => {
    // Warnings are emitted on the next tick.
    await new Promise(resolve => setImmediate(resolve));
    watch.expectSilence();
  });
  afterAll(() => {
    process.off("warning", warn);
    vi.restoreAllMocks();
  });
  return watch;
}
