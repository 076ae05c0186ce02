/**
 * The grant behind a link (認可): 状態の確認, 期限延長, 解除.
 *
 * @module
 */
import { type Introspection, introspectToken } from "../authorization/introspection.js";
import { mtlsEndpoint } from "../authorization/metadata.js";
import { revokeTokens } from "../authorization/revocation.js";
import { endOfJstDate, fromJst, isJstDate, type JstDate, type JstDateTime, toJst } from "../config/jst.js";
import { ApiError, ArgumentError, LinkError, OAuthError, ValidationError } from "../errors.js";
import type { Call, CallOptions } from "../transport/call.js";
import type { CallName } from "../transport/channels.js";
import { list, nullish, object, text } from "../transport/schema.js";
import { refreshLock } from "./access.js";
import { decode, type WithInteractionId } from "./decode.js";
import { dropFormers } from "./former.js";
import { withLock } from "./lock.js";
import { infoOf, type LinkInfo, type LinkRecord, readOwnLink, writeLink } from "./record.js";
import type { Registration, Registrations } from "./registrations.js";
import { type Endpoint, endpointAt } from "./resource.js";
import type { Store } from "./store.js";

/** The grant as the bank has it. */
export interface GrantStatus {
  /** Only an `active` grant can be used. */
  readonly status: "active" | "expired" | "revoked" | "suspended" | (string & {});
  /** Scope strings, as on the wire. */
  readonly scopes: readonly { readonly scope: string }[];
  /** When the customer consented. */
  readonly createdAt?: JstDateTime | null | undefined;
  /** When it ends. */
  readonly expiresAt?: JstDateTime | null | undefined;
  /** When it last changed. */
  readonly lastUpdatedAt?: JstDateTime | null | undefined;
}

const grantStatus = object<GrantStatus>({
  status: text,
  scopes: list(object<{ readonly scope: string }>({ scope: text })),
  createdAt: nullish(text),
  expiresAt: nullish(text),
  lastUpdatedAt: nullish(text),
});

/** Asks after, extends and releases the grant of one link. */
export class Grant {
  readonly #linkId: string;
  readonly #registrations: Registrations;
  readonly #store: Store;

  /** @internal */
  constructor(linkId: string, registrations: Registrations, store: Store) {
    this.#linkId = linkId;
    this.#registrations = registrations;
    this.#store = store;
  }

  /**
   * Asks the bank for the state of the grant (状態の確認, Grant Management section 6.3).
   *
   * @throws {@link LinkError} when the link is released or needs the customer again; {@link ApiError} when the bank refuses.
   */
  async status(options?: CallOptions): Promise<WithInteractionId<GrantStatus>> {
    return this.#run("grant.status", options, (call, registration) => this.#status(call, registration));
  }

  /**
   * Asks the bank to keep the grant longer (期限延長).
   *
   * @param extension - `until`: the last day on which the grant is to hold, in Japan.
   * @throws {@link ArgumentError} when `until` is no date of the calendar; {@link LinkError} `reauthorization_required`
   * where the bank extends grants by a new authorization (`contract.grantExtension`).
   */
  async extend(extension: { readonly until: JstDate }, options?: CallOptions): Promise<WithInteractionId<GrantStatus>> {
    if (!isJstDate(extension?.until))
      throw new ArgumentError("until", "until must be a date of the calendar, YYYY-MM-DD.");
    return this.#run("grant.extend", options, async (call, registration) => {
      if (registration.configuration.contract.grantExtension === "authorization") {
        throw new LinkError(
          "reauthorization_required",
          this.#linkId,
          "The bank extends a grant by a new authorization. Send the customer through links.begin() with this link.",
        );
      }
      const { endpoint, record } = await this.#at("grantExtensions", call, registration);
      const body = { expiresAt: toJst(endOfJstDate(extension.until)) };
      const request = { method: "POST", ...endpoint, body, operation: "extendGrant" } as const;
      const answer = await registration.resources.call(this.#linkId, request, call);
      return this.#remember(decode(grantStatus, answer, "grant", call, "possible"), record, registration);
    });
  }

  /**
   * Releases the grant at the bank (解除, Grant Management section 6.4), and with it the link: no call can be made with it
   * afterwards.
   *
   * Its tokens are revoked besides, where the bank offers it, so that nothing usable is left behind; at a bank without grant
   * management that is all there is to do. Where the bank accepts the link's tokens no more, there is nothing left to
   * release. Releasing a released link does nothing but what was left to do.
   *
   * @throws {@link TransportError}, {@link OAuthError} or {@link ApiError} when the bank could not be told: call again.
   */
  async revoke(options?: CallOptions): Promise<WithInteractionId<LinkInfo>> {
    return this.#run("grant.revoke", options, (call, registration) => this.#revoke(call, registration));
  }

  /**
   * Releases what can be released: where the API takes the link's tokens no more, or the bank manages no grants, at least
   * nobody can use them afterwards.
   *
   * @internal
   */
  async end(options: CallOptions | undefined): Promise<void> {
    await this.#run("links.end", options, async (call, registration) => {
      await this.#revoke(call, registration).catch(error => {
        if (!isUnmanageable(error)) throw error;
        return this.#release(call, registration);
      });
    });
  }

  /**
   * Asks the authorization server whether the link's access token can be used (RFC 7662); `undefined` where the bank does
   * not offer to be asked. A call of the API tells the same.
   */
  async introspect(options?: CallOptions): Promise<Introspection | undefined> {
    return this.#run("grant.introspect", options, async (call, { configuration, server, access }) => {
      const { accessToken, record } = await access.use(this.#linkId, call);
      return introspectToken(accessToken, record.thumbprint, { configuration, server, call });
    });
  }

  #run<T>(
    name: CallName,
    options: CallOptions | undefined,
    work: (call: Call, registration: Registration) => Promise<T>,
  ): Promise<T> {
    return this.#registrations.run(name, this.#linkId, options, work);
  }

  async #status(call: Call, registration: Registration): Promise<WithInteractionId<GrantStatus>> {
    const { endpoint, record } = await this.#at("grant", call, registration);
    const request = { method: "GET", ...endpoint, operation: "grant" } as const;
    const answer = await registration.resources.call(this.#linkId, request, call);
    return this.#remember(decode(grantStatus, answer, "grant", call), record, registration);
  }

  async #revoke(call: Call, registration: Registration): Promise<WithInteractionId<LinkInfo>> {
    const { configuration, resources } = registration;
    const { record } = await readOwnLink(this.#store, this.#linkId, configuration);
    const { interactionId } = call;
    if (record.status === "released" && record.tokens === undefined) {
      return Object.freeze({ ...infoOf(record), interactionId });
    }
    if (record.status !== "released" && (await this.#isManaged(record, call, registration))) {
      try {
        const { endpoint } = await this.#at("grant", call, registration);
        await resources.call(this.#linkId, { method: "DELETE", ...endpoint, operation: "releaseGrant" }, call);
      } catch (error) {
        if (!(await this.#isGone(error, record, call, registration))) throw error;
      }
    }
    return Object.freeze({ ...infoOf(await this.#release(call, registration)), interactionId });
  }

  /** Marks the link as released and revokes its tokens: under the lock of the refresh, so that no others come. */
  async #release(call: Call, registration: Registration): Promise<LinkRecord> {
    return withLock(this.#store, refreshLock(this.#linkId), call, async () => {
      const released = await this.#change(registration, found => ({ ...found, status: "released" }));
      await dropFormers(this.#store, this.#registrations, released.id, call);
      if (released.tokens === undefined) return released;
      await revokeTokens(released.tokens, { ...registration, call });
      return this.#change(registration, ({ tokens: _, former: __, ...rest }) => rest);
    });
  }

  /**
   * Whether the grant is gone already, which is what was asked for: as after a release whose answer was lost, or when the
   * customer released it at the bank. A 404 or 403 alone may be a gateway's: the bank's word is that the refresh token is
   * over.
   */
  async #isGone(error: unknown, { id, tokens }: LinkRecord, call: Call, { access }: Registration): Promise<boolean> {
    if (isOver(error) || tokens === undefined) return true;
    if (!(error instanceof ApiError && (error.code === "not_found" || error.code === "forbidden"))) return false;
    return access.renew(id, tokens.accessToken, call).then(
      () => false,
      reason => isOver(reason),
    );
  }

  /**
   * Whether the grant can be ended by itself (Grant Management section 6.4).
   *
   * @throws {@link ValidationError} `grant_management` where it can't, and the tokens can't be revoked either.
   */
  async #isManaged(record: LinkRecord, call: Call, { server }: Registration): Promise<boolean> {
    const { metadata } = await server.discovered(call);
    const managed = mtlsEndpoint(metadata, "grant_management_endpoint");
    return (managed !== undefined && record.grantId !== undefined) || metadata.mtls.revocation_endpoint === undefined;
  }

  /**
   * Keeps when the grant ends, for `links.expiring()`, where the customer has not allowed the link anew since it was asked.
   * What can't be kept now is asked for again.
   */
  async #remember<Status extends GrantStatus>(
    status: Status,
    asked: LinkRecord,
    registration: Registration,
  ): Promise<Status> {
    const { expiresAt } = status;
    const grantExpiresAt = expiresAt === null || expiresAt === undefined ? null : fromJst(expiresAt);
    await this.#change(registration, record => {
      const same = record.grantExpiresAt === grantExpiresAt || record.grantedAt !== asked.grantedAt;
      return same || grantExpiresAt === undefined ? record : { ...record, grantExpiresAt };
    }).catch(() => {});
    return status;
  }

  /** Changes the link, also over what was changed meanwhile. */
  async #change(
    { configuration, access }: Registration,
    change: (record: LinkRecord) => LinkRecord,
  ): Promise<LinkRecord> {
    for (;;) {
      const { record, version } = await readOwnLink(this.#store, this.#linkId, configuration);
      const changed = change(record);
      if (changed === record) return record;
      const written = await writeLink(this.#store, changed, version);
      if (written === undefined) continue;
      access.learn(written.record);
      return written.record;
    }
  }

  /** Where the grant is asked after, and the link as it is then. */
  async #at(
    path: "grant" | "grantExtensions",
    call: Call,
    { configuration, server }: Registration,
  ): Promise<{ readonly endpoint: Endpoint; readonly record: LinkRecord }> {
    const { record } = await readOwnLink(this.#store, this.#linkId, configuration);
    if (record.status === "released") {
      throw new LinkError("link_released", record.id, "The link was released. Link the account again to use it.");
    }
    const { metadata } = await server.discovered(call);
    const base = mtlsEndpoint(metadata, "grant_management_endpoint");
    if (base === undefined || record.grantId === undefined) {
      const missing = base === undefined ? "announces no grant_management_endpoint" : "gave the link no grant_id";
      throw new ValidationError("grant_management", `The bank ${missing}: its grant can't be managed here.`);
    }
    return { endpoint: endpointAt(base, configuration.contract.paths[path], { grantId: record.grantId }), record };
  }
}

/** Whether the grant can't be ended by itself: the API takes the link's tokens no more, or manages no grants here. */
function isUnmanageable(error: unknown): boolean {
  if (error instanceof ValidationError) return UNMANAGED.includes(error.check);
  return error instanceof LinkError && (error.code === "reauthorization_required" || error.code === "grant_suspended");
}

const UNMANAGED: readonly string[] = ["grant_management", "mtls_endpoint_aliases"];

/** Whether the link is released, or the bank has said that its grant or its refresh token is over (`invalid_grant`). */
function isOver(error: unknown): boolean {
  if (!(error instanceof LinkError)) return false;
  return OVER.includes(error.code) || error.cause instanceof OAuthError;
}

const OVER: readonly LinkError["code"][] = ["link_released", "grant_expired", "grant_revoked"];
