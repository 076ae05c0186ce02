/** What every way of calling the bank's API has in common: an address, a certificate, a token. */
import { randomUUID } from "node:crypto";
import type { Agent } from "undici";
import type { BankAddress } from "../bank-server.js";
import type { Servers } from "../case.js";

export const TOKEN = "bench-access-token";
export const ACCOUNT_ID = "acc-0000001";

/** Where the bank's API is. */
export async function bankOf(servers: Servers): Promise<BankAddress> {
  return servers.bank.ask<BankAddress>("address");
}

/** An agent as a careful partner makes it: with the certificate, once, and connections that outlive a pause. */
export async function agentFor({ certificate }: BankAddress): Promise<Agent> {
  const { Agent } = await import("undici");
  return new Agent({ connections: 64, keepAliveTimeout: 4_000, connect: { ...certificate } });
}

/** The headers of a call, with an interaction id of its own. */
export function headersOf(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    accept: "application/json",
    authorization: `Bearer ${TOKEN}`,
    "x-fapi-interaction-id": randomUUID(),
    ...more,
  };
}
