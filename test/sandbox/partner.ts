/**
 * A partner for the tests: an independent relying party made of openid-client, jose and undici.
 *
 * @module
 */
import { createHash, randomUUID } from "node:crypto";
import { type CryptoKey, importJWK, type JWK } from "jose";
import * as oidc from "openid-client";
import { Agent, type Dispatcher, request } from "undici";
import type { Sandbox, SandboxClient, SandboxProfile } from "../../src/sandbox/index.js";

export const SCOPE =
  "openid offline_access balance transactions deposits identity debit grant_management_query grant_management_revoke";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** What came of an authorization. */
export interface Tokens {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly grant_id: string;
  readonly scope: string;
  readonly claims: oidc.IDToken | undefined;
}

export interface Begun {
  readonly url: URL;
  readonly checks: oidc.AuthorizationCodeGrantChecks;
}

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into JSON of every shape.
  readonly json: any;
}

export interface CallOptions {
  readonly method?: Dispatcher.HttpMethod;
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly form?: Record<string, string>;
  readonly body?: string;
}

/** A partner with a certificate, who talks to the sandbox as a stranger would. */
export class Partner {
  readonly client: SandboxClient;
  readonly #sandbox: Sandbox;
  readonly #dispatcher: Agent;
  #configuration: oidc.Configuration | undefined;

  constructor(sandbox: Sandbox, profile: SandboxProfile, certificate?: Certificate | "none") {
    this.#sandbox = sandbox;
    this.client = sandbox.client(profile);
    const identity = certificate === "none" ? {} : (certificate ?? this.client.certificate);
    this.#dispatcher = new Agent({ connect: { ca: sandbox.ca, cert: undefined, key: undefined, ...identity } });
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async configuration(): Promise<oidc.Configuration> {
    this.#configuration ??= await this.#discover();
    return this.#configuration;
  }

  /** Builds the authorization URL; pushed, signed or both as the profile has it. */
  async begin(
    parameters: Record<string, string> = {},
    byValue = false,
    ownKey?: { readonly key: JWK; readonly alg: string; readonly kid: string },
  ): Promise<Begun> {
    const config = await this.configuration();
    const verifier = oidc.randomPKCECodeVerifier();
    const checks = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() };
    const request: Record<string, string> = {
      redirect_uri: this.client.redirectUri,
      scope: SCOPE,
      prompt: "consent",
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      response_type: "code",
      ...(this.client.profile === "fapi2-security" ? {} : { response_mode: "jwt" }),
      ...parameters,
    };
    if (this.client.profile === "fapi2-security") {
      return { url: await oidc.buildAuthorizationUrlWithPAR(config, request), checks };
    }
    const { key, alg, kid } = ownKey ?? this.client.signing;
    const privateKey = { key: (await importJWK(key as JWK, alg)) as CryptoKey, kid };
    const signed = await oidc.buildAuthorizationUrlWithJAR(config, request, privateKey);
    if (byValue) {
      // OpenID Connect asks for these outside too.
      signed.searchParams.set("response_type", "code");
      signed.searchParams.set("scope", request["scope"] ?? "openid");
      return { url: signed, checks };
    }
    return { url: await oidc.buildAuthorizationUrlWithPAR(config, signed.searchParams), checks };
  }

  /** Exchanges the code of a callback for tokens, with every check that openid-client makes. */
  async complete(callback: string, checks: oidc.AuthorizationCodeGrantChecks): Promise<Tokens> {
    const result = await oidc.authorizationCodeGrant(await this.configuration(), new URL(callback), checks);
    return { ...(result as unknown as Tokens), claims: result.claims() };
  }

  /** From the first redirect to the tokens. */
  async link(
    customer = "hanako",
    parameters: Record<string, string> = {},
    scopes?: readonly string[],
  ): Promise<Tokens> {
    const { url, checks } = await this.begin(parameters);
    const choice = scopes === undefined ? { customer } : { customer, scopes };
    return this.complete(await this.#sandbox.approve(url, choice), checks);
  }

  async refresh(refreshToken: string): Promise<Tokens> {
    const result = await oidc.refreshTokenGrant(await this.configuration(), refreshToken);
    return { ...(result as unknown as Tokens), claims: result.claims() };
  }

  /** One HTTP exchange over this partner's connection. A path is the API's. */
  async call(target: string, options: CallOptions = {}): Promise<Reply> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.token !== undefined) headers["authorization"] = `Bearer ${options.token}`;
    let body: string | null = options.body ?? null;
    if (options.json !== undefined) {
      headers["content-type"] = "application/json";
      body = JSON.stringify(options.json);
    } else if (options.form !== undefined) {
      headers["content-type"] = "application/x-www-form-urlencoded";
      body = new URLSearchParams(options.form).toString();
    }
    const url = target.startsWith("https:") ? target : `${this.#sandbox.apiBaseUrl}${target}`;
    const method = options.method ?? (body === null ? "GET" : "POST");
    const response = await request(url, { dispatcher: this.#dispatcher, method, headers, body });
    const text = await response.body.text();
    const type = String(response.headers["content-type"] ?? "");
    return { status: response.statusCode, headers: response.headers, text, json: parse(text, type) };
  }

  /** A direct debit with a key of its own. */
  async debit(token: string, body: Record<string, unknown> = {}, key: string = randomUUID()): Promise<Reply> {
    const json = {
      partnerTransactionId: randomUUID(),
      amount: 1200,
      currencyCode: "JPY",
      description: "ﾎﾝ",
      kind: "per_purchase",
    };
    return this.call("/direct-debits", { token, headers: { "x-idempotency-key": key }, json: { ...json, ...body } });
  }

  async #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, profile } = this.client;
    const alg = profile === "fapi1-advanced" ? "PS256" : "ES256";
    const metadata = {
      id_token_signed_response_alg: alg,
      authorization_signed_response_alg: alg,
      use_mtls_endpoint_aliases: true,
    };
    const execute = [oidc.enableNonRepudiationChecks];
    if (profile !== "fapi2-security") execute.push(oidc.useJwtResponseMode);
    return oidc.discovery(new URL(issuer), clientId, metadata, oidc.TlsClientAuth(), {
      execute,
      [oidc.customFetch]: (url, options) => this.#fetch(url, options),
    });
  }

  async #fetch(url: string, options: oidc.CustomFetchOptions): Promise<Response> {
    const body = options.body === undefined || options.body === null ? null : String(options.body);
    const {
      statusCode,
      headers,
      body: stream,
    } = await request(url, {
      dispatcher: this.#dispatcher,
      method: options.method as Dispatcher.HttpMethod,
      headers: options.headers,
      body,
    });
    const text = await stream.text();
    const flat = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
    return new Response(statusCode === 204 ? null : text, { status: statusCode, headers: flat });
  }
}

/** The `x5t#S256` thumbprint of a PEM certificate. */
export function thumbprint(pem: string): string {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
  return createHash("sha256").update(der).digest("base64url");
}

function parse(text: string, type: string): unknown {
  return /json/.test(type) && text !== "" ? JSON.parse(text) : undefined;
}
