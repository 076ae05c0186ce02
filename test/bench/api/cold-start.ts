// One start of a process, and what it took: told by what the first argument asks for.
import { performance } from "node:perf_hooks";
import type { MinnaClientOptions, Profile } from "minna-baas";
import type { Addresses } from "../case.js";
import { serversAt } from "../server.js";
import type { Start } from "./cold.js";
import { ACCOUNT_ID, agentFor, bankOf, headersOf } from "./partner.js";

const [what = "", addresses = "{}"] = process.argv.slice(2);
const starts: Readonly<Record<string, () => Promise<unknown>>> = {
  nothing: async () => {},
  package: () => import("minna-baas"),
  // undici comes with the first client.
  client: async () => {
    await import("minna-baas");
    await import(new URL("transport/pool.js", import.meta.resolve("minna-baas")).href);
  },
  dependencies: () => import("./dependencies.js"),
  "first balance: minna-baas": firstOfSdk,
  "first balance: undici request": firstOfRequest,
  "first link: fapi1-advanced": () => firstLink("fapi1-advanced"),
  "first link: fapi2-security": () => firstLink("fapi2-security"),
  "first link: fapi2-message-signing": () => firstLink("fapi2-message-signing"),
};
const start = Object.hasOwn(starts, what) ? starts[what] : undefined;
if (start === undefined) throw new Error(`There is no start ${JSON.stringify(what)}.`);

const servers = serversAt(JSON.parse(addresses) as Addresses);
// Asking where the bank is has nothing to do with what is measured.
const bank = what.startsWith("first balance") ? await bankOf(servers) : undefined;
const before = performance.now();
await start();
const milliseconds = performance.now() - before;
const { rss, heapUsed } = process.memoryUsage();
const told: Start = { milliseconds, rss: rss / 2 ** 20, heapUsed: heapUsed / 2 ** 20 };
process.send?.(told, () => process.exit());

async function firstOfSdk(): Promise<void> {
  if (bank === undefined) return;
  const { linkedClient, LINK_ID } = await import("./linked-client.js");
  const minna = await linkedClient(bank);
  await minna.link(LINK_ID).accounts.balance(ACCOUNT_ID);
}

async function firstLink(profile: Profile): Promise<void> {
  const client = await servers.sandbox.ask<MinnaClientOptions>("client", profile);
  const { MinnaClient } = await import("minna-baas");
  const minna = new MinnaClient(client);
  await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
}

async function firstOfRequest(): Promise<void> {
  if (bank === undefined) return;
  const { request } = await import("undici");
  const dispatcher = await agentFor(bank);
  const url = `${bank.baseUrl}/accounts/${ACCOUNT_ID}/balance`;
  const { body } = await request(url, { dispatcher, headers: headersOf() });
  JSON.parse(await body.text());
}
