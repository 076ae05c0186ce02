/**
 * What the discovery document says beyond oidc-provider's own words.
 *
 * @module
 */
import { GRANT_MANAGEMENT_ACTIONS } from "./grant-parameters.js";
import { CONTENT_ENCRYPTION, ENCRYPTION_ALGORITHMS } from "./jwe.js";

const MTLS_ENDPOINTS = [
  "token_endpoint",
  "pushed_authorization_request_endpoint",
  "userinfo_endpoint",
  "introspection_endpoint",
  "revocation_endpoint",
  "grant_management_endpoint",
] as const;

/** Completes the document, and takes out what is offered to no client here. */
export function completeMetadata(document: Record<string, unknown>, issuer: string, mtlsOrigin: string): void {
  document["grant_management_endpoint"] = `${issuer}/grants`;
  document["grant_management_actions_supported"] = ["query", "revoke", ...GRANT_MANAGEMENT_ACTIONS];
  document["mtls_endpoint_aliases"] = Object.fromEntries(
    MTLS_ENDPOINTS.map(name => [name, `${mtlsOrigin}${new URL(String(document[name])).pathname}`]),
  );
  document["response_modes_supported"] = ["query", "jwt", "query.jwt"];
  for (const response of ["id_token", "authorization"]) {
    document[`${response}_encryption_alg_values_supported`] = ENCRYPTION_ALGORITHMS;
    document[`${response}_encryption_enc_values_supported`] = [CONTENT_ENCRYPTION];
  }
  document["claims_supported"] = ["iss", "sub", "aud", "exp", "iat", "nonce", "at_hash", "auth_time"];
  document["ui_locales_supported"] = ["ja-JP"];
  delete document["token_endpoint_auth_signing_alg_values_supported"];
}
