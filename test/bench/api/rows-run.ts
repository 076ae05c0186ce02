// Iterates over many rows in a fresh process, and tells how fast and in how much memory.
import { performance } from "node:perf_hooks";
import type { Addresses } from "../case.js";
import { serversAt } from "../server.js";
import { agentFor, bankOf, headersOf } from "./partner.js";
import type { RowsRun } from "./rows.js";

/** Rows between two looks at the memory: less than a page. */
const LOOK = 250;

const [who, count, addresses = "{}"] = process.argv.slice(2);
const bank = await bankOf(serversAt(JSON.parse(addresses) as Addresses));
const iterate = who === "minna-baas" ? await withSdk() : await withRequests();

let rows = 0;
let sum = 0;
let peak = 0;
// What is loaded with the first page stays: idle is after it.
await iterate("rows-500");
const idle = megabytes();
rows = 0;
sum = 0;
const before = performance.now();
const cpuBefore = process.cpuUsage();
await iterate(`rows-${count}`);
const { user, system } = process.cpuUsage(cpuBefore);
const seconds = (performance.now() - before) / 1000;
const told: RowsRun = { rows, sum, seconds, cpu: (user + system) / rows, idle, peak };
process.send?.(told, () => process.exit());

function see(amount: number): void {
  sum += amount;
  if (++rows % LOOK === 0) peak = Math.max(peak, megabytes());
}

function megabytes(): number {
  return process.memoryUsage.rss() / 2 ** 20;
}

async function withSdk(): Promise<(accountId: string) => Promise<void>> {
  const { linkedClient, LINK_ID } = await import("./linked-client.js");
  const minna = await linkedClient(bank);
  return async accountId => {
    for await (const { amount } of minna.link(LINK_ID).accounts.transactions(accountId)) see(amount);
  };
}

/** The same pages, parsed and no more than that. */
async function withRequests(): Promise<(accountId: string) => Promise<void>> {
  const { request } = await import("undici");
  const dispatcher = await agentFor(bank);
  return async accountId => {
    let next: string | undefined = "";
    while (next !== undefined) {
      const url = `${bank.baseUrl}/accounts/${accountId}/transactions${next && `?nextItemKey=${next}`}`;
      const { body } = await request(url, { dispatcher, headers: headersOf() });
      const page = JSON.parse(await body.text()) as {
        readonly nextItemKey?: string;
        readonly transactions: readonly { readonly amount: string }[];
      };
      for (const { amount } of page.transactions) see(Number(amount));
      next = page.nextItemKey;
    }
  };
}
