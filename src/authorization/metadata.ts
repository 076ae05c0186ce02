/**
 * The bank's metadata, checked and reduced to what this client uses.
 *
 * @module
 */
import type { Configuration } from "../config/configuration.js";
import { ValidationError } from "../errors.js";
import { list, matching, object, optional, read, type Schema, text } from "../transport/schema.js";

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

const httpsUrl: Schema<string> = matching(
  (value): value is string => typeof value === "string" && URL.canParse(value) && new URL(value).protocol === "https:",
);
const offered = optional(httpsUrl);
const mtlsEndpoints: { readonly [Name in MtlsEndpoint]: typeof offered } = {
  token_endpoint: offered,
  pushed_authorization_request_endpoint: offered,
  introspection_endpoint: offered,
  revocation_endpoint: offered,
  userinfo_endpoint: offered,
  grant_management_endpoint: offered,
};
const ENDPOINTS = Object.keys(mtlsEndpoints) as readonly MtlsEndpoint[];

type Endpoints = { readonly [Name in MtlsEndpoint]?: string | undefined };

interface Document extends Endpoints {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly jwks_uri?: string | undefined;
  readonly mtls_endpoint_aliases?: Endpoints | undefined;
  readonly introspection_signing_alg_values_supported?: readonly string[] | undefined;
}

/** RFC 8414 section 2: jwks_uri is optional. Plain OAuth with plain responses has no use for it. */
function documentOf(keysNeeded: boolean): Schema<Document> {
  return object<Document>({
    ...mtlsEndpoints,
    issuer: text,
    authorization_endpoint: httpsUrl,
    jwks_uri: keysNeeded ? httpsUrl : offered,
    mtls_endpoint_aliases: optional(object<Endpoints>(mtlsEndpoints)),
    introspection_signing_alg_values_supported: optional(list(text)),
  });
}

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
  const keysNeeded = configuration.contract.scopes.openid !== null || configuration.rules.response === "jwt";
  const { value: found, wrong } = read(documentOf(keysNeeded), value);
  if (wrong !== undefined) {
    throw new ValidationError("metadata", `The bank's metadata has no valid https URL as ${wrong.join(", ")}.`);
  }
  // RFC 8705 section 5: mTLS happens at the aliases, where the bank announces any. One that is missing among them never
  // leads to a plain endpoint in silence.
  const mtls = endpointsOf(found.mtls_endpoint_aliases ?? withoutAliases(found, configuration));
  for (const name of requiredEndpoints(configuration)) if (mtls[name] === undefined) throw notOffered(name);
  return Object.freeze({
    issuer: found.issuer,
    authorizationEndpoint: found.authorization_endpoint,
    jwksUri: found.jwks_uri,
    mtls,
    plainOnly: Object.freeze(ENDPOINTS.filter(name => found[name] !== undefined && mtls[name] === undefined)),
    signedIntrospection: (found.introspection_signing_alg_values_supported ?? []).length > 0,
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
function withoutAliases(data: Document, { contract }: Configuration): Endpoints {
  if (contract.mtlsEndpointAliases === "absent") return data;
  if (contract.mtlsEndpointAliases === "required") return {};
  const { origin } = new URL(data.authorization_endpoint);
  return Object.fromEntries(
    Object.entries(endpointsOf(data)).filter(([, endpoint]) => new URL(endpoint).origin !== origin),
  );
}

function endpointsOf(data: Endpoints): Metadata["mtls"] {
  return Object.freeze(
    Object.fromEntries(ENDPOINTS.flatMap(name => (data[name] === undefined ? [] : [[name, data[name]]]))),
  );
}

function requiredEndpoints(configuration: Configuration): readonly MtlsEndpoint[] {
  return configuration.requestDelivery === "par"
    ? ["token_endpoint", "pushed_authorization_request_endpoint"]
    : ["token_endpoint"];
}
