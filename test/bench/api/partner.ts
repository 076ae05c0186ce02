/** What every way of calling the bank's API has in common: an address, a certificate, a token. */
import { createHash, randomUUID, X509Certificate } from "node:crypto";
import { MemoryStore, MinnaClient, type MinnaClientOptions, type Store } from "minna-baas";
import { Agent } from "undici";
import type { BankAddress } from "../bank-server.js";
import type { Servers } from "../case.js";

export const LINK_ID = "lnk_bench";
export const TOKEN = "bench-access-token";
export const ACCOUNT_ID = "acc-0000001";

const YEAR = 365 * 86_400_000;

/** Where the bank's API is. */
export async function bankOf(servers: Servers): Promise<BankAddress> {
  return servers.bank.ask<BankAddress>("address");
}

/** A client of the SDK with a link in its store, whose token is good for a year. */
export async function linkedClient(bank: BankAddress, store: Store = new MemoryStore()): Promise<MinnaClient> {
  const thumbprint = createHash("sha256").update(new X509Certificate(bank.certificate.cert).raw).digest("base64url");
  const scopes = ["balance", "transactions", "deposits", "identity", "debit"] as const;
  const now = Date.now();
  const client = { profile: "fapi2-security", issuer: "https://auth.bank.example", clientId: "partner-1" } as const;
  const record = {
    ...{ id: LINK_ID, customerId: "u-42", status: "active", scopes, refusedScopes: [], ...client, thumbprint },
    tokens: { accessToken: TOKEN, scopes, expiresAt: now + YEAR },
    createdAt: now,
    grantedAt: now,
  };
  await store.put(`link:${LINK_ID}`, JSON.stringify(record), { version: 0 });
  const options: MinnaClientOptions = {
    ...client,
    redirectUri: "https://partner.example/bank/callback",
    certificate: bank.certificate,
    api: { baseUrl: bank.baseUrl },
    store,
  };
  return new MinnaClient(options);
}

/** An agent as a careful partner makes it: with the certificate, once, and connections that outlive a pause. */
export function agentFor({ certificate }: BankAddress): Agent {
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
