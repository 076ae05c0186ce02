/**
 * The signed authorization request (RFC 9101).
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import * as base64url from "jose/base64url";
import type { Signer } from "../config/signing.js";
import { SigningError, TransportError } from "../errors.js";
import type { Call } from "../transport/call.js";
import { untilEnded } from "../transport/single-flight.js";

/** Seconds. P2 5.2.3 (11) allows 60 minutes; the request is used at once. */
export const REQUEST_OBJECT_LIFETIME = 300;

/**
 * Signs the parameters as a request object.
 *
 * P2 5.2.3 (8, 10, 11, 14), MS 5.3, RFC 9101 section 4: every parameter inside; `iss`, `aud`, `exp`, `nbf`, `iat` and `jti`;
 * never `sub`, `request` or `request_uri`.
 *
 * @throws {@link SigningError} when the signer fails.
 */
export async function signRequestObject(
  parameters: Readonly<Record<string, string>>,
  context: { readonly clientId: string; readonly issuer: string; readonly signer: Signer },
  call: Call,
): Promise<string> {
  const { clientId, issuer, signer } = context;
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: signer.alg, kid: signer.kid, typ: "oauth-authz-req+jwt" };
  const claims = {
    ...parameters,
    iss: clientId,
    aud: issuer,
    iat: now,
    nbf: now,
    exp: now + REQUEST_OBJECT_LIFETIME,
    jti: randomUUID(),
  };
  const input = `${encode(header)}.${encode(claims)}`;
  const signature = await untilEnded(signer.sign(Buffer.from(input)), call, "signing.sign").catch(error => {
    if (!(error instanceof TransportError && error.code === "timeout")) throw error;
    const message = "signing.sign did not answer before the call's deadline. The bank was not asked.";
    throw new SigningError(message, { code: "signing_timeout", interactionId: call.interactionId, retryable: true });
  });
  return `${input}.${base64url.encode(signature)}`;
}

function encode(part: object): string {
  return base64url.encode(JSON.stringify(part));
}
