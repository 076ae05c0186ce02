/**
 * Turns what went wrong on the wire into an error that says what it means.
 *
 * @module
 */
import type { CheckedCertificate } from "../config/certificate.js";
import { toJst } from "../config/jst.js";
import { MinnaError, type SideEffect, TransportError, ValidationError } from "../errors.js";
import { type Call, endedEarly } from "./call.js";
import { LARGEST_ANSWER, type Presents } from "./connection.js";
import type { Origin } from "./pool.js";
import { certificateAlert, insecurity, unreachable } from "./tls-failure.js";

/** The request that failed, as far as the error needs it. */
export interface FailedRequest {
  readonly method: string;
  readonly presents: Presents;
  /** The one at hand, whether or not it is presented. */
  readonly certificate: Pick<CheckedCertificate, "notAfter" | "thumbprint">;
  /** Whether there has been an answer from that origin to the same certificate. */
  readonly answeredBefore: boolean;
  /** Origin and path. */
  readonly endpoint: string;
}

/** Classifies a failure. Errors that are already ours pass through. */
export function classifyFailure(error: unknown, failed: FailedRequest, call: Call, origin: Origin): MinnaError {
  if (error instanceof MinnaError) return error;
  const { endpoint } = failed;
  const reached = origin.failedToConnect(error) ? "no" : "possible";
  if (call.ended !== undefined) return endedEarly(call, reached, endpoint, sideEffectOf(failed, reached));
  const low = lowLevel(error);
  const sideEffect = sideEffectOf(failed, reached);
  const details = { reached, endpoint, interactionId: call.interactionId, cause: low.cause, sideEffect } as const;
  const presents = failed.presents === "client-certificate";

  if (low.code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") {
    return new ValidationError("size", `The answer of ${endpoint} is larger than ${LARGEST_ANSWER} bytes.`, details);
  }
  const alert = certificateAlert(low.code);
  if (alert !== undefined) {
    const shown = presents ? "the client certificate" : "a client without certificate";
    return new TransportError(
      "client_certificate_refused",
      `${endpoint} refused ${shown} (${low.code}): ${alert}. ${presents ? `${CHECK_CERTIFICATE} ${presented(failed)}` : NO_CERTIFICATE_SHOWN}`,
      {
        ...details,
        // The server ended the handshake: it read no request.
        reached: "no",
        sideEffect: "none",
      },
    );
  }
  const insecure = insecurity(low.code, presents);
  if (insecure !== undefined) {
    return new TransportError(
      "tls_failed",
      `No secure connection to ${endpoint} (${low.code}). ${insecure}${reached === "no" ? " The request did not leave." : ""}`,
      details,
    );
  }
  if (reached === "no") {
    // In TLS 1.2 a server that refuses a client certificate often just hangs up during the handshake.
    const hungUp = presents && (low.code === "ECONNRESET" || low.code === "UND_ERR_SOCKET");
    const why = hungUp ? ` ${hangingUp(failed)}` : spaced(unreachable(low.code, process.env));
    return new TransportError(
      "connection_failed",
      `No connection to ${endpoint} (${low.code}). The request did not leave.${why}`,
      { ...details, retryable: true },
    );
  }
  // In TLS 1.3 it does so after it: the first bytes are on their way, and "other side closed" is all there is to hear.
  return new TransportError(
    "connection_lost",
    `The connection to ${endpoint} ended before the answer was complete (${low.code}). ${presents ? hangingUp(failed) : "No client certificate was presented there, and a server that wants one hangs up like this."}`,
    { ...details, retryable: failed.method === "GET" },
  );
}

function sideEffectOf({ method }: FailedRequest, reached: "no" | "possible"): SideEffect {
  return reached === "no" || method === "GET" ? "none" : "possible";
}

const CHECK_CERTIFICATE =
  "Check that the certificate is the one registered at the bank, is not expired, and comes with its intermediate certificates.";
const NO_CERTIFICATE_SHOWN =
  "It is shown at the bank's mTLS endpoints only: see that the bank's metadata names them (mtls_endpoint_aliases).";

/** What to look at where a server hangs up that may not have liked the certificate. */
function hangingUp(failed: FailedRequest): string {
  const { certificate, answeredBefore } = failed;
  if (certificate.notAfter <= Date.now()) return presented(failed);
  return answeredBefore
    ? "It has answered with this certificate before: most likely its server or the network is to blame."
    : `A server that refuses a client certificate often just hangs up, and this one has not answered with this certificate yet: if this happens to every request, it is most likely that. ${CHECK_CERTIFICATE} ${presented(failed)}`;
}

/** Which certificate it was. Where it has expired, there is nothing else to look for. */
function presented({ certificate: { thumbprint, notAfter } }: FailedRequest): string {
  const when = toJst(notAfter);
  return notAfter <= Date.now()
    ? `The client certificate that was presented (x5t#S256 ${thumbprint}) expired on ${when}: that is why, most likely. Get the next one, have it registered at the bank, and put it in its place.`
    : `The one that was presented has the x5t#S256 ${thumbprint}, and is valid until ${when}. To find out: npx minna-baas doctor FILE.`;
}

function spaced(sentences: string): string {
  return sentences === "" ? "" : ` ${sentences}`;
}

/** The code of a low-level error, and the error with nothing but its code and message. */
function lowLevel(error: unknown): { code: string; cause: Error | undefined } {
  if (!(error instanceof Error)) return { code: "unknown", cause: undefined };
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  // The original may hold sockets, headers and bodies; AggregateError (several addresses tried) holds its reason inside.
  const message = error.message || (error instanceof AggregateError ? String(error.errors[0]?.message ?? "") : "");
  return { code, cause: Object.assign(new Error(message), { name: error.name, code }) };
}
