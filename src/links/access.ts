/**
 * The access token of a link: kept at hand, refreshed in time, by one caller for all.
 *
 * @module
 */
import type { AuthorizationServer } from "../authorization/server.js";
import { type IssuedTokens, refresh, type TokenSet } from "../authorization/tokens.js";
import type { Configuration } from "../config/configuration.js";
import { toJst } from "../config/jst.js";
import { LinkError, OAuthError, StoreError, TransportError } from "../errors.js";
import { type Call, withCall } from "../transport/call.js";
import { type RefreshMessage, refreshChannel, trace, type Writable } from "../transport/channels.js";
import type { Door } from "../transport/door.js";
import { SingleFlight } from "../transport/single-flight.js";
import { withLock } from "./lock.js";
import { persist } from "./persist.js";
import { type LinkRecord, readOwnLink, type VersionedLink, withTokens, writeLink } from "./record.js";
import type { Store } from "./store.js";

const MOST_CACHED = 10_000;

/** A link that is active, with a token to call the bank with. */
export interface UsableLink {
  readonly record: LinkRecord;
  readonly accessToken: string;
  /** Whether the bank issued the token just now: one that was at hand may have ended, by another clock than this one. */
  readonly issued: boolean;
}

/** A link after a refresh, which somebody else may have made. */
type Refreshed = Omit<UsableLink, "accessToken">;

/** Hands out access tokens. */
export class Access {
  readonly #configuration: Configuration;
  readonly #server: AuthorizationServer;
  readonly #door: Door;
  readonly #store: Store;
  readonly #refreshing = new SingleFlight<Refreshed>("token refresh");
  readonly #cache = new Map<string, LinkRecord>();

  constructor(configuration: Configuration, server: AuthorizationServer, door: Door, store: Store) {
    this.#configuration = configuration;
    this.#server = server;
    this.#door = door;
    this.#store = store;
  }

  /**
   * A token that the bank should accept.
   *
   * @throws {@link LinkError} when the link is unknown, released, or needs the customer again.
   */
  async use(linkId: string, call: Call): Promise<UsableLink> {
    const { record, tokens, bound, isGood } = await this.#known(linkId, call);
    if (isGood) return { record, accessToken: tokens.accessToken, issued: false };
    try {
      return await this.#renewed(linkId, tokens.accessToken, call);
    } catch (error) {
      // Refreshing ahead of time failed in passing: what is still good serves for now.
      if (
        bound &&
        !isPast(tokens.expiresAt) &&
        (error instanceof TransportError ||
          error instanceof StoreError ||
          (error instanceof OAuthError && error.retryable))
      ) {
        return { record, accessToken: tokens.accessToken, issued: false };
      }
      throw error;
    }
  }

  /** A token that is at hand and good, so that nothing has to be waited for; `undefined` where `use()` has to see to it. */
  atHand(linkId: string, call: Call): UsableLink | undefined {
    const record = this.#cache.get(linkId);
    if (record?.tokens === undefined || record.status === "released" || isDue(record.tokens)) return undefined;
    if (!this.#door.presents(record.thumbprint, call)) return undefined;
    return { record, accessToken: record.tokens.accessToken, issued: false };
  }

  /** The link as the store has it, where its token need not be refreshed first; `undefined` where it must. The bank is not asked. */
  async asItStands(linkId: string, call: Call): Promise<LinkRecord | undefined> {
    const { record, isGood } = await this.#known(linkId, call);
    return isGood ? record : undefined;
  }

  /** Another token than the one that the bank rejected. */
  async renew(linkId: string, rejected: string, call: Call): Promise<UsableLink> {
    return this.#renewed(linkId, rejected, call);
  }

  /** Reads the link from the store again: another process may have renewed it. */
  async look(linkId: string): Promise<void> {
    this.#remember((await this.#read(linkId)).record);
  }

  /** Takes over what was written to the store. */
  learn(record: LinkRecord): void {
    this.#remember(record);
  }

  /** Forgets a link that is no longer there, or no longer here. */
  forget(linkId: string): void {
    this.#cache.delete(linkId);
  }

  /** Resolves when no refresh is under way any more. */
  async settled(): Promise<void> {
    await this.#refreshing.settled();
  }

  /** A link as it was seen last, and whether its token can be used as it is. */
  async #known(linkId: string, call: Call) {
    const record = this.#cache.get(linkId) ?? this.#remember((await this.#read(linkId)).record);
    const tokens = tokensOf(record);
    const thumbprint = await this.#door.thumbprint(call, record.thumbprint);
    // RFC 8705 section 3: a token is of use only with the certificate it is bound to.
    const bound = record.thumbprint === thumbprint;
    return { record, tokens, bound, isGood: bound && !isDue(tokens) };
  }

  async #renewed(linkId: string, stale: string, call: Call): Promise<UsableLink> {
    // A call of its own: a caller that gives up must not end the refresh that others wait for, nor lose a rotated token.
    const { timeout } = this.#configuration;
    // One flight for each token that is to be replaced: who met the rejection of a newer one must not get that one again.
    const key = `${linkId} ${stale}`;
    const { record, issued } = await this.#refreshing.join(key, call, () =>
      this.#told(linkId, () =>
        withCall(undefined, timeout, waiting =>
          // Who waited long for the lock still has all of its time for the bank: an answer in a hurry would be lost.
          withLock(this.#store, refreshLock(linkId), waiting, () =>
            withCall(undefined, timeout, own => this.#refresh(linkId, stale, own), call.trail.branch()),
          ),
        ),
      ),
    );
    return { record, accessToken: tokensOf(record).accessToken, issued };
  }

  /** Tells of a refresh where somebody listens. */
  #told(linkId: string, work: () => Promise<Refreshed>): Promise<Refreshed> {
    if (!refreshChannel.hasSubscribers) return work();
    const message: Writable<RefreshMessage> = { linkId, profile: this.#configuration.profile };
    return trace(refreshChannel, message, async () => {
      const refreshed = await work();
      message.outcome = refreshed.issued ? "issued" : "found";
      return refreshed;
    });
  }

  async #refresh(linkId: string, stale: string, call: Call): Promise<Refreshed> {
    const current = await this.#read(linkId);
    const tokens = tokensOf(current.record);
    const thumbprint = await this.#door.thumbprint(call, current.record.thumbprint);
    // Somebody was here before: another process, or a caller whose turn at the lock came first.
    const renewed = tokens.accessToken !== stale && current.record.thumbprint === thumbprint;
    if (renewed && !isDue(tokens)) return { record: this.#remember(current.record), issued: false };
    const { refreshToken } = tokens;
    if (refreshToken === undefined) throw needsCustomer(linkId, call);
    const { refreshSentAt } = current.record;
    const noted = await this.#note(current);
    // Somebody has changed the link since it was read, perhaps by a refresh: what it had may be over.
    if (noted === undefined) return this.#refresh(linkId, stale, call);
    try {
      const context = { configuration: this.#configuration, server: this.#server, call };
      const keep = (rotated: string) => this.#save(noted, { ...tokens, refreshToken: rotated });
      const next = await refresh({ ...tokens, refreshToken }, context, keep);
      return { record: this.#remember(await this.#save(noted, next)), issued: true };
    } catch (error) {
      if (noted !== current && isNoLoss(error)) {
        await writeLink(this.#store, current.record, noted.version).catch(() => {});
      }
      if (!(error instanceof OAuthError && error.code === "invalid_grant")) throw error;
      // RFC 6749 section 5.2: this refresh token is over. A lock that ran out under a paused process may have let somebody
      // else use it: then the store has newer tokens.
      const latest = await this.#read(linkId);
      if (tokensOf(latest.record).accessToken !== tokens.accessToken) {
        return { record: this.#remember(latest.record), issued: false };
      }
      throw needsCustomer(linkId, call, error, refreshSentAt);
    }
  }

  /**
   * Notes that a refresh is sent, unless the bank is known not to rotate refresh tokens: should its answer be lost, by a
   * crash or on its way, the old token is all that there is (FAPI 2.0 SP 5.3.2.1 has the bank allow that), and whoever meets
   * its end can say why. `undefined` where somebody else wrote the link first: the note is also what keeps a second process
   * from sending the same token.
   */
  async #note(current: VersionedLink): Promise<VersionedLink | undefined> {
    const { record, version } = current;
    if (record.rotates === false) return current;
    return writeLink(this.#store, { ...record, refreshSentAt: record.refreshSentAt ?? Date.now() }, version);
  }

  /** Saves rotated tokens before anybody uses them, also over what was changed meanwhile. */
  async #save(before: VersionedLink, tokens: TokenSet | IssuedTokens): Promise<LinkRecord> {
    let latest = before;
    for (;;) {
      const { record, version } = latest;
      const written = await persist(() =>
        writeLink(this.#store, withTokens(record, tokens, this.#configuration), version),
      );
      if (written !== undefined) return written.record;
      latest = await persist(() => this.#read(before.record.id));
      tokensOf(latest.record);
      // The customer has allowed the link anew meanwhile: its tokens are of another grant, and newer.
      if (latest.record.grantedAt !== before.record.grantedAt) return latest.record;
    }
  }

  async #read(linkId: string): Promise<VersionedLink> {
    return readOwnLink(this.#store, linkId, this.#configuration);
  }

  #remember(record: LinkRecord): LinkRecord {
    this.#cache.delete(record.id);
    this.#cache.set(record.id, record);
    const [oldest = record.id] = this.#cache.keys();
    if (this.#cache.size > MOST_CACHED) this.#cache.delete(oldest);
    return record;
  }
}

/** The lock under which a link's tokens change. */
export function refreshLock(linkId: string): string {
  return `refresh:${linkId}`;
}

function tokensOf(record: LinkRecord): TokenSet {
  if (record.status === "released" || record.tokens === undefined) {
    throw new LinkError("link_released", record.id, "The link was released. Link the account again to use it.");
  }
  return record.tokens;
}

/** Whether it is time for other tokens. Without a refresh token there is nothing to be early for. */
function isDue({ refreshToken, expiresAt, refreshAt }: TokenSet): boolean {
  return isPast(refreshToken === undefined ? expiresAt : refreshAt);
}

/** Whether no other refresh token can have been issued: the bank was not reached, or it refused. */
function isNoLoss(error: unknown): boolean {
  if (error instanceof TransportError) return error.reached === "no";
  return error instanceof OAuthError && error.status >= 400 && error.status < 500;
}

/** Where the bank did not say when, nothing has passed. */
function isPast(time = Number.POSITIVE_INFINITY): boolean {
  return time <= Date.now();
}

function needsCustomer(linkId: string, call: Call, cause?: Error, refreshSentAt?: number): LinkError {
  const lost =
    refreshSentAt === undefined
      ? ""
      : ` The answer to a refresh was lost (${toJst(refreshSentAt)}), and with it the refresh token that the bank gave in place of the old one.`;
  return new LinkError(
    "reauthorization_required",
    linkId,
    `The bank no longer accepts the link's tokens.${lost} Send the customer through links.begin() again, with this link.`,
    { interactionId: call.interactionId, cause },
  );
}
