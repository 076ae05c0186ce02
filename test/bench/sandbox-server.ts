/** The sandbox in a process of its own. */
import { type SandboxProfile, startSandbox } from "minna-baas/sandbox";
import { answer } from "./questions.js";

const bank = await startSandbox({ keepEvents: 10_000 });
let seen = 0;

answer({
  /** What a partner of a profile needs to connect. */
  client: (profile: SandboxProfile) => bank.client(profile),
  /** The first customer's accounts. */
  accounts: () => bank.customers[0]?.accounts,
  /** Logs in and allows what is asked; the callback's URL. */
  approve: (authorizationUrl: string) => bank.approve(authorizationUrl),
  /** What the bank has received since this was asked last: how often each endpoint. */
  received: () => {
    const counts: Record<string, number> = {};
    for (const { endpoint } of bank.events.slice(seen)) counts[endpoint] = (counts[endpoint] ?? 0) + 1;
    seen = bank.events.length;
    return counts;
  },
});
