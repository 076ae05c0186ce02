/**
 * A link that its customer allows anew: the same link, with other tokens.
 *
 * @module
 */
import type { Subject } from "../authorization/id-token.js";
import { revokeTokens } from "../authorization/revocation.js";
import type { AuthorizationContext } from "../authorization/server.js";
import type { IssuedTokens } from "../authorization/tokens.js";
import type { Configuration } from "../config/configuration.js";
import type { Scope } from "../config/contract.js";
import { ArgumentError, LinkError } from "../errors.js";
import { refreshLock } from "./access.js";
import { withLock } from "./lock.js";
import { persist } from "./persist.js";
import { type LinkRecord, readOwnLink, type VersionedLink, withTokens, writeLink } from "./record.js";
import type { Store } from "./store.js";

/** What a link is to become. */
export interface Renewal {
  readonly linkId: string;
  readonly customerId: string;
  /** What the link is to be able to do from now on. */
  readonly scopes: readonly Scope[];
  /** Whether the bank was asked to merge the grant: then it stays, where the tokens name no other. */
  readonly merges: boolean;
}

/**
 * Reads a link that may be renewed.
 *
 * @throws {@link LinkError} when it is unknown, released, or another customer's.
 */
export async function readRenewable(
  store: Store,
  linkId: string,
  customerId: string,
  configuration: Configuration,
): Promise<VersionedLink> {
  if (typeof linkId !== "string" || linkId === "") throw new ArgumentError("link", "link must be the id of a link.");
  const found = await readOwnLink(store, linkId, configuration);
  if (found.record.status === "released") {
    throw new LinkError("link_released", linkId, "The link was released. Link the account again, without this link.");
  }
  if (found.record.customerId === customerId) return found;
  throw new LinkError("link_unknown", linkId, "The customer has no such link.");
}

/**
 * Puts new tokens in the place of a link's old ones, in one step: merging a grant may have ended those (Grant Management
 * section 5.1). All of it under the lock of the refresh, so that no refresh and no release comes in between, and so that
 * nothing is spent for a link that can't be had.
 *
 * @param exchange - Gets the tokens, for the customer of the link's first ID Token.
 */
export async function renewLink(
  store: Store,
  renewal: Renewal,
  context: AuthorizationContext,
  exchange: (subject: Subject | undefined) => Promise<IssuedTokens>,
): Promise<LinkRecord> {
  const { linkId, customerId, scopes, merges } = renewal;
  const { configuration, call } = context;
  return withLock(store, refreshLock(linkId), call, async stay => {
    const { record: before } = await readRenewable(store, linkId, customerId, configuration);
    const tokens = await exchange(before.tokens?.subject);
    try {
      for (;;) {
        const written = await persist(async () => {
          await stay();
          const { record, version } = await readRenewable(store, linkId, customerId, configuration);
          const { tokens: _, grantExpiresAt: __, grantId, ...rest } = record;
          const kept = merges && grantId !== undefined ? { grantId } : {};
          const wished = { ...rest, ...kept, profile: configuration.profile, scopes, refusedScopes: [] };
          return writeLink(store, withTokens(wished, tokens, configuration), version);
        });
        if (written === undefined) continue;
        const { grantId } = written.record;
        // A bank that did not merge still knows the old tokens. What can't be told now ends in time.
        const replaced = before.tokens !== undefined && (grantId === undefined || grantId !== before.grantId);
        if (replaced) await revokeTokens(before.tokens, context).catch(() => {});
        return written.record;
      }
    } catch (error) {
      // Somebody ended the link all the same: then nobody needs the new tokens.
      if (error instanceof LinkError) await revokeTokens(tokens, context).catch(() => {});
      throw error;
    }
  });
}
