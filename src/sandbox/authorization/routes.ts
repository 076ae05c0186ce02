/**
 * The paths of the authorization server.
 *
 * @module
 */

export const ROUTES = {
  authorization: "/authorize",
  jwks: "/jwks",
  pushed_authorization_request: "/par",
  token: "/token",
  userinfo: "/userinfo",
  introspection: "/introspect",
  revocation: "/revoke",
} as const;
