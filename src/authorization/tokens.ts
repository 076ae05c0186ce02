/**
 * The token endpoint: a code becomes a token set, a refresh token the next one.
 *
 * @module
 */
import * as openid from "openid-client";
import type { Configuration } from "../config/configuration.js";
import { ValidationError } from "../errors.js";
import type { Call } from "../transport/call.js";
import { type ExpectedIdToken, type Subject, verifyIdToken } from "./id-token.js";
import type { AuthorizationSecrets } from "./request.js";
import type { AuthorizationServer } from "./server.js";

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

type TokenAnswer = openid.TokenEndpointResponse;

/**
 * Exchanges a verified code, once.
 *
 * @param scopes - What was asked for: what is granted where the answer has no `scope` (RFC 6749 section 5.1).
 */
export async function exchangeCode(
  code: string,
  secrets: AuthorizationSecrets,
  scopes: readonly string[],
  configuration: Configuration,
  server: AuthorizationServer,
  call: Call,
): Promise<TokenSet> {
  // Not authorizationCodeGrant(): it would make redirect_uri from an incoming URL, where only the registered one counts
  // (RFC 6749 section 4.1.3), and open the response again, which has been verified and whose transaction is spent.
  const { value } = await server.ask({ endpoint: "token", repeatable: false }, call, client =>
    openid.genericGrantRequest(client, "authorization_code", {
      code,
      redirect_uri: configuration.redirectUri,
      code_verifier: secrets.codeVerifier,
    }),
  );
  if (secrets.nonce !== undefined && value.id_token === undefined) {
    throw untrusted("id_token", "The bank answered an OpenID Connect request without an ID Token.", call);
  }
  const expected = secrets.nonce === undefined ? {} : { nonce: secrets.nonce };
  return toTokenSet(value, { scopes }, expected, configuration, server, call);
}

/**
 * Refreshes a token set. What the answer leaves out stays as it was, the refresh token included.
 *
 * The caller must save the result before using it: the bank may have ended the old refresh token.
 */
export async function refresh(
  current: TokenSet & { readonly refreshToken: string },
  configuration: Configuration,
  server: AuthorizationServer,
  call: Call,
): Promise<TokenSet> {
  const { value } = await server.ask({ endpoint: "token", repeatable: true }, call, client =>
    openid.refreshTokenGrant(client, current.refreshToken),
  );
  const expected = current.subject === undefined ? {} : { subject: current.subject };
  return toTokenSet(value, current, expected, configuration, server, call);
}

async function toTokenSet(
  answer: TokenAnswer,
  before: Pick<TokenSet, "scopes"> & Partial<TokenSet>,
  expected: Omit<ExpectedIdToken, "accessToken">,
  configuration: Configuration,
  server: AuthorizationServer,
  call: Call,
): Promise<TokenSet> {
  // RFC 6749 section 7.1: a token of a type that was not asked for is not used. openid-client would take DPoP.
  if (answer.token_type !== "bearer") {
    throw untrusted("token_type", "The bank issued a token of another type than Bearer.", call);
  }
  const { keys } = await server.discovered(call);
  const subject =
    answer.id_token === undefined
      ? before.subject
      : await verifyIdToken(
          answer.id_token,
          { ...expected, accessToken: answer.access_token },
          configuration,
          keys,
          call,
        );
  const refreshToken = answer.refresh_token ?? before.refreshToken;
  const grantId = typeof answer["grant_id"] === "string" ? answer["grant_id"] : before.grantId;
  return Object.freeze({
    accessToken: answer.access_token,
    scopes: Object.freeze(answer.scope?.split(" ").filter(scope => scope !== "") ?? [...before.scopes]),
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...lifetime(answer.expires_in),
    ...(grantId === undefined ? {} : { grantId }),
    ...(subject === undefined ? {} : { subject }),
  });
}

/** Half a minute early, or a fifth of a short life. */
function lifetime(expiresIn: number | undefined): Pick<TokenSet, "expiresAt" | "refreshAt"> {
  if (expiresIn === undefined) return {};
  const expiresAt = Date.now() + expiresIn * 1000;
  return { expiresAt, refreshAt: expiresAt - Math.min(30_000, expiresIn * 200) };
}

function untrusted(check: string, message: string, call: Call): ValidationError {
  return new ValidationError(check, message, { interactionId: call.interactionId, sideEffect: "possible" });
}
