/**
 * A refusal of the authorization server.
 *
 * @module
 */
import { MinnaError, type MinnaErrorDetails } from "./minna-error.js";

/** What to look at, by what the bank says. What is not here has no hint. */
const OAUTH_HINTS: Readonly<Record<string, string>> = {
  invalid_client: " Check that clientId and the certificate are the registered ones.",
  invalid_grant:
    " The code or the refresh token is over, or was issued to another certificate. Send the customer through links.begin() again.",
  invalid_grant_id: " The grant to merge with is over: begin without it.",
  invalid_request: " Check that redirectUri is registered, and the client for this profile.",
  invalid_request_object:
    " Check that the client is registered for this profile, its key and kid as in publicJwks(), and this machine's clock.",
  invalid_scope: " Check contract.scopes against what is registered.",
  invalid_token:
    " The link's token is not accepted there. If it stays so, send the customer through links.begin() again.",
  server_error: " Its status says more than this code: a gateway, a fault or planned maintenance at the bank.",
  temporarily_unavailable: " It is busy or under maintenance: try again later.",
  unauthorized_client: " Ask the bank to register the client for what it does here: this profile, and refresh tokens.",
  unsupported_grant_type: " Ask the bank to register the client for authorization_code and refresh_token.",
};

/** Which endpoint of the authorization server refused. */
export type OAuthEndpoint = "par" | "token" | "revocation" | "introspection" | "userinfo" | "discovery" | "jwks";

/** The pushed authorization request, token, revocation or introspection endpoint refused. */
export class OAuthError extends MinnaError {
  static {
    OAuthError.prototype.name = "OAuthError";
  }

  /** The `error` value of the answer (RFC 6749 section 5.2), or `server_error` where there was none. */
  readonly code:
    | "invalid_request"
    | "invalid_client"
    | "invalid_grant"
    | "invalid_grant_id"
    | "invalid_request_object"
    | "invalid_scope"
    | "invalid_token"
    | "unauthorized_client"
    | "unsupported_grant_type"
    | "server_error"
    | "temporarily_unavailable"
    | (string & {});
  /** Which endpoint refused. */
  readonly endpoint: OAuthEndpoint;
  /** The HTTP status; `0` where there was none. */
  readonly status: number;
  /** Seconds after which the bank wants to be asked again. */
  declare readonly retryAfter?: number;

  constructor(
    code: string,
    details: MinnaErrorDetails & {
      readonly endpoint: OAuthEndpoint;
      readonly status: number;
      readonly retryAfter?: number | undefined;
    },
  ) {
    const hint = (Object.hasOwn(OAUTH_HINTS, code) ? OAUTH_HINTS[code] : undefined) ?? "";
    super(
      `The bank's ${details.endpoint} endpoint refused with ${JSON.stringify(code)} (HTTP ${details.status}).${hint}`,
      details,
    );
    this.code = code;
    this.endpoint = details.endpoint;
    this.status = details.status;
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
  }
}
