/**
 * `grant_management_action` and `grant_id` in an authorization request.
 *
 * @see Grant Management for OAuth 2.0, draft 03, section 5
 * @module
 */
import type { Client, KoaContextWithOIDC } from "oidc-provider";
import type { Grants } from "../bank/grants.js";

/** The error classes of oidc-provider, which is loaded only when a sandbox starts. */
export type OidcErrors = typeof import("oidc-provider").errors;

export const GRANT_MANAGEMENT_ACTIONS = ["create", "merge", "replace"] as const;

type Check = (ctx: KoaContextWithOIDC, action: string | undefined, client: Client) => void;

/** Refuses an action that does not exist, and a `grant_id` that the client may not touch. */
export function checkGrantManagement(grants: Grants, errors: OidcErrors): Check {
  return function check({ oidc }, action, client) {
    const grantId = oidc.params?.["grant_id"];
    const changes = action === "merge" || action === "replace";
    if (action !== undefined && action !== "create" && !changes) {
      throw new errors.InvalidRequest("grant_management_action must be create, merge or replace");
    }
    if (changes !== (grantId !== undefined)) {
      throw new errors.InvalidRequest("grant_id goes with merge and replace, and with them only");
    }
    if (typeof grantId !== "string") return;
    if (grants.find(grantId)?.clientId !== client.clientId || grants.status(grantId) !== "active") {
      throw new errors.CustomOIDCProviderError("invalid_grant_id", "the grant is unknown or has ended");
    }
  };
}
