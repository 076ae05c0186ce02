/** Four processes that share a store, at the moment that a token expires. */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { MinnaClientOptions } from "minna-baas";
import type { CountCase } from "../case.js";
import { median } from "../statistics.js";
import { dueLinks } from "./due-links.js";

const POSTGRES = process.env["MINNA_TEST_POSTGRES"];
const PROFILE = "fapi2-security";
const PROCESSES = 4;
const CALLERS = 25;
/** The process that npm test counts the token requests of, too. */
const CALLER = fileURLToPath(new URL("../../../test/counts/caller.mjs", import.meta.url));

export const processes: CountCase = {
  kind: "count",
  name: "expiry-processes",
  title: `${PROCESSES} processes with ${CALLERS} callers each at the moment that a token expires`,
  needs: ["sandbox"],
  unavailable: () => (POSTGRES ? undefined : "there is no PostgreSQL. Set MINNA_TEST_POSTGRES to the URL of one."),
  async run(servers, { rounds }) {
    const { MinnaClient } = await import("minna-baas");
    const { postgresStore } = await import("minna-baas/postgres");
    const { default: pg } = await import("pg");
    const space = `bench_${randomBytes(6).toString("hex")}`;
    const address = { kind: "postgres", url: POSTGRES, space };
    const options = await servers.sandbox.ask<MinnaClientOptions>("client", PROFILE);
    const pool = new pg.Pool({ connectionString: POSTGRES, max: 4 });
    const store = postgresStore(pool, { schema: space });
    const minna = new MinnaClient({ ...options, store });
    try {
      const { next } = await dueLinks(servers, minna, store);
      const tokenRequests: number[] = [];
      const milliseconds: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const task = { options, address, link: await next(), callers: CALLERS };
        const callers = await Promise.all(Array.from({ length: PROCESSES }, () => startCaller(task)));
        await servers.sandbox.ask("received");
        const before = performance.now();
        await Promise.all(callers.map(call => call()));
        milliseconds.push(performance.now() - before);
        const { token = 0 } = await servers.sandbox.ask<Record<string, number>>("received");
        tokenRequests.push(token);
      }
      return [
        { name: "token requests", value: Math.max(...tokenRequests), unit: "", atLeast: 1, atMost: 1 },
        { name: "until all have their answer", value: median(milliseconds), unit: "ms" },
      ];
    } finally {
      await minna.close();
      await pool.query(`DROP SCHEMA IF EXISTS ${space} CASCADE`);
      await pool.end();
    }
  },
};

/** Starts a process that waits; returns what lets it call, and waits for its answers. */
async function startCaller(task: object): Promise<() => Promise<void>> {
  const child = fork(CALLER);
  const gone = once(child, "exit");
  const early = gone.then(() => Promise.reject(new Error("A process ended before it had its answers.")));
  child.send(task);
  await Promise.race([once(child, "message"), early]);
  return async () => {
    child.send("now");
    await Promise.race([once(child, "message"), early]);
    child.disconnect();
    await gone;
  };
}
