/** A process for one measurement, which nothing has happened in before. */
import { fork } from "node:child_process";
import { once } from "node:events";

export interface FreshProcess {
  readonly env?: Readonly<Record<string, string>>;
  readonly execArgv?: readonly string[];
}

/** Runs a script of this folder in a process of its own; what it tells. */
export async function fresh<T>(script: URL, args: readonly string[], how: FreshProcess = {}): Promise<T> {
  const child = fork(script, [...args], {
    execArgv: [...(how.execArgv ?? [])],
    env: { ...process.env, ...how.env },
    serialization: "advanced",
  });
  let told: { readonly value: T } | undefined;
  child.on("message", value => {
    told = { value: value as T };
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (told === undefined) throw new Error(`${script.pathname} ended with ${code} and told nothing.`);
  return told.value;
}
