/**
 * What a link was under another client: the bank may know debits that were made so there only.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { revokeTokens } from "../authorization/revocation.js";
import { isSameClient } from "../config/configurations.js";
import { LinkError } from "../errors.js";
import type { Call } from "../transport/call.js";
import { persist } from "./persist.js";
import { findFormer, type LinkRecord, readLink, removeLink, writeLink } from "./record.js";
import type { Registrations } from "./registrations.js";
import type { Store } from "./store.js";

/** Milliseconds for which it is kept at least: another process may be at a debit with it, and has its key for a day. */
const KEPT = 25 * 60 * 60 * 1000;

/** A new link's id. */
export function newLinkId(): string {
  return `lnk_${randomBytes(18).toString("base64url")}`;
}

/** Keeps what a link was, as a link that nobody lists; returns its id. */
export async function keepFormer(store: Store, before: LinkRecord): Promise<string> {
  const id = newLinkId();
  const { former: _, ...record } = before;
  await persist(() => writeLink(store, { ...record, id, formerOf: before.id, formerSince: Date.now() }, 0));
  return id;
}

/**
 * Revokes the tokens of all that a link was, and forgets it.
 *
 * @throws what `revokeTokens()` throws: then it is still there, and can be dropped again.
 */
export async function dropFormers(
  store: Store,
  registrations: Registrations,
  linkId: string,
  call: Call,
): Promise<void> {
  // Not by the link's own list: what was kept for a move that never came stands in none.
  for await (const record of findFormer(store, Date.now())) {
    if (record.formerOf === linkId) await drop(store, registrations, record, call, true);
  }
}

async function drop(
  store: Store,
  registrations: Registrations,
  record: LinkRecord,
  call: Call,
  revokes: boolean,
): Promise<void> {
  const { id, formerOf = "", tokens } = record;
  const registration = registrations.of(record);
  // Where the old configuration is gone, nobody can tell the bank: the tokens end with the old client.
  if (revokes && registration !== undefined && tokens !== undefined) {
    await revokeTokens(tokens, { ...registration, call });
  }
  await removeLink(store, id);
  await forgetFormer(store, formerOf, id);
}

/**
 * Drops what has been kept long enough.
 *
 * @param isNeeded - Whether debits are open that were made so.
 */
export async function sweepFormer(
  store: Store,
  registrations: Registrations,
  isNeeded: (record: LinkRecord) => Promise<boolean>,
  call: Call,
): Promise<void> {
  for await (const record of findFormer(store, Date.now() - KEPT)) {
    if (await isNeeded(record)) continue;
    const link = await found(store, record.formerOf ?? "");
    // A copy for a move that never came, or a link that came back: the grant may be the link's own, and is not touched.
    const own = link !== undefined && isSameClient(link, record);
    await drop(store, registrations, record, call, !own);
  }
}

async function forgetFormer(store: Store, linkId: string, id: string): Promise<void> {
  if ((await found(store, linkId)) === undefined) return;
  const { record, version } = await readLink(store, linkId);
  const { former = [], ...rest } = record;
  const left = former.filter(one => one !== id);
  // Written by somebody else meanwhile: an id that leads nowhere does no harm.
  if (left.length < former.length)
    await writeLink(store, left.length === 0 ? rest : { ...rest, former: left }, version);
}

async function found(store: Store, id: string): Promise<LinkRecord | undefined> {
  try {
    return (await readLink(store, id)).record;
  } catch (error) {
    if (error instanceof LinkError) return undefined;
    throw error;
  }
}
