/** The stores that processes share. */
import type { Store } from "minna-baas";
import { postgresStore } from "minna-baas/postgres";
import { redisStore } from "minna-baas/redis";
import pg from "pg";
import { createClient } from "redis";

export type StoreKind = "postgres" | "redis";

/** Where a store is: a schema or a prefix of the run's own. */
export interface StoreAddress {
  readonly kind: StoreKind;
  readonly url: string;
  readonly space: string;
}

export interface OpenStore {
  readonly store: Store;
  close(): Promise<void>;
}

export async function openStore({ kind, url, space }: StoreAddress): Promise<OpenStore> {
  if (kind === "postgres") {
    const pool = new pg.Pool({ connectionString: url, max: 8 });
    // A connection that is lost while idle is replaced.
    pool.on("error", () => {});
    return { store: postgresStore(pool, { schema: space }), close: () => pool.end() };
  }
  const client = createClient({ url, disableOfflineQueue: true });
  client.on("error", () => {});
  await client.connect();
  return { store: redisStore(client, { prefix: `${space}:` }), close: () => client.close() };
}

/** Removes everything that a run has kept. */
export async function clear({ kind, url, space }: StoreAddress): Promise<void> {
  if (kind === "postgres") {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`DROP SCHEMA IF EXISTS "${space}" CASCADE`);
    await client.end();
    return;
  }
  const client = createClient({ url });
  await client.connect();
  for await (const keys of client.scanIterator({ MATCH: `${space}:*`, COUNT: 1000 })) {
    if (keys.length > 0) await client.unlink(keys);
  }
  await client.close();
}
