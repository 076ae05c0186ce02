/**
 * What a careful partner would write with openid-client and undici, instead of using the SDK.
 *
 * It makes the checks that the profile asks for, discovers the bank once, and keeps an authorization that was begun until
 * it is completed. It leaves out what the SDK does besides: limits on the size of answers, errors that explain themselves,
 * refreshes by one of many processes, certificates that change.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { type CryptoKey, importJWK } from "jose";
import type { SandboxClient } from "minna-baas/sandbox";
import * as openid from "openid-client";
import { Agent, fetch, type RequestInit } from "undici";

const SCOPE = "openid offline_access grant_management_query grant_management_revoke balance";

/** What is kept between the redirect and the callback. */
interface Begun extends openid.AuthorizationCodeGrantChecks {
  readonly customerId: string;
}

/** What is kept of a linked account. */
export interface Linked {
  readonly customerId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly subject: string;
  readonly grantId: unknown;
}

export class HandWrittenPartner {
  readonly #client: SandboxClient;
  readonly #agent: Agent;
  readonly #begun = new Map<string, Begun>();
  readonly #links = new Map<string, Linked>();
  readonly #configuration: Promise<openid.Configuration>;
  readonly #key: Promise<openid.PrivateKey | undefined>;

  constructor(client: SandboxClient) {
    this.#client = client;
    this.#agent = new Agent({ connect: { ...client.certificate }, connections: 64 });
    this.#configuration = this.#discover();
    this.#key = this.#importKey();
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  /** Pushes the authorization request; where to send the customer, and what their cookie holds. */
  async begin(customerId: string): Promise<{ authorizationUrl: string; transaction: string }> {
    const { profile, redirectUri } = this.#client;
    const [configuration, key] = await Promise.all([this.#configuration, this.#key]);
    const begun: Begun = {
      customerId,
      pkceCodeVerifier: openid.randomPKCECodeVerifier(),
      expectedState: openid.randomState(),
      expectedNonce: openid.randomNonce(),
      idTokenExpected: true,
    };
    const parameters = {
      response_type: "code",
      redirect_uri: redirectUri,
      scope: SCOPE,
      state: String(begun.expectedState),
      nonce: String(begun.expectedNonce),
      code_challenge: await openid.calculatePKCECodeChallenge(String(begun.pkceCodeVerifier)),
      code_challenge_method: "S256",
      prompt: "consent",
      grant_management_action: "create",
      ...(profile === "fapi2-security" ? {} : { response_mode: "jwt" }),
    };
    const pushed =
      key === undefined
        ? parameters
        : (await openid.buildAuthorizationUrlWithJAR(configuration, parameters, key)).searchParams;
    const url = await openid.buildAuthorizationUrlWithPAR(configuration, pushed);
    const transaction = randomBytes(32).toString("base64url");
    this.#begun.set(transaction, begun);
    return { authorizationUrl: url.href, transaction };
  }

  /** Verifies the response, exchanges its code, and verifies the ID Token. */
  async complete(callback: string, transaction: string): Promise<string> {
    const begun = this.#begun.get(transaction);
    if (begun === undefined) throw new Error("there is no such transaction");
    // Spent, whatever comes of it.
    this.#begun.delete(transaction);
    const tokens = await openid.authorizationCodeGrant(await this.#configuration, new URL(callback), begun);
    const claims = tokens.claims();
    if (tokens.token_type !== "bearer" || claims === undefined) throw new Error("the tokens are of another kind");
    checkAge(claims.iat);
    checkHash(claims["at_hash"], tokens.access_token);
    const id = randomUUID();
    this.#links.set(id, linkOf(begun.customerId, tokens, claims.sub));
    return id;
  }

  /** Refreshes the tokens of a link. */
  async refresh(id: string): Promise<Linked> {
    const link = this.#links.get(id);
    if (link === undefined) throw new Error("there is no such link");
    const tokens = await openid.refreshTokenGrant(await this.#configuration, link.refreshToken);
    const claims = tokens.claims();
    if (claims !== undefined && claims.sub !== link.subject) throw new Error("the tokens are another customer's");
    if (claims !== undefined) {
      checkAge(claims.iat);
      checkHash(claims["at_hash"], tokens.access_token);
    }
    const refreshed = { ...linkOf(link.customerId, tokens, link.subject), refreshToken: link.refreshToken };
    if (tokens.refresh_token !== undefined) refreshed.refreshToken = tokens.refresh_token;
    this.#links.set(id, refreshed);
    return refreshed;
  }

  /** Asks the API something. */
  async get(path: string, { accessToken }: Linked): Promise<unknown> {
    const url = new URL(`${this.#client.api.baseUrl}${path}`);
    const configuration = await this.#configuration;
    const response = await openid.fetchProtectedResource(configuration, accessToken, url, "GET");
    if (response.status !== 200) throw new Error(`the bank answered with ${response.status}`);
    return response.json();
  }

  async #discover(): Promise<openid.Configuration> {
    const { issuer, clientId, profile } = this.#client;
    const alg = profile === "fapi1-advanced" ? "PS256" : "ES256";
    const metadata = {
      id_token_signed_response_alg: alg,
      authorization_signed_response_alg: alg,
      use_mtls_endpoint_aliases: true,
    };
    const execute = [openid.enableNonRepudiationChecks];
    if (profile !== "fapi2-security") execute.push(openid.useJwtResponseMode);
    return openid.discovery(new URL(issuer), clientId, metadata, openid.TlsClientAuth(), {
      execute,
      [openid.customFetch]: (url, options) => this.#fetch(url, options),
    });
  }

  async #importKey(): Promise<openid.PrivateKey | undefined> {
    if (!("signing" in this.#client)) return undefined;
    const { key, alg, kid } = this.#client.signing;
    return { key: (await importJWK(key, alg)) as CryptoKey, kid };
  }

  /** With the certificate, and an id by which the bank's support finds the request. */
  async #fetch(url: string, options: openid.CustomFetchOptions): Promise<Response> {
    const headers = { ...options.headers, "x-fapi-interaction-id": randomUUID() };
    const init = { ...options, headers, dispatcher: this.#agent } as unknown as RequestInit;
    return (await fetch(url, init)) as unknown as Response;
  }
}

function linkOf(customerId: string, tokens: openid.TokenEndpointResponse, subject: string): Linked {
  return {
    customerId,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? "",
    subject,
    grantId: tokens["grant_id"],
  };
}

/** OIDC Core 3.1.3.7 (10): issued now. */
function checkAge(issuedAt: number): void {
  const age = Date.now() / 1000 - issuedAt;
  if (age < -30 || age > 3600) throw new Error("the ID Token was not issued just now");
}

/** OIDC Core 3.1.3.6, for PS256 and ES256. */
function checkHash(given: unknown, accessToken: string): void {
  if (given === undefined) return;
  const expected = createHash("sha256").update(accessToken).digest().subarray(0, 16).toString("base64url");
  if (given !== expected) throw new Error("the ID Token belongs to another access token");
}
