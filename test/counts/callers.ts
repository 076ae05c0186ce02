/** Processes that share a store, and call at the same moment. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { StoreAddress } from "../soak/stores.js";

/** What each process does. */
export interface CallerTask {
  /** The options of its client, but for the store. */
  readonly options: object;
  readonly address: StoreAddress;
  readonly link: string;
  /** Calls at once. */
  readonly callers: number;
}

const CALLER = fileURLToPath(new URL("caller.mjs", import.meta.url));
/** Of what a Redis may lose with its machine, each would tell. */
const QUIET = ["--disable-warning=MINNA_REDIS_APPENDFSYNC"];

export class Callers implements AsyncDisposable {
  readonly #processes: readonly ChildProcess[];

  private constructor(processes: number) {
    this.#processes = Array.from({ length: processes }, () => fork(CALLER, { execArgv: QUIET }));
  }

  /** Starts them, and waits until each has discovered the bank. */
  static async start(processes: number, task: CallerTask): Promise<Callers> {
    const callers = new Callers(processes);
    await callers.#tell(task);
    return callers;
  }

  /** Lets all of them call now; how many answers each has got. */
  async call(): Promise<readonly unknown[]> {
    return this.#tell("now");
  }

  async #tell(what: CallerTask | "now"): Promise<readonly unknown[]> {
    return Promise.all(
      this.#processes.map(async child => {
        const gone = once(child, "exit").then(([code]) => Promise.reject(new Error(`A process ended with ${code}.`)));
        child.send(what);
        const [told] = await Promise.race([once(child, "message"), gone]);
        return told;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#processes.map(async child => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exit = once(child, "exit");
        // It ends with whom it works for.
        if (child.connected) child.disconnect();
        await exit;
      }),
    );
  }
}
