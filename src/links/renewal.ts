/**
 * A link that its customer allows anew: the same link, with other tokens.
 *
 * @module
 */
import { revokeTokens } from "../authorization/revocation.js";
import type { AuthorizationContext } from "../authorization/server.js";
import type { TokenSet } from "../authorization/tokens.js";
import type { Scope } from "../config/contract.js";
import { refreshLock } from "./access.js";
import { withLock } from "./lock.js";
import { persist } from "./persist.js";
import { type LinkRecord, readOwnLink, withTokens, writeLink } from "./record.js";
import type { Store } from "./store.js";

/** What an authorization brought for a link. */
export interface Renewal {
  readonly linkId: string;
  /** What the link is to be able to do from now on. */
  readonly scopes: readonly Scope[];
  readonly tokens: TokenSet;
  readonly thumbprint: string;
}

/**
 * Puts the new tokens in the place of the old ones, in one step: merging a grant may have ended those (Grant Management
 * section 5.1). Under the lock of the refresh, so that no refresh of the old ones comes after it.
 */
export async function renewLink(store: Store, renewal: Renewal, context: AuthorizationContext): Promise<LinkRecord> {
  const { linkId, scopes, tokens, thumbprint } = renewal;
  const { configuration, call } = context;
  const { before, after } = await withLock(store, refreshLock(linkId), call, async () => {
    for (;;) {
      const { record, version } = await persist(() => readOwnLink(store, linkId, configuration));
      const { tokens: _, grantExpiresAt: __, ...rest } = record;
      const wished = { ...rest, status: "active", profile: configuration.profile, scopes, refusedScopes: [] } as const;
      const renewed = withTokens(wished, tokens, thumbprint, configuration);
      const written = await persist(() => writeLink(store, renewed, version));
      if (written !== undefined) return { before: record, after: written.record };
    }
  });
  // A bank that gave a grant of its own instead of merging still knows the old tokens. What can't be told now ends in time.
  const replaced = before.tokens !== undefined && before.grantId !== after.grantId;
  if (replaced) await revokeTokens(before.tokens, context).catch(() => {});
  return after;
}
