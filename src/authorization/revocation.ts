/**
 * Token revocation (RFC 7009).
 *
 * @module
 */
import * as openid from "openid-client";
import { OAuthError } from "../errors.js";
import type { AuthorizationContext } from "./server.js";
import type { TokenSet } from "./tokens.js";

/**
 * Revokes the tokens of a link, where the bank offers it. RFC 7009 section 2.2: the bank answers 200 also for tokens that
 * are over already.
 *
 * @throws {@link OAuthError} when the bank refuses; {@link TransportError} when it can't be reached.
 */
export async function revokeTokens(tokens: TokenSet, { server, call }: AuthorizationContext): Promise<void> {
  const { metadata } = await server.discovered(call);
  if (metadata.mtls.revocation_endpoint === undefined) return;
  // RFC 7009 section 2.1: the refresh token first, for it could make another access token.
  for (const [hint, token] of [
    ["refresh_token", tokens.refreshToken],
    ["access_token", tokens.accessToken],
  ] as const) {
    if (token === undefined) continue;
    await server
      .ask({ endpoint: "revocation", repeatable: true }, call, client =>
        openid.tokenRevocation(client, token, { token_type_hint: hint }),
      )
      .catch(error => {
        // RFC 7009 section 2.2.1: a bank need not be able to end access tokens. They end by themselves, and soon.
        const unable = error instanceof OAuthError && error.code === "unsupported_token_type";
        if (!(unable && hint === "access_token")) throw error;
      });
  }
}
