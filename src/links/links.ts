/**
 * 口座連携: from the customer's wish to a link that can be used.
 *
 * @module
 */
import type { Subject } from "../authorization/id-token.js";
import { startAuthorization } from "../authorization/request.js";
import { type Callback, readCallback, verifyResponse } from "../authorization/response.js";
import { exchangeCode } from "../authorization/tokens.js";
import type { Configuration } from "../config/configuration.js";
import { isSameClient } from "../config/configurations.js";
import { COMPANION_SCOPES, SCOPES, type Scope } from "../config/contract.js";
import { fromJst } from "../config/jst.js";
import { ArgumentError, LinkError, OAuthError } from "../errors.js";
import type { CallOptions } from "../transport/call.js";
import type { Calls } from "../transport/calls.js";
import type { WithInteractionId } from "./decode.js";
import { type ExpiringLink, expiringLinks, type GrantEnd } from "./expiring.js";
import { newLinkId } from "./former.js";
import { Grant } from "./grant.js";
import { countLinks, type MigrationReport } from "./migration.js";
import { persist } from "./persist.js";
import {
  findLinks,
  infoOf,
  type LinkInfo,
  type LinkRecord,
  readLink,
  removeLink,
  withTokens,
  writeLink,
} from "./record.js";
import type { Registrations } from "./registrations.js";
import { readRenewable, renewLink } from "./renewal.js";
import type { Store } from "./store.js";
import {
  notOurs,
  notTheirs,
  openTransaction,
  peekTransaction,
  spendTransaction,
  TRANSACTION_LIFETIME,
} from "./transaction.js";

const DAY = 24 * 60 * 60 * 1000;
/** A hundred years: what is further away is no date that a store could keep. */
const MOST_DAYS = 36_500;

/** Whom to link, and for what. */
export interface BeginLink {
  /** The partner's own id of the customer, 1 to 255 characters, none of them a control character. It stays with the partner: the bank is not told. */
  readonly customerId: string;
  /** What the customer is asked to allow. */
  readonly scopes: readonly Scope[];
  /**
   * A link to renew, of the same customer: what it may do already is asked for again, its grant is merged with the new
   * one where the bank manages grants, and its id stays. To extend a grant, or to use a link that needs its customer again.
   */
  readonly link?: string;
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
  readonly #registrations: Registrations;
  readonly #store: Store;
  readonly #calls: Calls;

  /** @internal */
  constructor(registrations: Registrations, store: Store, calls: Calls) {
    this.#registrations = registrations;
    this.#store = store;
    this.#calls = calls;
  }

  /**
   * Starts linking a customer's account: prepares the authorization and returns where to send the customer.
   *
   * @throws {@link ArgumentError} for a missing `customerId` or an unknown scope; {@link LinkError} when the `link` to renew
   * is unknown, released or another customer's; {@link OAuthError} when the bank refuses the request;
   * {@link TransportError} when it can't be reached.
   */
  async begin(wish: BeginLink, options?: CallOptions): Promise<BegunLink> {
    const { customerId, scopes: wanted, link: linkId } = wish ?? {};
    if (!isCustomerId(customerId)) {
      const rule = "1 to 255 characters, none of them a control character";
      throw new ArgumentError("customerId", `customerId must be the partner's own id of the customer, ${rule}.`);
    }
    const asked = checkScopes(wanted);
    return this.#calls.run("links.begin", options, async call => {
      const registration = this.#registrations.forCustomer(customerId);
      const { configuration } = registration;
      const renewed =
        linkId === undefined ? undefined : await readRenewable(this.#store, linkId, customerId, this.#registrations);
      const scopes = SCOPES.filter(scope => asked.includes(scope) || renewed?.record.scopes.includes(scope));
      const wireScopes = wireNames(scopes, configuration);
      const context = { ...registration, call };
      // A grant of another registration can't be merged with.
      const mergeInto =
        renewed !== undefined && isSameClient(configuration, renewed.registration.configuration)
          ? renewed.record.grantId
          : undefined;
      let merges = mergeInto !== undefined;
      const started = await startAuthorization({ scopes: wireScopes, mergeInto }, context).catch(error => {
        // The grant is over: there is nothing to merge with. Whose account it is, is compared all the same.
        if (!(merges && error instanceof OAuthError && error.code === "invalid_grant_id")) throw error;
        merges = false;
        return startAuthorization({ scopes: wireScopes }, context);
      });
      const { authorizationUrl, expiresIn: authorizationUrlExpiresIn, secrets } = started;
      const { issuer, clientId, profile } = configuration;
      const transaction = await openTransaction(this.#store, {
        customerId,
        scopes,
        wireScopes,
        secrets,
        issuer,
        clientId,
        profile,
        ...(linkId === undefined ? {} : { linkId, merges }),
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
   * Give it the `customerId` of who is logged in: an authorization that somebody else began is refused then, before anything
   * is spent. Without it the partner still has to compare the link's `customerId` with them.
   *
   * @param callback - The request's URL, its path with the query, the `Request`, or the parameters. Only the query is read.
   * @param browser - `transaction`: the value of the cookie that was set at `links.begin()`. `customerId`: who is logged in now, where known.
   * @throws {@link ValidationError} when the callback is no authentic answer to this browser's request: nothing was asked
   * of the bank's token endpoint. {@link AuthorizationError} when the customer declined.
   */
  async complete(
    callback: Callback,
    browser: { readonly transaction: string | undefined; readonly customerId?: string },
    options?: CallOptions,
  ): Promise<WithInteractionId<LinkInfo>> {
    const parameters = readCallback(callback);
    return this.#calls.run("links.complete", options, async call => {
      const transaction = browser?.transaction;
      const begun = await peekTransaction(this.#store, transaction);
      const { customerId, scopes, wireScopes, secrets, linkId, merges = false } = begun;
      // RFC 9700 section 4.7: an attacker may have planted their own attempt in this browser. Who asks, and has nobody, means it.
      if ("customerId" in browser && browser.customerId !== customerId) throw notTheirs();
      const registration = this.#registrations.of(begun);
      if (registration === undefined) throw notOurs();
      const { configuration, door, access } = registration;
      const context = { ...registration, call };
      const response = await verifyResponse(parameters, secrets.state, context);
      if (secrets.nonce !== undefined) await context.server.warmKeys(call);
      // The certificate must be there before anything is spent.
      await door.thumbprint(call);
      // Only an authentic answer spends the transaction; then nothing brings it back.
      const exchange = async (subject?: Subject) => {
        await spendTransaction(this.#store, transaction as string);
        if ("error" in response) throw response.error;
        return exchangeCode(response.code, secrets, wireScopes, context, subject);
      };
      if (linkId !== undefined) {
        const renewal = { linkId, customerId, scopes, merges };
        const renewed = await renewLink(this.#store, renewal, this.#registrations, context, exchange);
        access.learn(renewed);
        return Object.freeze({ ...infoOf(renewed), interactionId: call.interactionId });
      }
      const tokens = await exchange();
      const now = Date.now();
      const wished: LinkRecord = {
        id: newLinkId(),
        customerId,
        status: "active",
        scopes,
        refusedScopes: [],
        profile: configuration.profile,
        issuer: configuration.issuer,
        clientId: configuration.clientId,
        thumbprint: tokens.thumbprint,
        createdAt: now,
        grantedAt: now,
      };
      const record = withTokens(wished, tokens, configuration);
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
   * Lists links, in the order of their ids: those of a customer, or all that are active. The bank is not asked.
   *
   * @param filter - `customerId`: the partner's own id of a customer, whose released links are listed, too.
   */
  async *list(filter: { readonly customerId?: string } = {}): AsyncGenerator<LinkInfo, void, undefined> {
    const { customerId } = filter ?? {};
    const label =
      customerId === undefined
        ? ({ label: "link", value: "active" } as const)
        : ({ label: "customer", value: customerId } as const);
    for await (const record of findLinks(this.#store, label)) {
      // What an entry is found by is not sealed; what it says of its customer may be.
      const asked = customerId === undefined || record.customerId === customerId;
      if (asked && this.#registrations.of(record) !== undefined) yield infoOf(record);
    }
  }

  /**
   * Lists the active links whose grants end within so many days, or have ended: to ask their customers in time. Those whose
   * end is known come first, the first to end first. After the others the bank is asked; where it does not answer, or says
   * that the customer released the grant, the link is passed over.
   *
   * @param soon - `within`: days.
   * @throws {@link ArgumentError} when `within` is no positive number.
   */
  async *expiring(
    soon: { readonly within: number },
    options?: CallOptions,
  ): AsyncGenerator<ExpiringLink, void, undefined> {
    const { within } = soon ?? {};
    if (typeof within !== "number" || !(within > 0 && within <= MOST_DAYS)) {
      throw new ArgumentError("within", `within must be a number of days, at most ${MOST_DAYS}.`);
    }
    const until = Date.now() + within * DAY;
    yield* expiringLinks(until, this.#registrations, this.#store, id => this.#askForEnd(id, options));
  }

  /**
   * Counts the active links of each configuration: how many are left of the `previous` ones, what of them is kept for debits,
   * and until when they hold. A `previous` one can go when both are 0. The bank is not asked. It reads every link: for a
   * report, not for a page.
   */
  async migration(): Promise<MigrationReport> {
    return this.#calls.track(() => countLinks(this.#registrations, this.#store));
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
    await this.#grant(id).end(options);
    await removeLink(this.#store, id);
    for (const { access } of this.#registrations.all) access.forget(id);
  }

  #grant(id: string): Grant {
    return new Grant(id, this.#registrations, this.#store);
  }

  async #askForEnd(id: string, options: CallOptions | undefined): Promise<GrantEnd> {
    try {
      const { expiresAt } = await this.#grant(id).status(options);
      return expiresAt ? fromJst(expiresAt) : undefined;
    } catch (error) {
      if (options?.signal?.aborted || this.#calls.closed) throw error;
      return error instanceof LinkError && error.code === "grant_expired" ? "ended" : undefined;
    }
  }
}

/** Scope strings, as on the wire. */
function wireNames(scopes: readonly Scope[], { contract }: Configuration): readonly string[] {
  return [...new Set([...COMPANION_SCOPES, ...scopes].flatMap(scope => contract.scopes[scope] ?? []))];
}

/** A database may refuse control characters and lone surrogates, and links are found by it. */
function isCustomerId(value: unknown): value is string {
  return typeof value === "string" && value.length <= 255 && /^[^\p{Cc}\p{Cs}]+$/u.test(value);
}

function checkScopes(value: readonly Scope[] | undefined): readonly Scope[] {
  if (!Array.isArray(value) || value.length === 0 || !value.every(item => SCOPES.includes(item))) {
    throw new ArgumentError("scopes", `scopes must be a list of at least one of ${SCOPES.join(", ")}.`);
  }
  return [...new Set(value)];
}
