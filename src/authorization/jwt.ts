/**
 * Verifies what the bank signs: one way for every JWT.
 *
 * @module
 */
import type { KeyObject } from "node:crypto";
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyResult } from "jose";
import { decodeProtectedHeader } from "jose/decode/protected_header";
import * as errors from "jose/errors";
import { compactDecrypt } from "jose/jwe/compact/decrypt";
import { decodeJwt } from "jose/jwt/decode";
import { jwtVerify } from "jose/jwt/verify";
import type { Decryptor, EncryptedResponse } from "../config/decryption.js";
import type { SigningAlgorithm } from "../config/profile.js";
import { MinnaError, type SideEffect, type ValidationCheck, ValidationError } from "../errors.js";
import { untilEnded } from "../transport/single-flight.js";
import type { AuthorizationContext } from "./server.js";

/** Seconds that the bank's clock and ours may differ: RFC 7519 section 4.1.4 allows a small leeway, SP 5.3.2.1 (13) names it. */
export const CLOCK_TOLERANCE = 30;

/** RFC 7518 sections 4 and 5. RSA1_5 never (RFC 8725 section 3.2). */
const ENCRYPTION = {
  keyManagementAlgorithms: ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"],
  contentEncryptionAlgorithms: ["A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512"],
};

/** What a JWT must be. */
export interface ExpectedJwt {
  /** How it is called in an error. */
  readonly name: string;
  readonly issuer: string;
  /** The client id that must be in `aud`. */
  readonly audience: string;
  readonly algorithms: readonly SigningAlgorithm[];
  /** Which of the responses it is that the bank may encrypt. */
  readonly response?: EncryptedResponse;
  /** Claims that must be there, besides `iss` and `aud`. */
  readonly claims: readonly string[];
  /** The `typ` that the header must have; absent where any will do. */
  readonly typ?: string;
  /** What has happened at the bank by the time the JWT is looked at. Default `none`. */
  readonly sideEffect?: SideEffect;
}

/** A JWT that passed every check. */
export interface VerifiedJwt {
  readonly claims: JWTPayload;
  readonly alg: SigningAlgorithm;
}

/**
 * Verifies issuer, audience, times, algorithm and signature, in the order of JARM section 2.4: keys are not fetched for a
 * stranger, nor for what is meant for somebody else or over.
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
  const signed = await open(token, expected, await server.clientKeys.decryptor(call), refuse);
  checkAddress(signed, expected, refuse);
  const { keys } = await server.discovered(call);
  if (keys === undefined) throw refuse("key", "can't be verified: the bank's metadata has no jwks_uri");
  const reached = expected.sideEffect === "possible" ? "possible" : "no";
  try {
    const { payload, protectedHeader } = await untilEnded(
      verifyWithEachKey(signed, expected, keys),
      call,
      "jwks",
      reached,
    );
    return { claims: payload, alg: protectedHeader.alg as SigningAlgorithm };
  } catch (error) {
    if (error instanceof MinnaError) throw error;
    throw refuse(...explain(error));
  }
}

type Refuse = (check: ValidationCheck, why: string) => ValidationError;

/** Decrypts what the bank encrypts for this client, and refuses it plain: JARM section 2.4, OIDC Core 3.1.3.7 (1). */
async function open(token: string, expected: ExpectedJwt, decryptor: Decryptor, refuse: Refuse): Promise<string> {
  const registered = decryptor.responses.some(response => response === expected.response);
  // RFC 7516 section 9: five parts are a JWE.
  const encrypted = token.split(".").length === 5;
  if (!encrypted && registered) throw refuse("encryption", "is not encrypted, as it was registered");
  if (!encrypted) return token;
  if (!registered) throw refuse("encryption", "is encrypted, which was not registered");
  for (const key of decryptionKeys(token, decryptor)) {
    try {
      const { plaintext } = await compactDecrypt(token, key, ENCRYPTION);
      return Buffer.from(plaintext).toString("latin1");
    } catch {
      // Another key may open it: while keys rotate there are several.
    }
  }
  throw refuse("encryption", "can't be decrypted with any of the configured keys");
}

function decryptionKeys(token: string, { keys }: Decryptor): KeyObject[] {
  try {
    const { kid, alg } = decodeProtectedHeader(token);
    const fitting = [...keys].filter(
      ([id, key]) => (kid === undefined || kid === id) && String(alg).startsWith(key.alg),
    );
    return fitting.map(([, { key }]) => key);
  } catch {
    return [];
  }
}

/** Who wrote it, to whom, and whether it still counts. What passes here is believed once the signature holds. */
function checkAddress(token: string, { issuer, audience, claims }: ExpectedJwt, refuse: Refuse): void {
  const { iss, aud, exp } = claimsOf(token, refuse);
  if (iss !== issuer) throw refuse("iss", "is not from the configured issuer");
  if (![aud].flat().includes(audience)) throw refuse("aud", "is not for this client");
  if (exp === undefined && claims.includes("exp")) throw refuse("exp", "has no exp");
  // One that is no number jose refuses.
  if (typeof exp === "number" && exp <= Date.now() / 1000 - CLOCK_TOLERANCE) throw refuse("exp", "has expired");
}

function claimsOf(token: string, refuse: Refuse): JWTPayload {
  try {
    return decodeJwt(token);
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
    // Pinned (P2 8.6, SP 5.4.1). jose looks at neither jku nor x5u, refuses an unknown crit, and RSA keys below 2048 bits.
    algorithms: [...expected.algorithms],
    requiredClaims: [...expected.claims],
    ...(expected.typ === undefined ? {} : { typ: expected.typ }),
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
  // While the keys were fetched.
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
