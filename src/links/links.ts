/**
 * 口座連携: from the customer's wish to a link that can be used.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { startAuthorization } from "../authorization/request.js";
import { type Callback, readCallback, verifyResponse } from "../authorization/response.js";
import type { AuthorizationContext } from "../authorization/server.js";
import { exchangeCode } from "../authorization/tokens.js";
import type { Configuration } from "../config/configuration.js";
import { COMPANION_SCOPES, SCOPES, type Scope } from "../config/contract.js";
import { ArgumentError } from "../errors.js";
import { type CallOptions, withCall } from "../transport/call.js";
import type { Door } from "../transport/door.js";
import type { WithInteractionId } from "./decode.js";
import { Grant, type GrantRooms } from "./grant.js";
import { persist } from "./persist.js";
import { infoOf, type LinkInfo, type LinkRecord, readLink, removeLink, withTokens, writeLink } from "./record.js";
import type { Store } from "./store.js";
import { openTransaction, peekTransaction, spendTransaction, TRANSACTION_LIFETIME } from "./transaction.js";

/** Whom to link, and for what. */
export interface BeginLink {
  /** The partner's own id of the customer, 1 to 255 characters. It stays with the partner: the bank is not told. */
  readonly customerId: string;
  /** What the customer is asked to allow. */
  readonly scopes: readonly Scope[];
}

/** Where to send the customer, and what their browser must bring back. */
export interface BegunLink {
  /** Redirect the browser here. It can be used once, and not for long. */
  readonly authorizationUrl: string;
  /** Set this as an HttpOnly, Secure, SameSite=Lax cookie; hand it to `links.complete()` at the callback. */
  readonly transaction: string;
  /** Seconds after which the transaction is over: the cookie's Max-Age. */
  readonly expiresIn: number;
  /** Seconds within which the browser must get to `authorizationUrl`. After that, begin again. */
  readonly authorizationUrlExpiresIn: number;
  /** The `x-fapi-interaction-id` of the call. */
  readonly interactionId: string;
}

/** Begins, completes and looks up links. */
export class Links {
  readonly #configuration: Configuration;
  readonly #authorization: Omit<AuthorizationContext, "call">;
  readonly #door: Door;
  readonly #store: Store;
  readonly #rooms: GrantRooms;

  /** @internal */
  constructor(door: Door, rooms: GrantRooms) {
    const { configuration, server, store } = rooms;
    this.#configuration = configuration;
    this.#authorization = { configuration, server };
    this.#door = door;
    this.#store = store;
    this.#rooms = rooms;
  }

  /**
   * Starts linking a customer's account: prepares the authorization and returns where to send the customer.
   *
   * @throws {@link ArgumentError} for a missing `customerId` or an unknown scope; {@link OAuthError} when the bank
   * refuses the request; {@link TransportError} when it can't be reached.
   */
  async begin(wish: BeginLink, options?: CallOptions): Promise<BegunLink> {
    const { customerId, scopes: wanted } = wish ?? {};
    if (typeof customerId !== "string" || customerId === "" || customerId.length > 255) {
      throw new ArgumentError(
        "customerId",
        "customerId must be the partner's own id of the customer, 1 to 255 characters.",
      );
    }
    const scopes = checkScopes(wanted);
    const wireScopes = this.#wireScopes(scopes);
    return withCall(options, this.#configuration.timeout, async call => {
      const started = await startAuthorization({ scopes: wireScopes }, { ...this.#authorization, call });
      const { authorizationUrl, expiresIn: authorizationUrlExpiresIn, secrets } = started;
      const transaction = await openTransaction(this.#store, {
        customerId,
        scopes,
        wireScopes,
        secrets,
        issuer: this.#configuration.issuer,
        clientId: this.#configuration.clientId,
      });
      const { interactionId } = call;
      return Object.freeze({
        authorizationUrl,
        authorizationUrlExpiresIn,
        transaction,
        expiresIn: TRANSACTION_LIFETIME,
        interactionId,
      });
    });
  }

  /**
   * Completes a link at the callback: verifies the bank's response, then exchanges its code, once.
   *
   * The partner still has to compare the link's `customerId` with the customer who is logged in.
   *
   * @param callback - The request's URL, its path with the query, the `Request`, or the parameters. Only the query is read.
   * @param browser - `transaction`: the value of the cookie that was set at `links.begin()`.
   * @throws {@link ValidationError} when the callback is no authentic answer to this browser's request: nothing was asked
   * of the bank's token endpoint. {@link AuthorizationError} when the customer declined.
   */
  async complete(
    callback: Callback,
    browser: { readonly transaction: string | undefined },
    options?: CallOptions,
  ): Promise<WithInteractionId<LinkInfo>> {
    const configuration = this.#configuration;
    const parameters = readCallback(callback);
    return withCall(options, configuration.timeout, async call => {
      const context = { ...this.#authorization, call };
      const transaction = browser?.transaction;
      const { customerId, scopes, wireScopes, secrets } = await peekTransaction(
        this.#store,
        transaction,
        configuration,
      );
      const response = await verifyResponse(parameters, secrets.state, context);
      if (secrets.nonce !== undefined) await context.server.warmKeys(call);
      const thumbprint = await this.#door.thumbprint(call);
      // Only an authentic answer spends the transaction; then nothing brings it back.
      await spendTransaction(this.#store, transaction as string);
      if ("error" in response) throw response.error;
      const tokens = await exchangeCode(response.code, secrets, wireScopes, context);
      const wished: LinkRecord = {
        id: `lnk_${randomBytes(18).toString("base64url")}`,
        customerId,
        status: "active",
        scopes,
        refusedScopes: [],
        profile: configuration.profile,
        issuer: configuration.issuer,
        clientId: configuration.clientId,
        thumbprint,
        createdAt: Date.now(),
      };
      const record = withTokens(wished, tokens, thumbprint, configuration);
      await persist(() => writeLink(this.#store, record, 0));
      return Object.freeze({ ...infoOf(record), interactionId: call.interactionId });
    });
  }

  /**
   * Looks a link up in the store. The bank is not asked.
   *
   * @throws {@link LinkError} `link_unknown` when the store has no such link.
   */
  async get(id: string): Promise<LinkInfo> {
    return infoOf((await readLink(this.#store, id)).record);
  }

  /**
   * Ends a link and forgets it, for the partner's own clean-up: a customer who leaves, data that must go.
   *
   * The grant is released at the bank and the tokens are revoked, as far as the bank still accepts them. What is known of
   * the link's debits is kept.
   *
   * @throws {@link LinkError} `link_unknown`; {@link TransportError}, {@link OAuthError} or {@link ApiError} when the bank
   * could not be told: then the link is still there, and the call can be made again.
   */
  async end(id: string, options?: CallOptions): Promise<void> {
    await new Grant(id, this.#rooms).end(options);
    await removeLink(this.#store, id);
    this.#rooms.access.forget(id);
  }

  #wireScopes(scopes: readonly Scope[]): readonly string[] {
    const names = this.#configuration.contract.scopes;
    return [...new Set([...COMPANION_SCOPES, ...scopes].flatMap(scope => names[scope] ?? []))];
  }
}

function checkScopes(value: readonly Scope[] | undefined): readonly Scope[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every(item => SCOPES.includes(item))) {
    throw new ArgumentError("scopes", `scopes must be a list of at least one of ${SCOPES.join(", ")}.`);
  }
  return [...new Set(value)];
}
