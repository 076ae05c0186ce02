/** Processes that die where they are told, and the store that they share with those that come after them. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Store } from "../../src/index.js";

/** Where a process dies: before a step is taken, or after, when its result has not been seen yet. */
export interface Death {
  /** The step's place in the sequence. */
  readonly step: number;
  readonly side: "before" | "after";
}

/** One call: a debit where there is a `reference`, otherwise a list of the accounts. */
export interface Task {
  /** The options of the client, but for its store. */
  readonly options: object;
  readonly linkId: string;
  readonly reference?: string;
}

interface StoreCall {
  readonly id: number;
  readonly method: keyof Store;
  readonly args: readonly unknown[];
}

/** Milliseconds that a call of such a process may take, on a machine that is busy. */
export const TIMEOUT = 5_000;
/** Milliseconds after which whoever comes next must be done: the lock of a process that died frees itself before. */
export const BOUND = 60_000;

const WORKER = fileURLToPath(new URL("worker.mjs", import.meta.url));

/** Runs a task in a process of its own and returns its steps; of one that dies, none. */
export async function run(task: Task, store: Store, death?: Death): Promise<readonly string[] | undefined> {
  return gate.pass(() => live(task, store, death));
}

async function live(task: Task, store: Store, death: Death | undefined): Promise<readonly string[] | undefined> {
  const child = fork(WORKER, { serialization: "advanced" });
  let steps: readonly string[] | undefined;
  child.on("message", (message: StoreCall | { readonly steps: readonly string[] }) => {
    if ("steps" in message) {
      steps = message.steps;
      return;
    }
    const { id, method, args } = message;
    const operation = store[method] as (...args: unknown[]) => Promise<unknown>;
    // Who has died gets no answer: what was done is done.
    void operation.apply(store, [...args]).then(result => child.connected && child.send({ id, result }, () => {}));
  });
  child.send({ ...task, death });
  const [code, signal] = await once(child, "exit");
  if (death !== undefined && signal !== "SIGKILL") throw new Error(`it did not die at step ${death.step}`);
  if (death === undefined && code !== 0) throw new Error(`it failed with ${code ?? signal}`);
  return steps;
}

/** Both sides of every step, from the one with this place on. */
export function everyDeath(steps: readonly unknown[], from = 0): readonly Death[] {
  return steps.flatMap((_, step) => (step < from ? [] : (["before", "after"] as const).map(side => ({ step, side }))));
}

/** Lets so many processes run at a time, over all tests of a file: more would only wait for each other. */
class Gate {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

const gate = new Gate(2);
