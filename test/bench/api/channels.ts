/** What it costs that somebody listens to what the client tells on `node:diagnostics_channel`. */
import { subscribe, tracingChannel } from "node:diagnostics_channel";
import type { BenchCase, Contender, Servers } from "../case.js";
import { SDK, sdk } from "./getting.js";
import { ACCOUNT_ID } from "./partner.js";

const TRACED = ["minna-baas:call", "minna-baas:request", "minna-baas:refresh", "minna-baas:store"];
const PLAIN = ["minna-baas:debit", "minna-baas:certificate"];

function balances(servers: Servers, name?: string): Contender {
  return sdk(servers, link => link.accounts.balance(ACCOUNT_ID), name);
}

/** With a subscriber to everything, which looks at each message and keeps none. */
function heard(servers: Servers): Contender {
  const contender = balances(servers, "minna-baas, all channels heard");
  return {
    name: contender.name,
    open: async () => {
      let messages = 0;
      const hear = () => {
        messages++;
      };
      for (const name of TRACED) {
        const handlers = { start: hear, end: hear, asyncStart: hear, asyncEnd: hear, error: hear };
        tracingChannel(name).subscribe(handlers);
      }
      for (const name of PLAIN) subscribe(name, hear);
      const runnable = await contender.open();
      await runnable.run();
      if (messages === 0) throw new Error("Nothing was told on any channel: their names have changed.");
      return runnable;
    },
  };
}

export const channels: BenchCase = {
  kind: "race",
  name: "channels",
  title: "A balance, 32 callers at a time: what it costs that somebody listens to the diagnostics channels",
  needs: ["bank"],
  async unavailable() {
    return "CHANNELS" in (await import("minna-baas")) ? undefined : "this version has no channels.";
  },
  callers: 32,
  calls: 4_000,
  floor: SDK,
  contenders: servers => [balances(servers), heard(servers)],
};
