/**
 * Which path is which endpoint, and which of them each listener serves.
 *
 * @module
 */
import { ROUTES } from "./authorization/routes.js";
import type { SandboxChannel, SandboxEndpoint } from "./events.js";

export const API_PREFIX = "/v1";
export const GRANT_PREFIX = "/grants";

const EXACT: Readonly<Record<string, SandboxEndpoint>> = {
  "/.well-known/openid-configuration": "discovery",
  "/.well-known/oauth-authorization-server": "discovery",
  [ROUTES.jwks]: "jwks",
  [ROUTES.pushed_authorization_request]: "par",
  [ROUTES.authorization]: "authorization",
  [ROUTES.token]: "token",
  [ROUTES.userinfo]: "userinfo",
  [ROUTES.introspection]: "introspection",
  [ROUTES.revocation]: "revocation",
};

const BELOW: readonly (readonly [string, SandboxEndpoint])[] = [
  [`${ROUTES.authorization}/`, "authorization"],
  ["/interaction/", "interaction"],
  [`${GRANT_PREFIX}/`, "grant"],
  [`${API_PREFIX}/`, "api"],
];

/** For browsers only: pages, and what everybody may read. */
const BROWSER_ONLY: ReadonlySet<SandboxEndpoint> = new Set(["discovery", "jwks", "authorization", "interaction"]);

export function endpointOf(path: string): SandboxEndpoint {
  return EXACT[path] ?? BELOW.find(([prefix]) => path.startsWith(prefix))?.[1] ?? "other";
}

/**
 * Whether a listener serves an endpoint. The foreign one has nothing but the keys. The endpoints that need a certificate answer browsers too, and refuse them:
 * their plain addresses are in the metadata beside the aliases. The API has no such address.
 */
export function serves(channel: SandboxChannel, endpoint: SandboxEndpoint): boolean {
  if (channel === "foreign") return endpoint === "jwks";
  if (endpoint === "other") return false;
  return channel === "browser" ? endpoint !== "api" : !BROWSER_ONLY.has(endpoint);
}
