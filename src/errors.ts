/**
 * Every error a caller can meet. One class for each thing a caller does about it.
 *
 * No error carries a token, a code, a key or personal data: messages name options, checks and endpoints only, and
 * `cause`, where there is one, is a plain error with the low-level code.
 *
 * @module
 */
export { ApiError } from "./errors/api-error.js";
export { ArgumentError } from "./errors/argument-error.js";
export { AuthorizationError } from "./errors/authorization-error.js";
export { ConfigurationError, type ConfigurationProblem } from "./errors/configuration-error.js";
export { DebitOutcomeUnknownError } from "./errors/debit-outcome-unknown-error.js";
export { LinkError } from "./errors/link-error.js";
export { MinnaError, type MinnaErrorDetails, type SideEffect } from "./errors/minna-error.js";
export { type OAuthEndpoint, OAuthError } from "./errors/oauth-error.js";
export { SigningError } from "./errors/signing-error.js";
export { StoreError } from "./errors/store-error.js";
export type { SupportBundle, SupportRequest } from "./errors/support-bundle.js";
export { TransportError } from "./errors/transport-error.js";
export { type ValidationCheck, ValidationError } from "./errors/validation-error.js";
