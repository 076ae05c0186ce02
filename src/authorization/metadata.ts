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
  /** Absent where the bank announces none and nothing that it signs is expected. */
  readonly jwksUri: string | undefined;
  /** Where each endpoint is reached with the client certificate; an absent one is not offered that way. */
  readonly mtls: Readonly<Partial<Record<MtlsEndpoint, string>>>;
  /** Endpoints that the bank has, and not for a client that authenticates by its certificate. */
  readonly plainOnly: readonly MtlsEndpoint[];
  /** Whether the bank offers signed introspection responses: then plain ones are refused (MS 5.5.2). */
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
const ENDPOINTS = Object.keys(mtlsEndpoints.shape) as readonly MtlsEndpoint[];
const document = mtlsEndpoints.extend({
  issuer: z.string(),
  authorization_endpoint: httpsUrl,
  jwks_uri: httpsUrl.optional(),
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
  // RFC 8414 section 2: jwks_uri is optional. Plain OAuth with plain responses has no use for it.
  const keysNeeded = configuration.contract.scopes.openid !== null || configuration.rules.response === "jwt";
  const parsed = (keysNeeded ? document.required({ jwks_uri: true }) : document).safeParse(value);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(issue => issue.path.join(".")).join(", ");
    throw new ValidationError("metadata", `The bank's metadata has no valid https URL as ${wrong}.`);
  }
  // RFC 8705 section 5: mTLS happens at the aliases, where the bank announces any. One that is missing among them never
  // leads to a plain endpoint in silence.
  const mtls = mtlsEndpoints.parse(parsed.data.mtls_endpoint_aliases ?? withoutAliases(parsed.data, configuration));
  for (const name of requiredEndpoints(configuration)) if (mtls[name] === undefined) throw notOffered(name);
  return Object.freeze({
    issuer: parsed.data.issuer,
    authorizationEndpoint: parsed.data.authorization_endpoint,
    jwksUri: parsed.data.jwks_uri,
    mtls: Object.freeze(mtls) as Metadata["mtls"],
    plainOnly: Object.freeze(ENDPOINTS.filter(name => parsed.data[name] !== undefined && mtls[name] === undefined)),
    signedIntrospection: (parsed.data.introspection_signing_alg_values_supported ?? []).length > 0,
  });
}

/**
 * Where an endpoint is; `undefined` where the bank has no such endpoint.
 *
 * @throws {@link ValidationError} `mtls_endpoint_aliases` when it can't be called with the client certificate.
 */
export function mtlsEndpoint({ mtls, plainOnly }: Metadata, name: MtlsEndpoint): string | undefined {
  if (plainOnly.includes(name)) throw notOffered(name);
  return mtls[name];
}

function notOffered(name: MtlsEndpoint): ValidationError {
  const message = `The bank's metadata has no ${name} for mutual TLS: none among mtls_endpoint_aliases, and none of its own.`;
  return new ValidationError("mtls_endpoint_aliases", message);
}

/**
 * A bank without aliases asks for the certificate at the endpoints themselves. Where customers' browsers go it can't: an
 * endpoint beside theirs is taken for a plain one, unless the partner says otherwise.
 */
function withoutAliases(data: z.infer<typeof document>, { contract }: Configuration): object {
  if (contract.mtlsEndpointAliases === "absent") return data;
  if (contract.mtlsEndpointAliases === "required") return {};
  const { origin } = new URL(data.authorization_endpoint);
  const apart = ENDPOINTS.filter(name => data[name] !== undefined && new URL(data[name]).origin !== origin);
  return Object.fromEntries(apart.map(name => [name, data[name]]));
}

function requiredEndpoints(configuration: Configuration): readonly MtlsEndpoint[] {
  return configuration.requestDelivery === "par"
    ? ["token_endpoint", "pushed_authorization_request_endpoint"]
    : ["token_endpoint"];
}
