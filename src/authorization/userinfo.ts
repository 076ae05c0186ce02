/**
 * The answer of the UserInfo endpoint (OIDC Core section 5.3).
 *
 * @module
 */
import { ValidationError } from "../errors.js";
import { type Answer, mediaType } from "../transport/door.js";
import { verifyJwt } from "./jwt.js";
import type { AuthorizationContext } from "./server.js";

/** Claims about the customer. All of it is personal data. */
export interface UserInfo {
  /** The bank's id of the customer, the same as in the link's ID Token. */
  readonly sub: string;
  /** Whatever else the bank tells. */
  readonly [claim: string]: unknown;
}

/**
 * Reads the answer, verified where it is signed, and compares whom it is about.
 *
 * @throws {@link ValidationError} `sub` when it is about another customer than the link's (OIDC Core 5.3.4).
 */
export async function readUserInfo(answer: Answer, sub: string, context: AuthorizationContext): Promise<UserInfo> {
  const claims = await claimsOf(answer, context);
  if (claims["sub"] === sub) return Object.freeze({ ...claims, sub });
  throw new ValidationError("sub", "The bank's UserInfo is about another customer than the link's.", {
    interactionId: context.call.interactionId,
  });
}

async function claimsOf(answer: Answer, context: AuthorizationContext): Promise<Readonly<Record<string, unknown>>> {
  const { issuer, clientId, userInfoAlgorithms: algorithms, userInfoSigned } = context.configuration;
  if (mediaType(answer) === "application/jwt") {
    const expected = {
      name: "UserInfo",
      issuer,
      audience: clientId,
      algorithms,
      claims: [],
    };
    return (await verifyJwt(answer.body, expected, context)).claims;
  }
  if (userInfoSigned) {
    throw new ValidationError("signature", "The bank's UserInfo is not signed, as it was registered.", {
      interactionId: context.call.interactionId,
    });
  }
  try {
    const claims: unknown = JSON.parse(answer.body);
    if (typeof claims === "object" && claims !== null) return claims as Record<string, unknown>;
  } catch {
    // Not JSON: refused below.
  }
  throw new ValidationError("body", "The bank's UserInfo is neither JSON nor a JWT.", {
    interactionId: context.call.interactionId,
  });
}
