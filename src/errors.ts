/**
 * Every error a caller can meet. One class for each thing a caller does about it.
 *
 * No error carries a token, a code, a key or personal data: messages name options, checks and endpoints only, and
 * `cause`, where there is one, is a plain error with the low-level code.
 *
 * @module
 */

/** Whether the failed call can have changed something at the bank. */
export type SideEffect = "none" | "possible";

/** What every {@link MinnaError} is made from. */
export interface MinnaErrorDetails {
  /** Default `false`. */
  readonly retryable?: boolean;
  /** Default `none`. */
  readonly sideEffect?: SideEffect;
  /** The `x-fapi-interaction-id` of the call. */
  readonly interactionId?: string | undefined;
  /** An error without secrets. */
  readonly cause?: Error | undefined;
}

/** The base of all errors of this package. Catch a subclass, or switch on `code`. */
export abstract class MinnaError extends Error {
  /** What happened, as a constant that does not change between releases. */
  abstract readonly code: string;
  /** Whether the same call may be made again as it is. */
  readonly retryable: boolean;
  /** Whether the call can have changed something at the bank. */
  readonly sideEffect: SideEffect;
  /** The `x-fapi-interaction-id` of the call, which the bank's support asks for. */
  declare readonly interactionId?: string;

  constructor(message: string, details: MinnaErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.retryable = details.retryable ?? false;
    this.sideEffect = details.sideEffect ?? "none";
    if (details.interactionId !== undefined) this.interactionId = details.interactionId;
  }
}

/** One wrong option: its name as the caller writes it, what was expected, what was found (never a secret). */
export interface ConfigurationProblem {
  /** The option, as `certificate.key`. */
  readonly option: string;
  /** What it should be. */
  readonly expected: string;
  /** What it is, in words. */
  readonly found: string;
}

/** The options are wrong. Thrown before any I/O, with every wrong option at once. */
export class ConfigurationError extends MinnaError {
  /** {@inheritDoc MinnaError.code} */
  readonly code = "configuration_invalid";
  /** Every wrong option. */
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    const lines = problems.map(({ option, expected, found }) => `  ${option}: expected ${expected}; found ${found}`);
    super(`${problems.length === 1 ? "1 option is" : `${problems.length} options are`} wrong:\n${lines.join("\n")}`);
    this.problems = Object.freeze([...problems]);
  }
}

/** A call's arguments are wrong, or contradict an earlier call. Nothing left the process. */
export class ArgumentError extends MinnaError {
  /** `reference_reused`: the reference already stands for a debit with another body. */
  readonly code: "argument_invalid" | "reference_reused";
  /** The argument's name as the caller writes it. */
  readonly argument: string;

  constructor(argument: string, message: string, code: ArgumentError["code"] = "argument_invalid") {
    super(message);
    this.code = code;
    this.argument = argument;
  }
}

/** The signer given as `signing` failed, or returned something that is no signature. The bank was not asked. */
export class SigningError extends MinnaError {
  /** `signing_timeout`: the call's deadline passed while the signer was at work. */
  readonly code: "signing_failed" | "signing_timeout";

  constructor(message: string, details: MinnaErrorDetails & { readonly code?: SigningError["code"] } = {}) {
    super(message, details);
    this.code = details.code ?? "signing_failed";
  }
}

/**
 * There is no usable HTTP answer.
 *
 * `reached` says whether the request can have arrived at the bank: `"no"` when no connection was made, `"possible"` in
 * every other case.
 */
export class TransportError extends MinnaError {
  /**
   * `connection_failed`: no connection. `connection_lost`: it ended before the answer was complete. `tls_failed`: the
   * server could not be trusted, or shared no protocol version. `client_certificate_refused`: the bank did not accept
   * the client certificate. `timeout`: the call's deadline passed. `aborted`: the caller's signal. `closed`: the client
   * was closed.
   */
  readonly code:
    | "connection_failed"
    | "connection_lost"
    | "tls_failed"
    | "client_certificate_refused"
    | "timeout"
    | "aborted"
    | "closed";
  /** Whether the request can have arrived at the bank. */
  readonly reached: "no" | "possible";
  /**
   * Where the request was going: origin and path, without the query; or what the call was waiting for before its own
   * request could leave: `certificate`, `signing`, `decryption`, `discovery`, `jwks`, `token refresh`, `signing.sign`, `store lock`; `none` where
   * the client was closed.
   */
  readonly endpoint: string;

  constructor(
    code: TransportError["code"],
    message: string,
    details: MinnaErrorDetails & { readonly reached: "no" | "possible"; readonly endpoint: string },
  ) {
    super(message, details);
    this.code = code;
    this.reached = details.reached;
    this.endpoint = details.endpoint;
  }
}

/** The bank answered the redirect with an error, and the answer is authentic. The transaction is spent. */
export class AuthorizationError extends MinnaError {
  /** The bank's `error` value; `access_denied` when the customer said no. */
  readonly code: "access_denied" | "login_required" | "consent_required" | "server_error" | (string & {});

  constructor(code: string) {
    super(
      code === "access_denied"
        ? "The customer, or the bank for them, declined the authorization. Offer to start again."
        : `The bank ended the authorization with the error ${JSON.stringify(code)}.`,
    );
    this.code = code;
  }
}

const OAUTH_HINTS: Readonly<Record<string, string>> = {
  invalid_client: " Check that clientId and the certificate are the registered ones.",
  invalid_request: " Check that redirectUri is registered, and the client for this profile.",
  invalid_request_object:
    " Check that the client is registered for this profile, its key and kid as in publicJwks(), and this machine's clock.",
  invalid_scope: " Check contract.scopes against what is registered.",
};

/** Which endpoint of the authorization server refused. */
export type OAuthEndpoint = "par" | "token" | "revocation" | "introspection" | "userinfo" | "discovery" | "jwks";

/** The pushed authorization request, token, revocation or introspection endpoint refused. */
export class OAuthError extends MinnaError {
  /** The `error` value of the answer (RFC 6749 section 5.2), or `server_error` where there was none. */
  readonly code:
    | "invalid_request"
    | "invalid_client"
    | "invalid_grant"
    | "invalid_scope"
    | "server_error"
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
    const hint = OAUTH_HINTS[code] ?? "";
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
  | "response_mode"
  | "parameter"
  | "request_uri"
  | "expires_in"
  | "token_type"
  | "issuer"
  | "metadata"
  | "mtls_endpoint_aliases"
  | "redirect"
  | "status"
  | "size"
  | "body"
  | (string & {});

/** An answer can't be trusted, or is not of the agreed shape. Never retried. */
export class ValidationError extends MinnaError {
  /** {@inheritDoc MinnaError.code} */
  readonly code = "validation_failed";
  /** What the answer failed. */
  readonly check: ValidationCheck;

  constructor(check: ValidationCheck, message: string, details: MinnaErrorDetails = {}) {
    super(message, details);
    this.check = check;
  }
}

/** The link is unknown, over, or needs the customer again. */
export class LinkError extends MinnaError {
  /**
   * `link_unknown`: the store has no such link. `link_released`: it was released with `grant.revoke()`.
   * `reauthorization_required`: the bank no longer accepts its tokens; send the customer through `links.begin()` again.
   * `scope_missing`: the customer did not grant what the call needs. `link_elsewhere`: the link was made with another
   * issuer or client id than the configured one. `grant_expired`, `grant_revoked`, `grant_suspended`: so the bank says of the
   * grant; an expired one or one that the customer released at the bank needs them again, a suspended one the bank.
   */
  readonly code:
    | "link_unknown"
    | "link_released"
    | "reauthorization_required"
    | "scope_missing"
    | "link_elsewhere"
    | "grant_expired"
    | "grant_revoked"
    | "grant_suspended";
  /** The link. */
  readonly linkId: string;

  constructor(code: LinkError["code"], linkId: string, message: string, details: MinnaErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.linkId = linkId;
  }
}

/** The bank's API refused the call. */
export class ApiError extends MinnaError {
  /** What the status means. `maintenance` is a 503: usually planned, see `retryAfter`. */
  readonly code:
    | "bad_request"
    | "unauthorized"
    | "forbidden"
    | "not_found"
    | "conflict"
    | "unprocessable"
    | "throttled"
    | "maintenance"
    | "server_error";
  /** The HTTP status. */
  readonly status: number;
  /** The bank's own code, as it came. */
  declare readonly bankCode?: string;
  /** Seconds after which the bank wants to be asked again. */
  declare readonly retryAfter?: number;

  constructor(
    code: ApiError["code"],
    details: MinnaErrorDetails & {
      readonly status: number;
      readonly bankCode?: string | undefined;
      readonly retryAfter?: number | undefined;
    },
  ) {
    const bankCode = details.bankCode === undefined ? "" : `, ${JSON.stringify(details.bankCode)}`;
    super(`The bank's API refused: ${code} (HTTP ${details.status}${bankCode}).`, details);
    this.code = code;
    this.status = details.status;
    if (details.bankCode !== undefined) this.bankCode = details.bankCode;
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
  }
}

const STORE_ADVICE: Readonly<Record<StoreError["code"], string>> = {
  store_failed: "See its own log.",
  store_timeout: "See its own log.",
  store_not_durable: "Nothing was written.",
  store_not_migrated: "Run its migrations: minna-baas migrate.",
  sealing_key_missing: "Add the key to sealing.keys: nothing is lost while you have it.",
  seal_invalid: "The entry was changed, moved or never sealed; it is not used.",
};

/** The partner's own store failed. What the bank was asked before stands. */
export class StoreError extends MinnaError {
  /**
   * `store_timeout`: it did not answer within the client's `timeout`. `store_not_durable`: it would lose a debit in a crash,
   * and so does not keep any. `store_not_migrated`: its tables are not there. `sealing_key_missing`: what it holds is sealed
   * under a key that is not among `sealing.keys`. `seal_invalid`: what it holds is not what was sealed for this key.
   */
  readonly code:
    | "store_failed"
    | "store_timeout"
    | "store_not_durable"
    | "store_not_migrated"
    | "sealing_key_missing"
    | "seal_invalid";
  /** The method of the store. */
  readonly operation: string;

  constructor(operation: string, code: StoreError["code"], reason: string) {
    super(`The store failed at ${operation} (${reason}). ${STORE_ADVICE[code]}`, {
      retryable: code === "store_failed" || code === "store_timeout",
    });
    this.code = code;
    this.operation = operation;
  }
}

/** The money may have moved. Ask again with the same reference: it is never sent under a second key. */
export class DebitOutcomeUnknownError extends MinnaError {
  /**
   * `debit_key_expired`: the bank shows no debit under the reference, and so long after it was sent it may not be sent
   * again under it. Ask the bank; what it says decides whether the order may be charged under another reference.
   */
  readonly code: "debit_outcome_unknown" | "debit_key_expired";
  /** The partner's own order id, as it was given to `debits.create()`. */
  readonly reference: string;

  constructor(
    reference: string,
    details: MinnaErrorDetails & { readonly code?: DebitOutcomeUnknownError["code"] } = {},
  ) {
    const { code = "debit_outcome_unknown", ...rest } = details;
    const open = code === "debit_outcome_unknown";
    super(
      `Whether the debit ${JSON.stringify(reference)} was made is not known. Neither deliver nor charge again: ${
        open
          ? "call debits.create() with the same reference and body, or debits.find() with the reference, until it is known."
          : "the bank shows no such debit and no longer remembers its key, so it is not sent again. Ask the bank."
      }`,
      { ...rest, retryable: open, sideEffect: "possible" },
    );
    this.code = code;
    this.reference = reference;
  }
}

// On the prototypes, so that a bundler that renames classes does not rename errors, and no instance shows it twice.
for (const [name, type] of Object.entries({
  ConfigurationError,
  ArgumentError,
  SigningError,
  TransportError,
  AuthorizationError,
  OAuthError,
  ValidationError,
  LinkError,
  ApiError,
  DebitOutcomeUnknownError,
  StoreError,
})) {
  type.prototype.name = name;
}
