// One of the processes that share a store: so many calls at once, at the moment that it is told.
import { once } from "node:events";
import { MinnaClient } from "minna-baas";
import { postgresStore } from "minna-baas/postgres";
import { redisStore } from "minna-baas/redis";
import pg from "pg";
import { createClient } from "redis";

process.on("disconnect", () => process.exit());

const [{ options, address, link, callers }] = await once(process, "message");
const minna = new MinnaClient({ ...options, store: await openStore(address) });
await minna.ready();
process.send("ready");
await once(process, "message");
const { accounts } = minna.link(link);
const answers = await Promise.all(Array.from({ length: callers }, () => accounts.list()));
await minna.close();
process.send(answers.length);

async function openStore({ kind, url, space }) {
  if (kind === "postgres") return postgresStore(new pg.Pool({ connectionString: url, max: 4 }), { schema: space });
  const client = createClient({ url });
  await client.connect();
  return redisStore(client, { prefix: `${space}:` });
}
