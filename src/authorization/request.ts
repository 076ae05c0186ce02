/**
 * The authorization request: parameters, PKCE, and the way they reach the bank.
 *
 * @module
 */
import { createHash } from "node:crypto";
import * as openid from "openid-client";
import type { Configuration } from "../config/configuration.js";
import { ValidationError } from "../errors.js";
import type { Call } from "../transport/call.js";
import { number, object, read } from "../transport/schema.js";
import { REQUEST_OBJECT_LIFETIME, signRequestObject } from "./request-object.js";
import type { AuthorizationContext, AuthorizationServer } from "./server.js";

/** What only the browser that starts an authorization may lead back to. Fresh for each attempt, used once. */
export interface AuthorizationSecrets {
  readonly state: string;
  /** Absent without the scope `openid`: there is no ID Token to bind. */
  readonly nonce?: string;
  readonly codeVerifier: string;
}

/** An authorization that is ready for the customer. */
export interface StartedAuthorization {
  readonly authorizationUrl: string;
  /** Seconds after which the bank no longer takes the URL. */
  readonly expiresIn: number;
  readonly secrets: AuthorizationSecrets;
}

/** What an authorization asks for. */
export interface AuthorizationWish {
  /** Scope strings, as on the wire. */
  readonly scopes: readonly string[];
  /** The grant that what is allowed now is added to (Grant Management section 5.1). */
  readonly mergeInto?: string | undefined;
}

/** P2 5.2.3 (9), OIDC Core section 6.1: what stands outside of the request object too. */
const OUTSIDE = ["client_id", "response_type", "scope"] as const;
type RequestParameters = Readonly<Record<string, string> & Record<(typeof OUTSIDE)[number], string>>;

const REQUEST_URI = /^urn:ietf:params:oauth:request_uri:[\x21-\x7e]+$/;
const pushedAnswer = object<{ readonly expires_in: number }>({ expires_in: number });

/** Prepares an authorization, pushes it where the profile says so, and returns where to send the customer. */
export async function startAuthorization(
  wish: AuthorizationWish,
  { configuration, server, call }: AuthorizationContext,
): Promise<StartedAuthorization> {
  const { metadata } = await server.discovered(call);
  const secrets = freshSecrets(configuration.contract.scopes.openid !== null);
  const parameters = requestParameters(
    wish,
    secrets,
    configuration,
    metadata.mtls.grant_management_endpoint !== undefined,
  );
  const signer = await server.clientKeys.signer(call);
  if (signer === undefined) return { ...(await push(parameters, server, call)), secrets };
  const request = await signRequestObject(parameters, { ...configuration, signer }, call);
  const sent =
    configuration.requestDelivery === "by-value"
      ? byValue(metadata.authorizationEndpoint, request, parameters)
      : await push({ request }, server, call);
  return { ...sent, secrets };
}

function freshSecrets(openidConnect: boolean): AuthorizationSecrets {
  // 32 random bytes each: 43 characters, within the 64 that a bank must accept for a nonce (SP 5.3.3.2).
  const secrets = { state: openid.randomState(), codeVerifier: openid.randomPKCECodeVerifier() };
  return Object.freeze(openidConnect ? { ...secrets, nonce: openid.randomNonce() } : secrets);
}

function requestParameters(
  wish: AuthorizationWish,
  secrets: AuthorizationSecrets,
  configuration: Configuration,
  grantManagement: boolean,
): RequestParameters {
  const { clientId, redirectUri, rules, contract } = configuration;
  return {
    response_type: "code",
    client_id: clientId,
    // SP 5.3.3.2: in the pushed request, and the registered one, never one made from an incoming request.
    redirect_uri: redirectUri,
    scope: wish.scopes.join(" "),
    state: secrets.state,
    ...(secrets.nonce === undefined ? {} : { nonce: secrets.nonce }),
    // SP 5.3.3.2, P2 5.2.3 (15): PKCE with S256, by value too.
    code_challenge: challengeOf(secrets.codeVerifier),
    code_challenge_method: "S256",
    // P2 5.2.3, MS 5.4: the answer is a JWT.
    ...(rules.response === "jwt" ? { response_mode: "jwt" } : {}),
    // OIDC Core section 11: offline access wants to be asked for, each time.
    ...(secrets.nonce !== undefined && contract.scopes.offlineAccess !== null ? { prompt: "consent" } : {}),
    // Grant Management section 5.1: a grant of its own for each link; grant_id only with an existing one.
    ...(grantManagement ? grantAction(wish.mergeInto) : {}),
  };
}

/** RFC 7636 section 4.2. Not openid-client's, which hands 43 bytes to another thread: that costs many times the hash. */
function challengeOf(codeVerifier: string): string {
  return createHash("sha256").update(codeVerifier).digest("base64url");
}

function grantAction(grantId: string | undefined): Readonly<Record<string, string>> {
  return grantId === undefined
    ? { grant_management_action: "create" }
    : { grant_management_action: "merge", grant_id: grantId };
}

function byValue(
  endpoint: string,
  request: string,
  parameters: RequestParameters,
): Omit<StartedAuthorization, "secrets"> {
  const url = new URL(endpoint);
  for (const name of OUTSIDE) url.searchParams.set(name, parameters[name]);
  url.searchParams.set("request", request);
  return { authorizationUrl: url.href, expiresIn: REQUEST_OBJECT_LIFETIME };
}

/** Pushes the request (RFC 9126). At the authorization endpoint only `client_id` and `request_uri` are left. */
async function push(
  parameters: Readonly<Record<string, string>>,
  server: AuthorizationServer,
  call: Call,
): Promise<Omit<StartedAuthorization, "secrets">> {
  const { value: url, answer } = await server.ask({ endpoint: "par", repeatable: true }, call, configuration =>
    openid.buildAuthorizationUrlWithPAR(configuration, parameters),
  );
  const refuse = (check: string, why: string) =>
    new ValidationError(check, `The bank's answer to the pushed request ${why}.`, {
      interactionId: call.interactionId,
    });
  // RFC 9126 section 2.2: openid-client takes any string, and drops expires_in.
  if (!REQUEST_URI.test(String(url.searchParams.get("request_uri")))) {
    throw refuse("request_uri", "has no request_uri of the form urn:ietf:params:oauth:request_uri:");
  }
  const { value: pushed } = read(pushedAnswer, JSON.parse(answer.body));
  if (pushed === undefined || pushed.expires_in <= 0) {
    throw refuse("expires_in", "has no positive expires_in: the request_uri would already be over");
  }
  // RFC 9126 section 4: for one use, which is why each begin() pushes anew; and within its lifetime.
  return { authorizationUrl: url.href, expiresIn: pushed.expires_in };
}
