/**
 * Turns what went wrong on the wire into an error that says what it means.
 *
 * @module
 */
import { MinnaError, type SideEffect, TransportError, ValidationError } from "../errors.js";
import { type Call, endedEarly } from "./call.js";
import { type ConnectionPool, LARGEST_ANSWER, type Presents } from "./connection.js";

/** The request that failed, as far as the error needs it. */
export interface FailedRequest {
  readonly method: string;
  readonly presents: Presents;
  /** Origin and path. */
  readonly endpoint: string;
}

// What a server says when it wants another client certificate, or any at all (RFC 8446 section 6.2).
const CERTIFICATE_REFUSED =
  /^ERR_SSL_(TLSV13_ALERT_CERTIFICATE_REQUIRED|(SSLV3|TLSV1)_ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN)|UNKNOWN_CA|ACCESS_DENIED))$/;
// What this side says when it does not trust the server, or finds no common version or cipher.
const SERVER_REFUSED =
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH|INVALID_)/;

/** Classifies a failure. Errors that are already ours pass through. */
export function classifyFailure(error: unknown, failed: FailedRequest, call: Call, pool: ConnectionPool): MinnaError {
  if (error instanceof MinnaError) return error;
  const { endpoint } = failed;
  const reached = pool.failedToConnect(error) ? "no" : "possible";
  if (call.signal.aborted) return endedEarly(call, reached, endpoint, sideEffectOf(failed, reached));
  const low = lowLevel(error);
  const sideEffect = sideEffectOf(failed, reached);
  const details = { reached, endpoint, interactionId: call.interactionId, cause: low.cause, sideEffect } as const;

  if (low.code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") {
    return new ValidationError("size", `The answer of ${endpoint} is larger than ${LARGEST_ANSWER} bytes.`, details);
  }
  if (CERTIFICATE_REFUSED.test(low.code)) {
    const shown = failed.presents === "client-certificate" ? "the client certificate" : "a client without certificate";
    return new TransportError(
      "client_certificate_refused",
      `${endpoint} refused ${shown} (${low.code}). ${CHECK_CERTIFICATE}`,
      {
        ...details,
        // The server ended the handshake: it read no request.
        reached: "no",
        sideEffect: "none",
      },
    );
  }
  if (SERVER_REFUSED.test(low.code)) {
    return new TransportError(
      "tls_failed",
      `No secure connection to ${endpoint} (${low.code}): its certificate is not trusted, is for another name, or it shares no TLS version and cipher with this client. For a private CA set certificate.ca.`,
      details,
    );
  }
  // A server that refuses a client certificate often just hangs up: in TLS 1.2 during the handshake, in TLS 1.3 after it.
  const hint =
    failed.presents === "client-certificate" ? ` If this happens to every request: ${CHECK_CERTIFICATE}` : "";
  if (reached === "no") {
    const why = low.code === "UND_ERR_CONNECT_TIMEOUT" ? "it did not answer in time" : low.code;
    const hungUp = low.code === "ECONNRESET" || low.code === "UND_ERR_SOCKET" ? hint : "";
    return new TransportError(
      "connection_failed",
      `No connection to ${endpoint} (${why}). The request did not leave.${hungUp}`,
      { ...details, retryable: true },
    );
  }
  return new TransportError(
    "connection_lost",
    `The connection to ${endpoint} ended before the answer was complete (${low.code}).${hint}`,
    { ...details, retryable: failed.method === "GET" },
  );
}

function sideEffectOf({ method }: FailedRequest, reached: "no" | "possible"): SideEffect {
  return reached === "no" || method === "GET" ? "none" : "possible";
}

const CHECK_CERTIFICATE =
  "Check that the certificate is the one registered at the bank, is not expired, and comes with its intermediate certificates.";

/** The code of a low-level error, and the error with nothing but its code and message. */
function lowLevel(error: unknown): { code: string; cause: Error | undefined } {
  if (!(error instanceof Error)) return { code: "unknown", cause: undefined };
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  // The original may hold sockets, headers and bodies; AggregateError (several addresses tried) holds its reason inside.
  const message = error.message || (error instanceof AggregateError ? String(error.errors[0]?.message ?? "") : "");
  return { code, cause: Object.assign(new Error(message), { name: error.name, code }) };
}
