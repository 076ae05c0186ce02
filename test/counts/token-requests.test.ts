/** One token request, however many callers there are at the moment a token expires, and in however many processes. */
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { postgresStore } from "minna-baas/postgres";
import { redisStore } from "minna-baas/redis";
import pg from "pg";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { MemoryStore, type Store } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";
import { agedLink } from "./aged-link.js";
import { countsSince } from "./requests.js";

const PROFILE = "fapi2-security";
const CALLER = fileURLToPath(new URL("caller.mjs", import.meta.url));
const PROCESSES = 4;
/** At once, in each of them. */
const CALLERS = 25;
/** Of what a Redis may lose with its machine, each would tell. */
const QUIET = ["--disable-warning=MINNA_REDIS_APPENDFSYNC"];
/** What the bank receives of all: who refreshes has to have the bank's keys, and nobody else. */
const ONCE_FOR_ALL = { "GET jwks": 1, "POST token": 1, "GET api /v1/accounts": PROCESSES * CALLERS };

let bank: Sandbox;
beforeAll(async () => {
  // A second use of a refresh token would end the grant: one request too many is more than a difference in a count.
  bank = await startSandbox({ rotateRefreshTokens: true });
});
afterAll(() => bank.close());

describe("in one process", () => {
  it("1,000 callers of a client: one token request", async () => {
    const minna = connect(bank, PROFILE, { timeout: 60_000 });
    const { id } = await link(bank, minna);
    const [account] = await minna.link(id).accounts.list();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 300_000 });
    const since = bank.events.length;
    const { accounts } = minna.link(id);
    await Promise.all(Array.from({ length: 1000 }, () => accounts.balance(account!.accountId)));
    vi.useRealTimers();
    const balance = "GET api /v1/accounts/{id}/balance";
    expect(countsSince(bank, since)).toEqual({ "POST token": 1, [balance]: 1000 });
    await minna.close();
  }, 60_000);

  it("four clients that share a store: one token request", async () => {
    const store = new MemoryStore();
    // Who made the link remembers its tokens as they were.
    const maker = connect(bank, PROFILE, { store });
    const id = await agedLink(bank, maker, store);
    const clients = Array.from({ length: PROCESSES }, () => connect(bank, PROFILE, { store }));
    await Promise.all(clients.map(minna => minna.ready()));
    const since = bank.events.length;
    await Promise.all(clients.flatMap(minna => Array.from({ length: CALLERS }, () => minna.link(id).accounts.list())));
    expect(countsSince(bank, since)).toEqual(ONCE_FOR_ALL);
    await Promise.all([maker, ...clients].map(minna => minna.close()));
  });
});

interface SharedStore {
  readonly store: Store;
  /** Where the processes find it. */
  readonly address: { readonly kind: string; readonly url: string; readonly space: string };
  /** Removes what is in it. */
  close(): Promise<void>;
}

const STORES: readonly (readonly [name: string, variable: string, open: (url: string) => Promise<SharedStore>])[] = [
  ["PostgreSQL", "MINNA_TEST_POSTGRES", openPostgres],
  ["Redis", "MINNA_TEST_REDIS", openRedis],
];

describe.each(STORES)("in four processes that share a store in %s", (name, variable, open) => {
  const url = process.env[variable];
  if (url === undefined) console.log(`Token requests of four processes over ${name}: skipped, ${variable} is not set.`);

  it.skipIf(url === undefined)(
    "one token request",
    async () => {
      const { store, address, close } = await open(url!);
      const minna = connect(bank, PROFILE, { store });
      const processes: ChildProcess[] = [];
      try {
        const id = await agedLink(bank, minna, store);
        for (let started = 0; started < PROCESSES; started++) processes.push(fork(CALLER, { execArgv: QUIET }));
        const hears = (child: ChildProcess) =>
          Promise.race([
            once(child, "message"),
            once(child, "exit").then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
          ]);
        const ready = processes.map(hears);
        for (const child of processes)
          child.send({ options: bank.client(PROFILE), address, link: id, callers: CALLERS });
        await Promise.all(ready);
        const since = bank.events.length;
        const done = processes.map(hears);
        for (const child of processes) child.send("now");
        expect((await Promise.all(done)).map(([answers]) => answers)).toEqual(Array(PROCESSES).fill(CALLERS));
        expect(countsSince(bank, since)).toEqual(ONCE_FOR_ALL);
      } finally {
        await Promise.all(processes.map(ended));
        await minna.close();
        await close();
      }
    },
    60_000,
  );
});

/** Lets a process go, which ends once it has nobody to talk to. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  if (child.connected) child.disconnect();
  await exit;
}

async function openPostgres(url: string): Promise<SharedStore> {
  const space = `minna_test_${randomUUID().replaceAll("-", "")}`;
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  return {
    store: postgresStore(pool, { schema: space }),
    address: { kind: "postgres", url, space },
    close: async () => {
      await pool.query(`DROP SCHEMA IF EXISTS "${space}" CASCADE`);
      await pool.end();
    },
  };
}

async function openRedis(url: string): Promise<SharedStore> {
  const space = `minna-test-${randomUUID()}:`;
  const client = createClient({ url });
  await client.connect();
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  return {
    store: redisStore(client, { prefix: space }),
    address: { kind: "redis", url, space },
    close: async () => {
      for await (const keys of client.scanIterator({ MATCH: `${space}*`, COUNT: 1000 })) {
        if (keys.length > 0) await client.unlink(keys);
      }
      await client.close();
      warned.mockRestore();
    },
  };
}
