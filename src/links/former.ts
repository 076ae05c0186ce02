/**
 * What a link was under another client: debits that were made so are known there only.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { revokeTokens } from "../authorization/revocation.js";
import type { Call } from "../transport/call.js";
import { persist } from "./persist.js";
import { type LinkRecord, readLink, removeLink, writeLink } from "./record.js";
import type { Registrations } from "./registrations.js";
import type { Store } from "./store.js";

/** A new link's id. */
export function newLinkId(): string {
  return `lnk_${randomBytes(18).toString("base64url")}`;
}

/** Keeps what a link was, as a link that nobody lists; returns its id. */
export async function keepFormer(store: Store, before: LinkRecord): Promise<string> {
  const id = newLinkId();
  const { former: _, ...record } = before;
  await persist(() => writeLink(store, { ...record, id, formerOf: before.id }, 0));
  return id;
}

/** Revokes and forgets what a link was, as far as the bank can be told: what can't be told ends in time. */
export async function dropFormer(
  store: Store,
  registrations: Registrations,
  ids: readonly string[] = [],
  call: Call,
): Promise<void> {
  for (const id of ids) {
    try {
      const { record } = await readLink(store, id);
      const registration = registrations.of(record);
      if (registration !== undefined && record.tokens !== undefined) {
        await revokeTokens(record.tokens, { ...registration, call });
      }
    } catch {
      // The link itself is ended all the same.
    }
    await removeLink(store, id);
  }
}
