/**
 * A link that its customer allows anew: the same link, with other tokens.
 *
 * @module
 */
import type { Subject } from "../authorization/id-token.js";
import { revokeTokens } from "../authorization/revocation.js";
import type { AuthorizationContext } from "../authorization/server.js";
import type { IssuedTokens } from "../authorization/tokens.js";
import { isSameClient } from "../config/configurations.js";
import type { Scope } from "../config/contract.js";
import { ArgumentError, LinkError } from "../errors.js";
import { refreshLock } from "./access.js";
import { dropFormers, keepFormer } from "./former.js";
import { withLock } from "./lock.js";
import { persist } from "./persist.js";
import { type LinkRecord, linkElsewhere, readLink, type VersionedLink, withTokens, writeLink } from "./record.js";
import type { Registration, Registrations } from "./registrations.js";
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

/** A link that may be renewed, with the registration that it belongs to until then. */
export interface RenewableLink extends VersionedLink {
  readonly registration: Registration;
}

/**
 * Reads a link that may be renewed, whichever registration it belongs to.
 *
 * @throws {@link LinkError} when it is unknown, released, another customer's, or of no registration that is configured.
 */
export async function readRenewable(
  store: Store,
  linkId: string,
  customerId: string,
  registrations: Registrations,
): Promise<RenewableLink> {
  if (typeof linkId !== "string" || linkId === "") throw new ArgumentError("link", "link must be the id of a link.");
  const found = await readLink(store, linkId);
  const registration = registrations.of(found.record);
  if (registration === undefined) throw linkElsewhere(linkId);
  if (found.record.status === "released") {
    throw new LinkError("link_released", linkId, "The link was released. Link the account again, without this link.");
  }
  if (found.record.customerId === customerId) return { ...found, registration };
  throw new LinkError(
    "link_unknown",
    linkId,
    "The customer has no such link. Check that it is theirs, or begin without link.",
  );
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
  registrations: Registrations,
  context: AuthorizationContext,
  exchange: (subject: Subject | undefined) => Promise<IssuedTokens>,
): Promise<LinkRecord> {
  const { linkId, customerId, scopes, merges } = renewal;
  const { configuration, call } = context;
  return withLock(store, refreshLock(linkId), call, async () => {
    const { record: before, registration } = await readRenewable(store, linkId, customerId, registrations);
    const { subject } = before.tokens ?? {};
    // Another issuer knows its customers by names of its own: there is nothing to compare.
    const tokens = await exchange(subject?.iss === configuration.issuer ? subject : undefined);
    const { issuer, clientId, profile } = configuration;
    const same = isSameClient(configuration, registration.configuration);
    try {
      // Written before the link moves: a crash in between leaves a copy too many, and no debit that can't be asked after.
      const former = same ? undefined : await keepFormer(store, before);
      for (;;) {
        const written = await persist(async () => {
          const { record, version } = await readRenewable(store, linkId, customerId, registrations);
          const { tokens: _, grantExpiresAt: __, rotates: ___, refreshSentAt: ____, grantId, ...rest } = record;
          const wished = {
            ...rest,
            ...(merges && grantId !== undefined ? { grantId } : {}),
            ...(former === undefined ? {} : { former: [...(rest.former ?? []), former] }),
            ...{ issuer, clientId, profile, grantedAt: Date.now(), scopes, refusedScopes: [] },
          };
          return writeLink(store, withTokens(wished, tokens, configuration), version);
        });
        if (written === undefined) continue;
        if (registration.configuration !== configuration) registration.access.forget(linkId);
        // What it was under another client is kept for its debits: `recover()` drops it in time.
        if (former !== undefined) return written.record;
        const { grantId } = written.record;
        const stays = grantId !== undefined && grantId === before.grantId;
        // A bank that did not merge still knows the old tokens. What can't be told now ends in time.
        if (before.tokens !== undefined && !stays)
          await revokeTokens(before.tokens, { ...registration, call }).catch(() => {});
        return written.record;
      }
    } catch (error) {
      // Somebody ended the link all the same: then nobody needs the new tokens.
      if (error instanceof LinkError) {
        await revokeTokens(tokens, context).catch(() => {});
        if (error.code !== "link_elsewhere") await dropFormers(store, registrations, linkId, call).catch(() => {});
      }
      throw error;
    }
  });
}
