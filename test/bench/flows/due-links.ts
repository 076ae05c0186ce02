/** Links whose access tokens are due: copies of one that was made at the sandbox, each with the same refresh token. */
import { randomUUID } from "node:crypto";
import type { MinnaClient, Store } from "minna-baas";
import type { Servers } from "../case.js";

export interface DueLinks {
  readonly accountId: string;
  /** Puts another one into the store; its id. The bank must not rotate refresh tokens. */
  next(): Promise<string>;
}

export async function dueLinks({ sandbox }: Servers, minna: MinnaClient, store: Store): Promise<DueLinks> {
  const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
  const callback = await sandbox.ask<string>("approve", authorizationUrl);
  const { id } = await minna.links.complete(callback, { transaction });
  const [account] = await minna.link(id).accounts.list();
  const entry = await store.get(`link:${id}`);
  if (account === undefined || entry === undefined) throw new Error("There is no account behind the link.");
  const record = JSON.parse(entry.value);
  return {
    accountId: account.accountId,
    next: async () => {
      const now = Date.now();
      const copy = {
        ...record,
        id: `due-${randomUUID()}`,
        tokens: { ...record.tokens, expiresAt: now, refreshAt: now },
      };
      await store.put(`link:${copy.id}`, JSON.stringify(copy), { version: 0, labels: { link: "active" } });
      return copy.id;
    },
  };
}
