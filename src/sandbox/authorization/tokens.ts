/**
 * The answer of the token endpoint: completed with the grant, its ID Token sealed, and changed by faults.
 *
 * @module
 */
import type { KoaContextWithOIDC } from "oidc-provider";
import { falsify } from "./falsify.js";
import type { OutgoingOptions } from "./outgoing.js";
import { seal } from "./seal.js";
import { draftOf } from "./token-draft.js";

/** Rewrites a token answer that was successful. */
export async function rewriteTokens(ctx: KoaContextWithOIDC, options: OutgoingOptions): Promise<void> {
  const { store, faults } = options;
  const { AccessToken, RefreshToken, AuthorizationCode } = ctx.oidc.entities;
  const body = ctx.body as Record<string, unknown>;
  const clientId = ctx.oidc.client?.clientId;
  const grantId = AccessToken?.grantId;
  if (clientId === undefined || grantId === undefined) return;
  body["grant_id"] = grantId;
  // After merge and replace, the new tokens take the place of the old ones in one step.
  if (AuthorizationCode !== undefined) {
    store.forgetTokens(grantId, [AccessToken?.jti, RefreshToken?.jti, AuthorizationCode.jti]);
  }
  const token = String(body["access_token"]);
  const stored = store.accessToken(token);
  if (stored !== undefined) {
    for (const fault of faults.take("accessToken", clientId)) fault(stored);
    store.changeAccessToken(token, stored);
    body["scope"] = stored.scope;
  }
  const refreshed = AuthorizationCode === undefined;
  if (typeof body["id_token"] === "string") {
    const draft = draftOf(body["id_token"]);
    for (const fault of faults.take("idToken", clientId)) fault(draft);
    if (refreshed) for (const fault of faults.take("refreshedIdToken", clientId)) fault(draft);
    body["id_token"] = await seal(draft, clientId, options, "idToken");
  }
  await falsify(ctx, [...faults.take("token", clientId), ...(refreshed ? faults.take("refresh", clientId) : [])]);
}
