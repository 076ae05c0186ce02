/** A thousand callers at the moment that a token expires. */
import { performance } from "node:perf_hooks";
import type { MinnaClientOptions } from "minna-baas";
import type { CountCase } from "../case.js";
import { spread } from "../statistics.js";
import { dueLinks } from "./due-links.js";

const CALLERS = 1_000;
const PROFILE = "fapi2-security";

export const expiry: CountCase = {
  kind: "count",
  name: "expiry",
  title: "1,000 callers at the moment that a token expires",
  needs: ["sandbox"],
  async run(servers, { rounds }) {
    const { sandbox } = servers;
    const { MemoryStore, MinnaClient } = await import("minna-baas");
    const options = await sandbox.ask<MinnaClientOptions>("client", PROFILE);
    const store = new MemoryStore();
    const minna = new MinnaClient({ ...options, store, timeout: 60_000 });
    const { accountId, next } = await dueLinks(servers, minna, store);
    const tokenRequests: number[] = [];
    const milliseconds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { accounts } = minna.link(await next());
      await sandbox.ask("received");
      const before = performance.now();
      await Promise.all(Array.from({ length: CALLERS }, () => accounts.balance(accountId)));
      milliseconds.push(performance.now() - before);
      const { token = 0 } = await sandbox.ask<Record<string, number>>("received");
      tokenRequests.push(token);
    }
    await minna.close();
    const time = spread(milliseconds);
    return [
      { name: "token requests", value: Math.max(...tokenRequests), unit: "", atLeast: 1, atMost: 1 },
      { name: "until all have their balance", value: time.median, unit: "ms" },
    ];
  },
};
