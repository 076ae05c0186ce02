/**
 * A process of its own that looks after open debits: at its start and every minute, until SIGTERM. Any number of them may run.
 *
 *     DATABASE_URL=postgres://… node --env-file=.minna-bank/fapi2-security.env worker.js
 *
 * It shares the store with the processes that charge: what they left open is in there.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { MinnaClient, MinnaError, optionsFromEnvironment, type RecoveredDebit } from "minna-baas";
import { postgresStore } from "minna-baas/postgres";
import pg from "pg";

const EVERY = 60_000;
/** Milliseconds for the debit under way at the end; less than the platform leaves before it kills the process. */
const LAST_CALLS = 20_000;

export interface Work {
  /** Ends the work: the debit under way is finished first. */
  readonly signal: AbortSignal;
  /** Milliseconds between two rounds; a minute by default. */
  readonly every?: number;
  /** Writes to your orders what became of one. A round that fails here tells of settled debits no more: see the shop. */
  readonly onRecovered: (recovered: RecoveredDebit) => Promise<void> | void;
  readonly log: (line: Readonly<Record<string, unknown>>) => void;
}

/** Rounds of `recover()`. An error ends a round, never the work. */
export async function work(minna: MinnaClient, { signal, every = EVERY, onRecovered, log }: Work): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const recovered of minna.debits.recover()) {
        const { reference, outcome, debit, error } = recovered;
        log({ event: "debit", reference, outcome, status: debit?.status, ...(error && detailsOf(error)) });
        await onRecovered(recovered);
        if (signal.aborted) break;
      }
    } catch (error) {
      log({ event: "recover failed", ...detailsOf(error) });
    }
    await sleep(every, undefined, { signal }).catch(() => {});
  }
}

/** What to log of an error: its code, to look it up by, and the id that the bank's support asks for. */
function detailsOf(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof MinnaError)) return { code: error instanceof Error ? error.name : "unknown" };
  const { code, interactionId, retryable } = error;
  return { code, interactionId, retryable };
}

async function main(): Promise<void> {
  const log: Work["log"] = line => console.log(JSON.stringify({ at: new Date().toISOString(), ...line }));
  const pool = new pg.Pool({ connectionString: process.env["DATABASE_URL"] });
  pool.on("error", error => log({ event: "database", code: error.name })); // else an idle connection that breaks ends the process
  const minna = new MinnaClient({ ...optionsFromEnvironment(), store: postgresStore(pool) });
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());

  log({ event: "started" });
  await work(minna, { signal: ending.signal, onRecovered: () => {}, log }); // onRecovered: your orders
  await minna.close({ timeout: LAST_CALLS });
  await pool.end();
  log({ event: "stopped" });
}

// Only where it is what Node was told to run: tests import `work`.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
