/**
 * The bank's no to an authorization.
 *
 * @module
 */
import { MinnaError } from "./minna-error.js";

const LATER = "The customer can start again, in a while.";
const MISTAKE = "No customer can mend that: compare the client's registration at the bank with its options.";

/** What to do, by what the bank says. */
const HINTS: Readonly<Record<string, string>> = {
  consent_required: "The customer has to consent at the bank: start again.",
  interaction_required: "The customer has to do something at the bank: start again.",
  login_required: "The customer has to log in at the bank: start again.",
  server_error: LATER,
  temporarily_unavailable: LATER,
};

/** The bank answered the redirect with an error, and the answer is authentic. The transaction is spent. */
export class AuthorizationError extends MinnaError {
  static {
    AuthorizationError.prototype.name = "AuthorizationError";
  }

  /** The bank's `error` value; `access_denied` when the customer said no. */
  readonly code:
    | "access_denied"
    | "login_required"
    | "consent_required"
    | "interaction_required"
    | "invalid_request"
    | "invalid_request_object"
    | "invalid_request_uri"
    | "invalid_scope"
    | "unauthorized_client"
    | "server_error"
    | "temporarily_unavailable"
    | (string & {});

  constructor(code: string) {
    const hint = Object.hasOwn(HINTS, code) ? HINTS[code] : undefined;
    super(
      code === "access_denied"
        ? "The customer, or the bank for them, declined the authorization. Offer to start again."
        : `The bank ended the authorization with the error ${JSON.stringify(code)}. ${hint ?? MISTAKE}`,
    );
    this.code = code;
  }
}
