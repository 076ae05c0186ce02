/**
 * No usable answer.
 *
 * @module
 */
import { MinnaError, type MinnaErrorDetails } from "./minna-error.js";

/**
 * There is no usable HTTP answer.
 *
 * `reached` says whether the request can have arrived at the bank: `"no"` when no connection was made, `"possible"` in
 * every other case.
 */
export class TransportError extends MinnaError {
  static {
    TransportError.prototype.name = "TransportError";
  }

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
   * Where the request was going: origin and path, without the query, with the names of ids in their place; or what the call was waiting for before its own
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
