/** Handshakes: a full one costs more than twenty calls. */
import { setTimeout as sleep } from "node:timers/promises";
import type { BankAddress, Seen } from "../bank-server.js";
import type { Count, CountCase, Runnable, Server } from "../case.js";
import { callAll } from "../round.js";
import { FLOOR, requester, SDK } from "./getting.js";
import { ACCOUNT_ID, bankOf } from "./partner.js";

/** Milliseconds until the bank closes an idle connection, and a pause that is longer. */
const IDLE = 100;
const PAUSE = 250;
const CALLS_BETWEEN = 50;
const COLD_BURST = 100;
/** What this package and the floor open at most to one origin. */
const MOST_CONNECTIONS = 64;

export const tlsSessions: CountCase = {
  kind: "count",
  name: "tls",
  title: `TLS: calls with pauses of ${PAUSE} ms, at a bank that closes connections after ${IDLE} ms; a cold burst`,
  needs: ["bank"],
  async run(servers, { short }) {
    const { bank } = servers;
    const calls = short ? 200 : 1_000;
    const counts: Count[] = [];
    for (const [name, open] of [
      [SDK, openSdk],
      [FLOOR, openFloor],
    ] as const) {
      const hasty = await bank.ask<BankAddress>("listen", { idle: IDLE });
      counts.push(...(await withPauses(name, await open(hasty), bank, calls)));
      counts.push(...(await coldBurst(name, await open(await bankOf(servers)), bank)));
    }
    return counts;
  },
};

async function openSdk(address: BankAddress): Promise<Runnable> {
  const { linkedClient, LINK_ID } = await import("./linked-client.js");
  const minna = await linkedClient(address);
  return { run: () => minna.link(LINK_ID).accounts.balance(ACCOUNT_ID), close: () => minna.close() };
}

async function openFloor(address: BankAddress): Promise<Runnable> {
  return requester(address, new URL(`${address.baseUrl}/accounts/${ACCOUNT_ID}/balance`));
}

async function withPauses(name: string, runnable: Runnable, bank: Server, calls: number): Promise<readonly Count[]> {
  await bank.ask("seen");
  for (let made = 0; made < calls; made += CALLS_BETWEEN) {
    await callAll(runnable, { callers: 1, calls: CALLS_BETWEEN });
    await sleep(PAUSE);
  }
  await runnable.close();
  const { connections, resumed } = await bank.ask<Seen>("seen");
  const full = { name: `${name}: full handshakes in ${calls} calls`, value: connections - resumed, unit: "" };
  return [
    name === SDK ? { ...full, atMost: 1 } : full,
    { name: `${name}: sessions resumed`, value: resumed, unit: "" },
  ];
}

async function coldBurst(name: string, runnable: Runnable, bank: Server): Promise<readonly Count[]> {
  await bank.ask("seen");
  await callAll(runnable, { callers: COLD_BURST, calls: COLD_BURST });
  await runnable.close();
  const { connections, resumed } = await bank.ask<Seen>("seen");
  const opened = { name: `${name}: connections of a cold burst of ${COLD_BURST}`, value: connections, unit: "" };
  return [
    name === SDK ? { ...opened, atMost: MOST_CONNECTIONS } : opened,
    { name: `${name}: of these, full handshakes`, value: connections - resumed, unit: "" },
  ];
}
