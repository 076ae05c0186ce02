/**
 * Verifies what the bank signs: one way for every JWT.
 *
 * @module
 */
import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyResult, jwtVerify } from "jose";
import type { SigningAlgorithm } from "../config/profile.js";
import { MinnaError, type SideEffect, type ValidationCheck, ValidationError } from "../errors.js";
import { untilEnded } from "../transport/single-flight.js";
import type { AuthorizationContext } from "./server.js";

/** Seconds that the bank's clock and ours may differ. */
const CLOCK_TOLERANCE = 30;

/** What a JWT must be. */
export interface ExpectedJwt {
  /** How it is called in an error. */
  readonly name: string;
  readonly issuer: string;
  /** The client id that must be in `aud`. */
  readonly audience: string;
  readonly algorithms: readonly SigningAlgorithm[];
  /** Claims that must be there besides `iss`, `aud` and `exp`. */
  readonly claims?: readonly string[];
  /** What has happened at the bank by the time the JWT is looked at. Default `none`. */
  readonly sideEffect?: SideEffect;
}

/** A JWT that passed every check. */
export interface VerifiedJwt {
  readonly claims: JWTPayload;
  readonly alg: SigningAlgorithm;
}

/**
 * Verifies algorithm, issuer, signature, audience and times.
 *
 * JARM section 4.4 lists `aud` and `exp` before the signature; here only `iss` is looked at before it, because keys must
 * not be fetched for a stranger. The same JWTs are refused.
 *
 * @throws {@link ValidationError} that names the failed check.
 */
export async function verifyJwt(
  token: string,
  expected: ExpectedJwt,
  { server, call }: AuthorizationContext,
): Promise<VerifiedJwt> {
  const refuse = (check: ValidationCheck, why: string) =>
    new ValidationError(check, `The ${expected.name} ${why}.`, {
      interactionId: call.interactionId,
      sideEffect: expected.sideEffect ?? "none",
    });
  // RFC 7516 section 9: five parts are a JWE.
  if (token.split(".").length === 5) throw refuse("encryption", "is encrypted, and no decryption key is configured");
  if (unverifiedIssuer(token, refuse) !== expected.issuer) throw refuse("iss", "is not from the configured issuer");
  const { keys } = await server.discovered(call);
  try {
    const { payload, protectedHeader } = await untilEnded(verifyWithEachKey(token, expected, keys), call, "jwks");
    return { claims: payload, alg: protectedHeader.alg as SigningAlgorithm };
  } catch (error) {
    if (error instanceof MinnaError) throw error;
    throw refuse(...explain(error));
  }
}

type Refuse = (check: ValidationCheck, why: string) => ValidationError;

function unverifiedIssuer(token: string, refuse: Refuse): unknown {
  try {
    return decodeJwt(token).iss;
  } catch {
    throw refuse("body", "is not a JWT");
  }
}

async function verifyWithEachKey(
  token: string,
  expected: ExpectedJwt,
  keys: JWTVerifyGetKey,
): Promise<JWTVerifyResult> {
  const options = {
    // Obligation 4: pinned. jose looks at neither jku nor x5u, refuses an unknown crit, and RSA keys below 2048 bits.
    algorithms: [...expected.algorithms],
    issuer: expected.issuer,
    audience: expected.audience,
    requiredClaims: ["iss", "aud", "exp", ...(expected.claims ?? [])],
    clockTolerance: CLOCK_TOLERANCE,
  };
  try {
    return await jwtVerify(token, keys, options);
  } catch (error) {
    // RFC 7517 section 4.5 lets keys share a kid. kty, use, alg and crv have chosen; each that is left gets its try.
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return await jwtVerify(token, key, options);
      } catch (mismatch) {
        if (!(mismatch instanceof errors.JWSSignatureVerificationFailed)) throw mismatch;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

function explain(error: unknown): [ValidationCheck, string] {
  if (error instanceof errors.JWTExpired) return ["exp", "has expired"];
  if (error instanceof errors.JWTClaimValidationFailed) {
    return [error.claim, error.reason === "missing" ? `has no ${error.claim}` : `has a wrong ${error.claim}`];
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return ["alg", "is signed with an algorithm that is not allowed"];
  if (error instanceof errors.JWSSignatureVerificationFailed) return ["signature", "has a wrong signature"];
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return ["body", "is not a JWT"];
  if (error instanceof errors.JOSENotSupported) return ["alg", "asks for something that is not supported"];
  return ["key", "can't be verified with any key that the bank publishes"];
}
