/**
 * An answer that can't be trusted.
 *
 * @module
 */
import { MinnaError, type MinnaErrorDetails } from "./minna-error.js";

/** What an answer failed: a claim, a parameter, or a property of the answer as a whole. */
export type ValidationCheck =
  | "iss"
  | "aud"
  | "azp"
  | "exp"
  | "nbf"
  | "iat"
  | "nonce"
  | "sub"
  | "at_hash"
  | "alg"
  | "typ"
  | "key"
  | "signature"
  | "encryption"
  | "state"
  | "code"
  | "transaction"
  | "customer"
  | "response_mode"
  | "parameter"
  | "request_uri"
  | "expires_in"
  | "token_type"
  | "issuer"
  | "metadata"
  | "mtls_endpoint_aliases"
  | "redirect"
  | "access_token"
  | "id_token"
  | "cnf"
  | "token_introspection"
  | "grant_management"
  | "userinfo"
  | "nextItemKey"
  | "status"
  | "size"
  | "body"
  | (string & {});

/** An answer can't be trusted, or is not of the agreed shape. Never retried. */
export class ValidationError extends MinnaError {
  static {
    ValidationError.prototype.name = "ValidationError";
  }

  /** {@inheritDoc MinnaError.code} */
  readonly code = "validation_failed";
  /** What the answer failed. */
  readonly check: ValidationCheck;

  constructor(check: ValidationCheck, message: string, details: MinnaErrorDetails = {}) {
    super(`${message} What to do: npx minna-baas explain ${check}.`, details);
    this.check = check;
  }
}
