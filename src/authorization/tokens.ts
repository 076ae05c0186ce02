/**
 * The token endpoint: a code becomes a token set, a refresh token the next one.
 *
 * @module
 */
import * as openid from "openid-client";
import { ValidationError } from "../errors.js";
import type { Call } from "../transport/call.js";
import type { Answer } from "../transport/door.js";
import { type ExpectedIdToken, type Subject, verifyIdToken } from "./id-token.js";
import type { AuthorizationSecrets } from "./request.js";
import type { Answered, AuthorizationContext } from "./server.js";

/** What the bank granted. */
export interface TokenSet {
  readonly accessToken: string;
  readonly refreshToken?: string;
  /** Milliseconds since the epoch. Absent where the bank said no `expires_in`: then only a 401 tells. */
  readonly expiresAt?: number;
  /** When to get the next one, so that no call outlives its token on the way: some time before `expiresAt`. */
  readonly refreshAt?: number;
  /** Scope strings, as on the wire. */
  readonly scopes: readonly string[];
  readonly grantId?: string;
  readonly subject?: Subject;
}

/** A token set fresh from the bank. */
export interface IssuedTokens extends TokenSet {
  /** The `x5t#S256` of the certificate that it was asked for with, and so is bound to (RFC 8705 section 3). */
  readonly thumbprint: string;
}

/**
 * Exchanges a verified code, once.
 *
 * @param scopes - What was asked for: what is granted where the answer has no `scope` (RFC 6749 section 5.1).
 * @param subject - The customer it must be, where the link has one already.
 */
export async function exchangeCode(
  code: string,
  secrets: AuthorizationSecrets,
  scopes: readonly string[],
  context: AuthorizationContext,
  subject?: Subject,
): Promise<IssuedTokens> {
  // Not authorizationCodeGrant(): it would make redirect_uri from an incoming URL, where only the registered one counts
  // (RFC 6749 section 4.1.3), and open the response again, which has been verified and whose transaction is spent.
  const asked = Date.now();
  const answered = await context.server.ask({ endpoint: "token", repeatable: false }, context.call, client =>
    openid.genericGrantRequest(client, "authorization_code", {
      code,
      redirect_uri: context.configuration.redirectUri,
      code_verifier: secrets.codeVerifier,
    }),
  );
  const tokens = await toTokenSet(answered, { scopes }, { nonce: secrets.nonce, subject }, asked, context);
  if (secrets.nonce === undefined || tokens.subject !== undefined) return tokens;
  throw untrusted("id_token", "The bank answered an OpenID Connect request without an ID Token.", context.call);
}

/**
 * Refreshes a token set. What the answer leaves out stays as it was, the refresh token included.
 *
 * The caller must save the result before using it: the bank may have ended the old refresh token.
 *
 * @param keep - Saves a rotated refresh token when nothing else of the answer can be used: without it the link were lost.
 */
export async function refresh(
  current: TokenSet & { readonly refreshToken: string },
  context: AuthorizationContext,
  keep: (rotated: string) => Promise<unknown>,
): Promise<IssuedTokens> {
  if (current.subject !== undefined) await context.server.warmKeys(context.call);
  let seen: Answer | undefined;
  const question = { endpoint: "token", repeatable: true, seen: (answer: Answer) => (seen = answer) } as const;
  const asked = Date.now();
  try {
    const answered = await context.server.ask(question, context.call, client =>
      openid.refreshTokenGrant(client, current.refreshToken),
    );
    return await toTokenSet(answered, current, { subject: current.subject }, asked, context);
  } catch (error) {
    const rotated = refreshTokenIn(seen);
    if (rotated !== undefined && rotated !== current.refreshToken) await keep(rotated);
    throw error;
  }
}

/** The refresh token of a successful answer, whatever else is wrong with it. */
function refreshTokenIn(answer: Answer | undefined): string | undefined {
  if (answer?.status !== 200) return undefined;
  try {
    const { refresh_token: token } = JSON.parse(answer.body);
    return typeof token === "string" && token !== "" ? token : undefined;
  } catch {
    // Not JSON: there is none in it.
  }
  return undefined;
}

/** @param asked - When the bank was asked: its clock has run since, however long the answer was on its way. */
async function toTokenSet(
  { value, answer }: Answered<openid.TokenEndpointResponse>,
  before: Pick<TokenSet, "scopes"> & Partial<TokenSet>,
  expected: Omit<ExpectedIdToken, "accessToken">,
  asked: number,
  context: AuthorizationContext,
): Promise<IssuedTokens> {
  // RFC 6749 section 7.1: a token of a type that was not asked for is not used. openid-client would take DPoP.
  if (value.token_type !== "bearer") {
    throw untrusted("token_type", "The bank issued a token of another type than Bearer.", context.call);
  }
  const accessToken = value.access_token;
  // RFC 6750 section 2.1: what can't stand in the header is no token.
  if (!/^[\x21-\x7e]+$/.test(accessToken))
    throw untrusted("access_token", "The bank's access token is none.", context.call);
  const idToken = idTokenOf(answer, context.call);
  const subject =
    idToken === undefined ? before.subject : await verifyIdToken(idToken, { ...expected, accessToken }, context);
  const refreshToken = value.refresh_token ?? before.refreshToken;
  const grantId = typeof value["grant_id"] === "string" ? value["grant_id"] : before.grantId;
  return Object.freeze({
    accessToken,
    thumbprint: answer.thumbprint,
    scopes: Object.freeze(value.scope?.split(" ").filter(scope => scope !== "") ?? [...before.scopes]),
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...lifetime(value.expires_in, asked),
    ...(grantId === undefined ? {} : { grantId }),
    ...(subject === undefined ? {} : { subject }),
  });
}

/** The ID Token of an answer, which `server.ask()` keeps from openid-client. */
function idTokenOf(answer: Answer, call: Call): string | undefined {
  const { id_token } = JSON.parse(answer.body);
  if (id_token === undefined || typeof id_token === "string") return id_token;
  throw untrusted("id_token", "The bank's ID Token is no string.", call);
}

/** Half a minute early, or a fifth of a short life. */
function lifetime(expiresIn: number | undefined, asked: number): Pick<TokenSet, "expiresAt" | "refreshAt"> {
  if (expiresIn === undefined) return {};
  // Longer than ten years is no date that a store could keep.
  const seconds = Math.min(expiresIn, 10 * 365 * 24 * 60 * 60);
  const expiresAt = asked + seconds * 1000;
  return { expiresAt, refreshAt: expiresAt - Math.min(30_000, seconds * 200) };
}

function untrusted(check: string, message: string, call: Call): ValidationError {
  return new ValidationError(check, message, { interactionId: call.interactionId, sideEffect: "possible" });
}
