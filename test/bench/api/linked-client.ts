/** A client of the SDK with a link whose token is at hand. */
import { createHash, X509Certificate } from "node:crypto";
import { MemoryStore, MinnaClient, type MinnaClientOptions, type Store } from "minna-baas";
import type { BankAddress } from "../bank-server.js";
import { TOKEN } from "./partner.js";

export const LINK_ID = "lnk_bench";

const YEAR = 365 * 86_400_000;

/** Puts a link into the store whose token is good for a year, and makes a client of that store. */
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
