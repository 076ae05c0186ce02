/**
 * Translates what openid-client throws into the errors of this package.
 *
 * Its errors carry whole answers in `cause`, tokens included, and `util.inspect` would show them: nothing of them is
 * kept but constants.
 *
 * @module
 */
import * as openid from "openid-client";
import {
  MinnaError,
  type OAuthEndpoint,
  OAuthError,
  TransportError,
  type ValidationCheck,
  ValidationError,
} from "../errors.js";
import type { Answer } from "../transport/door.js";
import { retryAfter } from "../transport/retry-after.js";

/** What was asked. */
export interface Asked {
  readonly endpoint: OAuthEndpoint;
  /** Whether asking again after a passing failure can do no harm. */
  readonly repeatable: boolean;
  /** The media type to ask for, where it is not openid-client's choice. */
  readonly accept?: string;
  /** Gets to see the answer as it came, also when openid-client refuses it. */
  readonly seen?: (answer: Answer) => void;
}

/** Makes the error that a caller meets. */
export function refusalOf(error: unknown, asked: Asked, answer: Answer | undefined, interactionId: string): MinnaError {
  for (const link of causes(error)) {
    if (link instanceof TransportError && link.retryable && !asked.repeatable) {
      // The transaction, or the code, is spent: the same call can't be made again.
      return new TransportError(link.code, link.message, { ...link, cause: link.cause as Error, retryable: false });
    }
    if (link instanceof MinnaError) return link;
  }
  const { endpoint } = asked;
  const status = answer?.status ?? 0;
  const code = oauthCode(error) ?? (status >= 400 ? "server_error" : undefined);
  if (code !== undefined) {
    const passing = status === 429 || status >= 500;
    return new OAuthError(code, {
      endpoint,
      status,
      interactionId,
      retryAfter: retryAfter(answer?.headers["retry-after"]),
      retryable: asked.repeatable && passing,
      sideEffect: status >= 500 && !asked.repeatable ? "possible" : "none",
    });
  }
  const check = failedCheck(error);
  return new ValidationError(
    check,
    `The answer of the bank's ${endpoint} endpoint failed the check ${JSON.stringify(check)}.`,
    {
      interactionId,
      sideEffect: asked.repeatable ? "none" : "possible",
    },
  );
}

/** The error and its causes, outermost first. */
function* causes(error: unknown): Generator<unknown> {
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) yield link;
}

/** RFC 6749 section 5.2: the `error` of a refusal, in the body or in the challenge. */
function oauthCode(error: unknown): string | undefined {
  if (error instanceof openid.ResponseBodyError) return printable(error.error);
  if (error instanceof openid.WWWAuthenticateChallengeError) {
    return printable(
      error.cause.find(challenge => challenge.parameters.error !== undefined)?.parameters.error ?? "invalid_client",
    );
  }
  return undefined;
}

/** What the registered codes look like; anything else would be the bank writing into our caller's log. */
function printable(code: string): string {
  return /^[a-z][a-z0-9_]{0,39}$/.test(code) ? code : "server_error";
}

const CHECK_OF_CODE: Readonly<Record<string, ValidationCheck>> = {
  OAUTH_RESPONSE_IS_NOT_CONFORM: "status",
  OAUTH_RESPONSE_IS_NOT_JSON: "body",
  OAUTH_PARSE_ERROR: "body",
  OAUTH_INVALID_RESPONSE: "body",
  OAUTH_UNSUPPORTED_OPERATION: "token_type",
};

/** Finds out what the answer failed: openid-client says it in the codes of the error and its causes. */
function failedCheck(error: unknown): ValidationCheck {
  let check: ValidationCheck = "body";
  for (const link of causes(error)) {
    const { code, cause } = link as { code?: unknown; cause?: unknown };
    check = CHECK_OF_CODE[String(code)] ?? check;
    if (typeof cause !== "object" || cause === null) continue;
    // The member of the metadata, or the claim, that was compared.
    if ("attribute" in cause && typeof cause.attribute === "string") return cause.attribute;
    if ("claim" in cause && typeof cause.claim === "string") return cause.claim;
  }
  return check;
}
