/**
 * The bank's authorization server: its metadata, its keys, and the way to ask it anything.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createRemoteJWKSet, customFetch as joseFetch } from "jose/jwks/remote";
import * as openid from "openid-client";
import type { Configuration } from "../config/configuration.js";
import { MinnaError, OAuthError, TransportError, ValidationError } from "../errors.js";
import { type Call, withCall } from "../transport/call.js";
import { type Answer, type Door, mediaType } from "../transport/door.js";
import { type FetchInit, fetchThrough, toResponse } from "../transport/fetch.js";
import { SingleFlight, untilEnded } from "../transport/single-flight.js";
import { ClientKeys } from "./client-keys.js";
import { checkMetadata, type Metadata } from "./metadata.js";
import { type Asked, refusalOf } from "./refusal.js";

type RemoteKeys = ReturnType<typeof createRemoteJWKSet>;

/** What was discovered: good until it ages. */
export interface Discovered {
  readonly metadata: Metadata;
  /** Absent where the bank announces none, and none are needed. */
  readonly keys: RemoteKeys | undefined;
}

/** What openid-client made of an answer, and the answer. */
export interface Answered<T> {
  readonly value: T;
  readonly answer: Answer;
}

/** What a step of an authorization works with. */
export interface AuthorizationContext {
  readonly configuration: Configuration;
  readonly server: AuthorizationServer;
  readonly call: Call;
}

interface Known extends Discovered {
  readonly openid: openid.Configuration;
  readonly since: number;
}

/** The call that openid-client is working for, and the last answer it was given. */
interface Exchange {
  readonly call: Call;
  readonly asked: Asked;
  answer: Answer | undefined;
}

// openid-client takes neither a signal nor any other thing for a single call: what belongs to one travels here. One for all
// clients: Node never forgets a storage that was used.
const EXCHANGES = new AsyncLocalStorage<Exchange>();
const RETRY_METADATA = 60 * 1000;
const METADATA_AGE = 60 * 60 * 1000;
/** Bytes that the bank's keys may have. */
export const LARGEST_JWKS: number = 256 * 1024;
const JWKS = { endpoint: "jwks", repeatable: true } as const;
const DISCOVERY = { endpoint: "discovery", repeatable: true } as const;

/** Finds out about the bank once for all callers, and again as what it knows ages. */
export class AuthorizationServer {
  /** The client's own keys, with which it talks to the bank. */
  readonly clientKeys: ClientKeys;
  readonly #configuration: Configuration;
  readonly #door: Door;
  readonly #discovering = new SingleFlight<Known>("discovery");
  #known: Known | undefined;

  constructor(configuration: Configuration, door: Door) {
    this.clientKeys = new ClientKeys(configuration);
    this.#configuration = configuration;
    this.#door = door;
  }

  /** The bank's metadata and keys. */
  async discovered(call: Call): Promise<Discovered> {
    return this.#discover(call);
  }

  /**
   * Has the bank's keys at hand, and those that open what it encrypts: before anything is spent whose answer must be
   * verified. Fetching them later could fail when it is too late.
   */
  async warmKeys(call: Call): Promise<void> {
    await this.clientKeys.decryptor(call);
    const { keys } = await this.#discover(call);
    if (keys === undefined || keys.fresh) return;
    await untilEnded(keys.reload(), call, "jwks").catch(error => {
      if (error instanceof MinnaError) throw error;
      throw new ValidationError("key", "The bank's JWKS can't be used.", { interactionId: call.interactionId });
    });
  }

  /**
   * Lets openid-client ask the bank something within this call.
   *
   * @returns what openid-client made of the answer, and the answer itself.
   * @throws only errors of this package: everything openid-client throws is translated.
   */
  async ask<T>(
    asked: Asked,
    call: Call,
    question: (configuration: openid.Configuration) => Promise<T>,
  ): Promise<Answered<T>> {
    const { openid: configuration } = await this.#discover(call);
    const exchange: Exchange = { call, asked, answer: undefined };
    try {
      const value = await EXCHANGES.run(exchange, () => question(configuration));
      // openid-client made it of an answer.
      return { value, answer: exchange.answer as Answer };
    } catch (error) {
      throw refusalOf(error, asked, exchange.answer, call.interactionId);
    }
  }

  async #discover(call: Call): Promise<Known> {
    const known = this.#known;
    if (known !== undefined && Date.now() - known.since < METADATA_AGE) return known;
    try {
      return await this.#discovering.join(DISCOVERY.endpoint, call, () =>
        withCall(undefined, this.#configuration.timeout, own => this.#fetchMetadata(own), call.trail.branch()),
      );
    } catch (error) {
      // An outage must not stop what can go on with what is known; a metadata document that fails a check must.
      const passing = error instanceof TransportError || error instanceof OAuthError;
      if (known === undefined || !passing || call.ended !== undefined) throw error;
      // Not asked again for a while: each call would pay for the attempt.
      this.#known = { ...known, since: Date.now() - METADATA_AGE + RETRY_METADATA };
      return this.#known;
    }
  }

  async #fetchMetadata(call: Call): Promise<Known> {
    const { issuer, clientId, contract } = this.#configuration;
    const exchange: Exchange = { call, asked: DISCOVERY, answer: undefined };
    let found: openid.ServerMetadata;
    const discover = (algorithm: "oidc" | "oauth2") =>
      openid.discovery(new URL(issuer), clientId, undefined, openid.None(), {
        algorithm,
        [openid.customFetch]: (url, init) => this.#fetch("nothing", url, init),
      });
    try {
      const configuration = await EXCHANGES.run(exchange, () =>
        discover("oidc").catch(error => {
          // A bank of plain OAuth 2.0 may have its metadata where RFC 8414 section 3.1 puts it, and only there.
          if (contract.scopes.openid === null && exchange.answer?.status === 404) return discover("oauth2");
          throw error;
        }),
      );
      found = configuration.serverMetadata();
    } catch (error) {
      throw refusalOf(error, exchange.asked, exchange.answer, call.interactionId);
    }
    const metadata = checkMetadata(found, this.#configuration);
    this.#known = Object.freeze({
      metadata,
      keys: metadata.jwksUri === undefined ? undefined : this.#keys(metadata.jwksUri),
      openid: this.#harden(metadata),
      since: Date.now(),
    });
    return this.#known;
  }

  /**
   * What openid-client gets to see of the bank: nothing that it would decide more laxly than this client.
   *
   * Endpoints are the mTLS ones only. JWTs are verified in one place, `jwt.ts`, and not by openid-client.
   */
  #harden(metadata: Metadata): openid.Configuration {
    const configuration = new openid.Configuration(
      {
        ...metadata.mtls,
        issuer: metadata.issuer,
        authorization_endpoint: metadata.authorizationEndpoint,
      },
      this.#configuration.clientId,
      undefined,
      openid.TlsClientAuth(),
    );
    // The call's deadline rules, not a timer of openid-client's.
    configuration.timeout = 0;
    configuration[openid.customFetch] = (url, init) => this.#fetch("client-certificate", url, init);
    return configuration;
  }

  /** The bank's keys: fetched once for all who wait, kept for ten minutes, fetched again for an unknown `kid`. */
  #keys(jwksUri: string): RemoteKeys {
    return createRemoteJWKSet(new URL(jwksUri), {
      timeoutDuration: this.#configuration.timeout,
      [joseFetch]: (url, init) =>
        // A fetch of its own, not the first caller's: others wait for it too. No certificate: any host may be named here.
        withCall(undefined, this.#configuration.timeout, async call => {
          const answer = await fetchThrough(this.#door, call, "nothing", url, init);
          if (answer.status >= 400) throw refusalOf(undefined, JWKS, answer, call.interactionId);
          if (answer.body.length > LARGEST_JWKS) {
            throw new ValidationError("size", `The bank's JWKS is larger than ${LARGEST_JWKS} bytes.`);
          }
          return toResponse(answer);
        }),
    });
  }

  async #fetch(presents: "client-certificate" | "nothing", url: string, init: FetchInit): Promise<Response> {
    const exchange = EXCHANGES.getStore();
    if (exchange === undefined) throw new Error("openid-client was used outside of ask()");
    const { accept } = exchange.asked;
    const headers = {
      ...Object.fromEntries(new Headers(init.headers)),
      ...(accept === undefined ? {} : { accept }),
      // The bank's support finds a call by it, also at the authorization server.
      [this.#configuration.contract.headers.interactionId]: exchange.call.interactionId,
    };
    exchange.answer = await fetchThrough(this.#door, exchange.call, presents, url, { ...init, headers });
    exchange.asked.seen?.(exchange.answer);
    return toResponse(withoutJwts(exchange.answer));
  }
}

/**
 * openid-client would check the claims of an ID Token before its signature, and of an introspection response without it:
 * it does not get to see either. `ask()` returns the whole answer beside what openid-client made of it.
 */
function withoutJwts(answer: Answer): Answer {
  if (mediaType(answer) === "application/token-introspection+jwt") {
    return { ...answer, headers: {}, body: JSON.stringify({ active: false }) };
  }
  try {
    const { id_token: _, ...rest } = JSON.parse(answer.body);
    return { ...answer, body: JSON.stringify(rest) };
  } catch {
    return answer;
  }
}
