/** A contender's process, as seen from the one that calls the turns. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Addresses, BenchCase, Figures } from "./case.js";
import type { Load } from "./round.js";

export interface Turn {
  readonly what: "figures" | "bytes";
  readonly load: Load;
}

export interface Lane {
  measure(load: Load): Promise<Figures>;
  /** Bytes that a call allocates; only in a process with room for them. */
  allocated(load: Load): Promise<number>;
  close(): Promise<void>;
}

/** Starts a contender's process, and waits until it is ready. */
export async function openLane(
  race: BenchCase,
  name: string,
  addresses: Addresses,
  execArgv: readonly string[] = [],
): Promise<Lane> {
  const script = fileURLToPath(new URL("contender.js", import.meta.url));
  const child = fork(script, [race.name, name, JSON.stringify(addresses)], {
    execArgv: [...execArgv],
    serialization: "advanced",
  });
  const gone = once(child, "exit");
  const early = gone.then(([code]) => {
    throw new Error(`${name} in ${race.name} ended with ${code} in the middle of the run.`);
  });
  // It is looked at only while an answer is waited for.
  early.catch(() => {});
  const answer = async <T>(): Promise<T> => {
    const [told] = (await Promise.race([once(child, "message"), early])) as [T];
    return told;
  };
  const ask = async <T>(turn: Turn): Promise<T> => {
    child.send(turn);
    return answer<T>();
  };
  await answer();
  return {
    measure: load => ask<Figures>({ what: "figures", load }),
    allocated: load => ask<number>({ what: "bytes", load }),
    close: async () => {
      if (child.connected) child.send("close");
      await gone;
    },
  };
}
