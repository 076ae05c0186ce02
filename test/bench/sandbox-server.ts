/** The sandbox in a process of its own. */
import { type SandboxProfile, startSandbox } from "minna-baas/sandbox";
import { answer } from "./questions.js";

let received: Record<string, number> = {};
const bank = await startSandbox({
  keepEvents: 0,
  onEvent: ({ endpoint }) => {
    received[endpoint] = (received[endpoint] ?? 0) + 1;
  },
});

answer({
  /** What a partner of a profile needs to connect. */
  client: (profile: SandboxProfile) => bank.client(profile),
  /** Another certificate for that partner. */
  certificate: (profile: SandboxProfile) => ({
    ...bank.issueCertificate({ commonName: bank.client(profile).clientId }),
    ca: bank.ca,
  }),
  /** The first customer's accounts. */
  accounts: () => bank.customers[0]?.accounts,
  /** Logs in and allows what is asked; the callback's URL. */
  approve: (authorizationUrl: string) => bank.approve(authorizationUrl),
  /** What the bank has received since this was asked last: how often each endpoint. */
  received: () => {
    const counts = received;
    received = {};
    return counts;
  },
});
