/**
 * The ID Token (OIDC Core section 3.1.3.7).
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { ValidationError } from "../errors.js";
import { CLOCK_TOLERANCE, type VerifiedJwt, verifyJwt } from "./jwt.js";
import type { AuthorizationContext } from "./server.js";

/** Whom the bank authenticated. */
export interface Subject {
  readonly iss: string;
  readonly sub: string;
}

/** What an ID Token must agree with. */
export interface ExpectedIdToken {
  readonly accessToken: string;
  /** The nonce of the request. Absent for a refreshed ID Token, which need not repeat it (OIDC Core 12.2). */
  readonly nonce?: string | undefined;
  /** The subject of the link's first ID Token, when this one was refreshed. */
  readonly subject?: Subject | undefined;
}

/** Seconds. An ID Token comes straight from the token endpoint: one that was issued long ago is another one. */
const OLDEST = 60 * 60;

/**
 * Verifies an ID Token, its signature always: also when it came over TLS from the token endpoint (MS 5.6.2).
 *
 * @throws {@link ValidationError} that names the failed check.
 */
export async function verifyIdToken(
  token: string,
  expected: ExpectedIdToken,
  context: AuthorizationContext,
): Promise<Subject> {
  const { issuer, clientId, idTokenAlgorithms: algorithms } = context.configuration;
  // The code, or the refresh token, has been used.
  const sideEffect = "possible";
  const wanted = {
    name: "ID Token",
    response: "idToken",
    issuer,
    audience: clientId,
    algorithms,
    claims: ["sub", "exp", "iat"],
    sideEffect,
  } as const;
  const verified = await verifyJwt(token, wanted, context);
  const { claims } = verified;
  const refuse = (check: string, why: string) =>
    new ValidationError(check, `The ID Token ${why}.`, { interactionId: context.call.interactionId, sideEffect });

  // OIDC Core 3.1.3.7 (3, 4, 5): other audiences are not trusted; azp, where it is, names this client.
  if (Array.isArray(claims.aud) && claims.aud.length > 1)
    throw refuse("aud", "is also for an audience that is not trusted");
  if (claims["azp"] !== undefined && claims["azp"] !== clientId) throw refuse("azp", "was issued to another client");
  // OIDC Core 3.1.3.7 (10), 12.2: issued now, a refreshed one too. jose has seen that iat is a number.
  const age = Date.now() / 1000 - Number(claims.iat);
  if (age < -CLOCK_TOLERANCE || age > OLDEST) throw refuse("iat", "was not issued just now");
  // OIDC Core 3.1.3.7 (11): the token answers this request and no other.
  if (expected.nonce !== undefined && claims["nonce"] !== expected.nonce)
    throw refuse("nonce", "answers another request");
  if (claims["at_hash"] !== undefined && !matchesHash(claims["at_hash"], expected.accessToken, verified)) {
    throw refuse("at_hash", "belongs to another access token");
  }
  if (typeof claims.sub !== "string" || claims.sub === "") throw refuse("sub", "has no sub");
  // OIDC Core 12.2: a refreshed ID Token keeps iss and sub.
  const before = expected.subject;
  if (before !== undefined && before.iss !== issuer)
    throw refuse("iss", "has another issuer than the link's first one");
  if (before !== undefined && before.sub !== claims.sub) throw refuse("sub", "is for another customer than the link's");
  return Object.freeze({ iss: issuer, sub: claims.sub });
}

/** OIDC Core 3.1.3.6: the left half of the hash that the signature algorithm uses. */
function matchesHash(given: unknown, accessToken: string, { alg }: VerifiedJwt): boolean {
  if (typeof given !== "string") return false;
  // Ed25519 signs with SHA-512 (RFC 8032 section 5.1).
  const digest = createHash(alg === "EdDSA" ? "sha512" : "sha256")
    .update(accessToken)
    .digest();
  const expected = Buffer.from(digest.subarray(0, digest.length / 2).toString("base64url"));
  const actual = Buffer.from(given);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
