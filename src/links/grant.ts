/**
 * The grant behind a link (認可): 状態の確認, 期限延長, 解除.
 *
 * @module
 */
import { z } from "zod";
import { type Introspection, introspectToken } from "../authorization/introspection.js";
import { revokeTokens } from "../authorization/revocation.js";
import type { AuthorizationServer } from "../authorization/server.js";
import type { TokenSet } from "../authorization/tokens.js";
import type { Configuration } from "../config/configuration.js";
import { endOfJstDate, isJstDate, type JstDate, type JstDateTime, toJst } from "../config/jst.js";
import { ApiError, ArgumentError, LinkError, OAuthError, ValidationError } from "../errors.js";
import { type Call, type CallOptions, withCall } from "../transport/call.js";
import type { Access } from "./access.js";
import { decode, type WithInteractionId } from "./decode.js";
import { infoOf, type LinkInfo, type LinkRecord, readOwnLink, writeLink } from "./record.js";
import { type Resources, resourceUrl } from "./resource.js";
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

const grantStatus: z.ZodType<GrantStatus> = z.object({
  status: z.string(),
  scopes: z.array(z.object({ scope: z.string() })),
  createdAt: z.string().nullish(),
  expiresAt: z.string().nullish(),
  lastUpdatedAt: z.string().nullish(),
});

/** What a grant needs of the house. */
export interface GrantRooms {
  readonly configuration: Configuration;
  readonly server: AuthorizationServer;
  readonly access: Access;
  readonly resources: Resources;
  readonly store: Store;
}

/** Asks after, extends and releases the grant of one link. */
export class Grant {
  readonly #linkId: string;
  readonly #rooms: GrantRooms;

  /** @internal */
  constructor(linkId: string, rooms: GrantRooms) {
    this.#linkId = linkId;
    this.#rooms = rooms;
  }

  /**
   * Asks the bank for the state of the grant (状態の確認).
   *
   * @throws {@link LinkError} when the link is released or needs the customer again; {@link ApiError} when the bank refuses.
   */
  async status(options?: CallOptions): Promise<WithInteractionId<GrantStatus>> {
    return withCall(options, this.#rooms.configuration.timeout, async call => {
      const url = await this.#url("grant", call);
      const answer = await this.#rooms.resources.call(this.#linkId, { method: "GET", url }, call);
      return decode(grantStatus, answer, "grant", call);
    });
  }

  /**
   * Asks the bank to keep the grant longer (期限延長).
   *
   * @param extension - `until`: the last day on which the grant is to hold, in Japan.
   * @throws {@link ArgumentError} when `until` is no date of the calendar.
   */
  async extend(extension: { readonly until: JstDate }, options?: CallOptions): Promise<WithInteractionId<GrantStatus>> {
    if (!isJstDate(extension?.until))
      throw new ArgumentError("until", "until must be a date of the calendar, YYYY-MM-DD.");
    return withCall(options, this.#rooms.configuration.timeout, async call => {
      const url = await this.#url("grantExtensions", call);
      const body = { expiresAt: toJst(endOfJstDate(extension.until)) };
      const answer = await this.#rooms.resources.call(this.#linkId, { method: "POST", url, body }, call);
      return decode(grantStatus, answer, "grant", call, "possible");
    });
  }

  /**
   * Releases the grant at the bank (解除), and with it the link: no call can be made with it afterwards.
   *
   * Its tokens, which the release has ended, are revoked besides where the bank offers it. Releasing a released link does
   * nothing. Where the bank can't be reached the link stays as it was; where it accepts the link's tokens no more, there is
   * nothing left to release.
   */
  async revoke(options?: CallOptions): Promise<WithInteractionId<LinkInfo>> {
    const { configuration, server, resources, store } = this.#rooms;
    return withCall(options, configuration.timeout, async call => {
      const { record } = await readOwnLink(store, this.#linkId, configuration);
      const { interactionId } = call;
      if (record.status === "released") return Object.freeze({ ...infoOf(record), interactionId });
      try {
        await resources.call(this.#linkId, { method: "DELETE", url: await this.#url("grant", call) }, call);
      } catch (error) {
        if (!(await this.#isGone(error, record, call))) throw error;
      }
      const { record: released, tokens } = await this.#release();
      // A bank that ended the grant and not its tokens would leave something usable behind. Failing to ask changes nothing.
      if (tokens !== undefined) await revokeTokens(tokens, { configuration, server, call }).catch(() => {});
      return Object.freeze({ ...infoOf(released), interactionId });
    });
  }

  /**
   * Asks the authorization server whether the link's access token can be used (RFC 7662); `undefined` where the bank does
   * not offer to be asked. A call of the API tells the same.
   */
  async introspect(options?: CallOptions): Promise<Introspection | undefined> {
    const { configuration, server, access } = this.#rooms;
    return withCall(options, configuration.timeout, async call => {
      const { accessToken } = await access.use(this.#linkId, call);
      return introspectToken(accessToken, { configuration, server, call });
    });
  }

  /**
   * Whether the grant is gone already, which is what was asked for: as after a release whose answer was lost, or when the
   * customer released it at the bank. A 404 or 403 alone may be a gateway's: the bank's word is that the refresh token is
   * over.
   */
  async #isGone(error: unknown, { id, tokens }: LinkRecord, call: Call): Promise<boolean> {
    if (isOver(error)) return true;
    if (!(error instanceof ApiError && (error.code === "not_found" || error.code === "forbidden"))) return false;
    if (tokens === undefined) return true;
    return this.#rooms.access.renew(id, tokens.accessToken, call).then(
      () => false,
      reason => isOver(reason),
    );
  }

  /** Marks the link as released, and returns the tokens that it had. */
  async #release(): Promise<{ readonly record: LinkRecord; readonly tokens: TokenSet | undefined }> {
    const { configuration, store, access } = this.#rooms;
    for (;;) {
      const { record, version } = await readOwnLink(store, this.#linkId, configuration);
      const { tokens, ...rest } = record;
      const written = await writeLink(store, { ...rest, status: "released" }, version);
      if (written === undefined) continue;
      access.learn(written.record);
      return { record: written.record, tokens };
    }
  }

  async #url(path: "grant" | "grantExtensions", call: Call): Promise<URL> {
    const { configuration, server, store } = this.#rooms;
    const { record } = await readOwnLink(store, this.#linkId, configuration);
    if (record.status === "released") {
      throw new LinkError("link_released", record.id, "The link was released. Link the account again to use it.");
    }
    const { metadata } = await server.discovered(call);
    const endpoint = metadata.mtls.grant_management_endpoint;
    if (endpoint === undefined || record.grantId === undefined) {
      const missing = endpoint === undefined ? "announces no grant_management_endpoint" : "gave the link no grant_id";
      throw new ValidationError("grant_management", `The bank ${missing}: its grant can't be managed here.`);
    }
    return resourceUrl(endpoint, configuration.contract.paths[path], { grantId: record.grantId });
  }
}

/** Whether the link is released, or the bank has said that its refresh token is over (`invalid_grant`). */
function isOver(error: unknown): boolean {
  return error instanceof LinkError && (error.code === "link_released" || error.cause instanceof OAuthError);
}
