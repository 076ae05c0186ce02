/**
 * `minna-baas reseal`: what the store holds comes under the newest sealing key.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { MinnaClient } from "../index.js";
import { exportOf, write } from "./partner-module.js";
import { UsageError } from "./usage.js";

export const RESEAL_HELP: string = `Usage: minna-baas reseal MODULE

Seals every entry of the store under the first of sealing.keys that is not yet. After that, the other keys can go: once
every process has that key first, for those that have another one first go on sealing under it.

MODULE is a JavaScript file that exports the client, as "minna" or by default:

  import { MinnaClient } from "minna-baas";
  export const minna = new MinnaClient({ ...options, store, sealing: { keys: [newKey, oldKey] } });`;

/** Rounds after which what others are still at is left to them. */
const ROUNDS = 5;

/** Reseals until nothing is left. */
export async function runReseal(args: string[]): Promise<void> {
  const module = read(args);
  try {
    const minna = await exportOf(module, "minna", isClient, "a MinnaClient");
    await write(`Nothing is left under another key: ${await resealAll(minna)} entries were sealed.\n`);
  } finally {
    // The module's connections would keep the process for as long as they like; an error is still to be printed.
    setImmediate(() => process.exit());
  }
}

async function resealAll(minna: MinnaClient): Promise<number> {
  let total = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const { resealed, inUse } = await minna.reseal();
    total += resealed;
    if (inUse === 0) return total;
  }
  throw new Error(`${total} entries were sealed, and some are in use: run it again`);
}

function read(args: string[]): string {
  try {
    const { positionals } = parseArgs({ args, allowPositionals: true });
    const [module, ...more] = positionals;
    if (module !== undefined && more.length === 0) return module;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  throw new UsageError("reseal needs the module that exports the client, and nothing else");
}

function isClient(value: unknown): value is MinnaClient {
  return typeof (value as Partial<MinnaClient> | undefined | null)?.reseal === "function";
}
