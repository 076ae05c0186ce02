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

Seals every entry of the store under the first of sealing.keys that is not yet. After that, the other keys can go.

MODULE is a JavaScript file that exports the client, as "minna" or by default:

  import { MinnaClient } from "minna-baas";
  export const minna = new MinnaClient({ ...options, store, sealing: { keys: [newKey, oldKey] } });`;

/** Rounds after which what others are still at is left to them. */
const ROUNDS = 5;

/** Reseals until nothing is left. */
export async function runReseal(args: string[]): Promise<void> {
  const minna = await exportOf(read(args), "minna", isClient, "a MinnaClient");
  let total = 0;
  for (let round = 1; ; round++) {
    const { resealed, inUse } = await minna.reseal();
    total += resealed;
    if (inUse === 0) break;
    if (round === ROUNDS) throw new Error(`${total} entries were sealed, and ${inUse} are in use: run it again`);
  }
  await write(`Nothing is left under another key: ${total} entries were sealed.\n`);
  // The module's connections would keep the process for as long as they like.
  process.exit();
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
