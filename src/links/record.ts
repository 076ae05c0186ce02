/**
 * What is kept of a link.
 *
 * @module
 */
import type { IssuedTokens, TokenSet } from "../authorization/tokens.js";
import type { Configuration } from "../config/configuration.js";
import { isSameClient } from "../config/configurations.js";
import { SCOPES, type Scope } from "../config/contract.js";
import { type JstDateTime, toJst } from "../config/jst.js";
import type { Profile } from "../config/profile.js";
import { ArgumentError, LinkError } from "../errors.js";
import type { Store } from "./store.js";
import { findStored, parseStored } from "./stored.js";

/** A customer's account that is linked to the partner, as the partner sees it. */
export interface LinkInfo {
  /** Keep it: `minna.link(id)` makes the calls. */
  readonly id: string;
  /** The partner's own id of the customer. */
  readonly customerId: string;
  /** A `released` link can no longer be used. */
  readonly status: "active" | "released";
  /** What the customer granted of what was asked for. */
  readonly scopes: readonly Scope[];
  /** What was asked for and not granted. Usually empty. */
  readonly refusedScopes: readonly Scope[];
  /** The bank's id of the grant (認可). */
  readonly grantId?: string;
  /** The profile that the link was made with. */
  readonly profile: Profile;
  /** When the link was made. */
  readonly createdAt: JstDateTime;
}

/** What the store holds of a link. */
export interface LinkRecord {
  readonly id: string;
  readonly customerId: string;
  readonly status: "active" | "released";
  readonly scopes: readonly Scope[];
  readonly refusedScopes: readonly Scope[];
  readonly profile: Profile;
  readonly issuer: string;
  readonly clientId: string;
  /** `x5t#S256` of the certificate that the tokens are bound to (RFC 8705 section 3). */
  readonly thumbprint: string;
  /** Absent once the link is released, and they are revoked. */
  readonly tokens?: TokenSet;
  readonly grantId?: string;
  /** Milliseconds since the epoch: when the grant ends, as the bank said last. `null`: never. Absent: it was not asked. */
  readonly grantExpiresAt?: number | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** When the customer last allowed it, milliseconds since the epoch. */
  readonly grantedAt: number;
  /** Whether the bank gives another refresh token with a refresh. Absent: none was made yet. */
  readonly rotates?: boolean;
  /** When a refresh was sent whose answer has not come, milliseconds since the epoch: where the bank may rotate, to be able to say so. */
  readonly refreshSentAt?: number;
  /** Ids of what it was under other clients, as long as that is kept for the debits that were made so. */
  readonly former?: readonly string[];
  /** The link that this one was, where it is only kept for that; and since when, milliseconds since the epoch. */
  readonly formerOf?: string;
  readonly formerSince?: number;
}

/** A record with the version that replacing it must name. */
export interface VersionedLink {
  readonly record: LinkRecord;
  readonly version: number;
}

/** Reads a link. */
export async function readLink(store: Store, id: string): Promise<VersionedLink> {
  if (typeof id !== "string" || id === "") throw new ArgumentError("id", "id must be the id of a link.");
  const entry = await store.get(keyOf(id));
  if (entry === undefined) {
    throw new LinkError(
      "link_unknown",
      id,
      `The store has no link ${JSON.stringify(id)}. Check that it is an id of links.complete(), and the store the one it was made with.`,
    );
  }
  return { record: parseStored<LinkRecord>(entry), version: entry.version };
}

/** Whether what was made so belongs to a configuration: its tokens must go to no other bank, and serve no other client. */
export function serves(
  configuration: Pick<Configuration, "issuer" | "clientId" | "profiles">,
  made: Pick<LinkRecord, "issuer" | "clientId" | "profile">,
): boolean {
  return isSameClient(configuration, made) && configuration.profiles.includes(made.profile);
}

/**
 * Reads a link of this configuration.
 *
 * @throws {@link LinkError} `link_elsewhere` for another one's link.
 */
export async function readOwnLink(store: Store, id: string, configuration: Configuration): Promise<VersionedLink> {
  const found = await readLink(store, id);
  if (serves(configuration, found.record)) return found;
  throw linkElsewhere(id);
}

/** The error of a link that no configuration serves. */
export function linkElsewhere(id: string): LinkError {
  return new LinkError(
    "link_elsewhere",
    id,
    "The link was made with another issuer or client id than the configured one. Its tokens are not sent here. Where links are to move, give the old configuration as previous.",
  );
}

/**
 * The link with these tokens: what they were granted is what it can do (RFC 6749 section 5.1: a narrower scope is told),
 * the grant is the one that they name, and the certificate the one they were asked for with.
 */
export function withTokens(
  record: LinkRecord,
  issued: TokenSet | IssuedTokens,
  { contract }: Configuration,
): LinkRecord {
  // What was kept already is bound to what the link says.
  const { thumbprint, ...tokens } = { thumbprint: record.thumbprint, ...issued };
  const { refreshSentAt: _, ...rest } = record;
  const { scopes: before, refreshToken } = record.tokens ?? {};
  // What did not change at the bank does not change here, also where the configuration calls it otherwise by now.
  const unchanged = before !== undefined && before.join(" ") === tokens.scopes.join(" ");
  const wished = SCOPES.filter(scope => record.scopes.includes(scope) || record.refusedScopes.includes(scope));
  const granted = (scope: Scope) => tokens.scopes.includes(contract.scopes[scope]);
  return {
    ...rest,
    ...(refreshToken === undefined ? {} : { rotates: refreshToken !== tokens.refreshToken }),
    ...(unchanged ? {} : { scopes: wished.filter(granted), refusedScopes: wished.filter(scope => !granted(scope)) }),
    tokens,
    thumbprint,
    ...(tokens.grantId === undefined ? {} : { grantId: tokens.grantId }),
  };
}

/** Writes a link; `undefined` where somebody else wrote it first. */
export async function writeLink(store: Store, record: LinkRecord, version: number): Promise<VersionedLink | undefined> {
  const written = await store.put(keyOf(record.id), JSON.stringify(record), { version, labels: labelsOf(record) });
  return written === undefined ? undefined : { record, version: written };
}

/** A link is found by its customer; an active one among all that are, and by when its grant ends. */
function labelsOf(record: LinkRecord): Readonly<Record<string, string>> {
  const { customerId, status, grantExpiresAt, formerSince } = record;
  if (formerSince !== undefined) return { [FORMER]: new Date(formerSince).toISOString() };
  if (status !== "active") return { customer: customerId };
  const ends = grantExpiresAt === undefined ? { [GRANT_ENDS]: NOT_ASKED } : ending(grantExpiresAt);
  return { customer: customerId, link: "active", ...ends };
}

function ending(time: number | null): Readonly<Record<string, string>> {
  return time === null ? {} : { [GRANT_ENDS]: new Date(time).toISOString() };
}

const FORMER = "former";
const GRANT_ENDS = "grant-ends";
/** Behind every date. */
const NOT_ASKED = "not asked";

/** The links with a label, in the order of their ids. */
export function findLinks(
  store: Store,
  search: { readonly label: "customer" | "link"; readonly value: string },
): AsyncGenerator<LinkRecord, void, undefined> {
  return findStored<LinkRecord>(store, search);
}

/** The active links whose grants end by then, the first to end first. Milliseconds since the epoch. */
export function findEnding(store: Store, by: number): AsyncGenerator<LinkRecord, void, undefined> {
  return findStored<LinkRecord>(store, { label: GRANT_ENDS, value: "", through: new Date(by).toISOString() });
}

/** What links were under other clients since before then, milliseconds since the epoch. */
export function findFormer(store: Store, before: number): AsyncGenerator<LinkRecord, void, undefined> {
  return findStored<LinkRecord>(store, { label: FORMER, value: "", through: new Date(before).toISOString() });
}

/** The active links of which the bank has not said when their grants end. */
export function findNotAsked(store: Store): AsyncGenerator<LinkRecord, void, undefined> {
  return findStored<LinkRecord>(store, { label: GRANT_ENDS, value: NOT_ASKED });
}

/** Whose account it is at the bank, as far as this side can tell, and for which client. */
export function payerOf({ id, formerOf, issuer, clientId, tokens }: LinkRecord): string {
  return [issuer, clientId, tokens?.subject?.sub ?? formerOf ?? id].join(" ");
}

/** Forgets a link. */
export async function removeLink(store: Store, id: string): Promise<void> {
  await store.take(keyOf(id));
}

/** What the partner gets to see: no token. */
export function infoOf(record: LinkRecord): LinkInfo {
  const { id, customerId, status, scopes, refusedScopes, profile, grantId } = record;
  return Object.freeze({
    id,
    customerId,
    status,
    scopes: Object.freeze([...scopes]),
    refusedScopes: Object.freeze([...refusedScopes]),
    profile,
    createdAt: toJst(record.createdAt),
    ...(grantId === undefined ? {} : { grantId }),
  });
}

/** What the keys of links begin with. */
export const LINKS = "link:";

function keyOf(id: string): string {
  return LINKS + id;
}
