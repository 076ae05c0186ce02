// A process in which no garbage is collected while it counts what calls allocate: started with --expose-gc, and with room
// for all of it among the young objects.
import { once } from "node:events";
import { GCProfiler } from "node:v8";
import { MemoryStore, MinnaClient } from "minna-baas";

/** Before that, functions are compiled and connections made. */
const WARM_UP = 1500;
const CALLS = 1000;

const [{ options, link, record, accountId }] = await once(process, "message");
const store = new MemoryStore();
await store.put(`link:${link}`, record, { version: 0 });
const minna = new MinnaClient({ ...options, store });
const { accounts } = minna.link(link);

await callAll(WARM_UP);
globalThis.gc();
const collections = new GCProfiler();
collections.start();
const before = process.memoryUsage().heapUsed;
await callAll(CALLS);
const allocated = process.memoryUsage().heapUsed - before;
const { statistics } = collections.stop();
process.send({ bytes: allocated / CALLS, collections: statistics.length });
await minna.close();
process.disconnect();

async function callAll(calls) {
  for (let made = 0; made < calls; made++) await accounts.balance(accountId);
}
