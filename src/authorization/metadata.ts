/**
 * The bank's metadata, checked and reduced to what this client uses.
 *
 * @module
 */
import { z } from "zod";
import type { Configuration } from "../config/configuration.js";
import { ValidationError } from "../errors.js";

/** An endpoint that authenticates the client by its certificate. */
export type MtlsEndpoint =
  | "token_endpoint"
  | "pushed_authorization_request_endpoint"
  | "introspection_endpoint"
  | "revocation_endpoint"
  | "userinfo_endpoint"
  | "grant_management_endpoint";

/** What the bank announces (RFC 8414), as far as it is used. */
export interface Metadata {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly jwksUri: string;
  /** Where each endpoint is reached with the client certificate; an absent one is not offered that way. */
  readonly mtls: Readonly<Partial<Record<MtlsEndpoint, string>>>;
  /** Whether the bank offers introspection responses that are signed with something that the profile allows. */
  readonly signedIntrospection: boolean;
}

const httpsUrl = z.string().refine(value => URL.canParse(value) && new URL(value).protocol === "https:");
const mtlsEndpoints = z.object({
  token_endpoint: httpsUrl.optional(),
  pushed_authorization_request_endpoint: httpsUrl.optional(),
  introspection_endpoint: httpsUrl.optional(),
  revocation_endpoint: httpsUrl.optional(),
  userinfo_endpoint: httpsUrl.optional(),
  grant_management_endpoint: httpsUrl.optional(),
} satisfies Record<MtlsEndpoint, unknown>);
const document = mtlsEndpoints.extend({
  issuer: z.string(),
  authorization_endpoint: httpsUrl,
  jwks_uri: httpsUrl,
  mtls_endpoint_aliases: mtlsEndpoints.optional(),
  introspection_signing_alg_values_supported: z.array(z.string()).optional(),
});

/**
 * Checks a metadata document.
 *
 * @throws {@link ValidationError} `issuer` when it is not exactly the configured one; `metadata` when a URL is missing or
 * not https; `mtls_endpoint_aliases` when an endpoint that this profile needs can't be called with the client certificate.
 */
export function checkMetadata(value: unknown, configuration: Configuration): Metadata {
  const issuer = typeof value === "object" && value !== null && "issuer" in value ? value.issuer : undefined;
  // SP 5.3.3.1, OIDC Discovery 4.3, RFC 8414 3.3: identical strings. URLs that are merely equal are another issuer.
  if (issuer !== configuration.issuer) {
    const named = typeof issuer === "string" && /^https:\/\/[\w.:/-]{1,200}$/.test(issuer) ? issuer : "something else";
    throw new ValidationError(
      "issuer",
      `The configured issuer is ${configuration.issuer}, and the metadata there names ${named}. They must be the same string.`,
    );
  }
  const parsed = document.safeParse(value);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(issue => issue.path.join(".")).join(", ");
    throw new ValidationError("metadata", `The bank's metadata has no valid https URL as ${wrong}.`);
  }
  const aliases = parsed.data.mtls_endpoint_aliases;
  const { mtlsEndpointAliases } = configuration.contract;
  // RFC 8705 section 5: mTLS happens at the aliases. Only a partner who says that the bank has none calls the endpoints
  // themselves: a missing alias never leads to a plain endpoint in silence.
  const mtls = mtlsEndpoints.parse(aliases ?? (mtlsEndpointAliases === "absent" ? parsed.data : {}));
  for (const name of requiredEndpoints(configuration)) {
    if (mtls[name] === undefined) {
      const where = mtlsEndpointAliases === "absent" && aliases === undefined ? name : `mtls_endpoint_aliases.${name}`;
      throw new ValidationError(
        "mtls_endpoint_aliases",
        `The bank's metadata has no ${where}, and the profile needs it.`,
      );
    }
  }
  return Object.freeze({
    issuer: parsed.data.issuer,
    authorizationEndpoint: parsed.data.authorization_endpoint,
    jwksUri: parsed.data.jwks_uri,
    mtls: Object.freeze(mtls) as Metadata["mtls"],
    signedIntrospection: configuration.rules.algorithms.some(alg =>
      parsed.data.introspection_signing_alg_values_supported?.includes(alg),
    ),
  });
}

function requiredEndpoints(configuration: Configuration): readonly MtlsEndpoint[] {
  return configuration.requestDelivery === "par"
    ? ["token_endpoint", "pushed_authorization_request_endpoint"]
    : ["token_endpoint"];
}
