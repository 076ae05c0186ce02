// One of the processes that share a store: so many callers at once, at the moment that it is told.
import { once } from "node:events";
import { MinnaClient } from "minna-baas";
import { postgresStore } from "minna-baas/postgres";
import { redisStore } from "minna-baas/redis";
import pg from "pg";
import { createClient } from "redis";

const [{ options, address, link, callers }] = await once(process, "message");
const { store, close } = await openStore(address);
const minna = new MinnaClient({ ...options, store });
await minna.ready();
process.send("ready");
await once(process, "message");
const { accounts } = minna.link(link);
const answers = await Promise.all(Array.from({ length: callers }, () => accounts.list()));
process.send(answers.length);
await minna.close();
await close();
if (process.connected) process.disconnect();

async function openStore({ kind, url, space }) {
  if (kind === "postgres") {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    return { store: postgresStore(pool, { schema: space }), close: () => pool.end() };
  }
  const client = createClient({ url });
  await client.connect();
  return { store: redisStore(client, { prefix: space }), close: () => client.close() };
}
