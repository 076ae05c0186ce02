/**
 * The authorization server: oidc-provider, set up for the three profiles at once.
 *
 * @module
 */
import type {
  Adapter,
  Client,
  ClientMetadata,
  Configuration,
  FapiProfile,
  KoaContextWithOIDC,
  Provider,
} from "oidc-provider";
import type { Bank } from "../bank/bank.js";
import { SCOPES } from "../bank/scopes.js";
import type { Registration, SandboxProfile } from "../client.js";
import { errorPage } from "../pages/ending.js";
import { viewOf } from "../pages/language.js";
import { pageHeaders } from "../pages/style.js";
import { presentedCertificate, subjectDn } from "../tls/presented-certificate.js";
import type { BankKeys } from "./bank-keys.js";
import { checkGrantManagement, type OidcErrors } from "./grant-parameters.js";
import { loadProvider } from "./load-provider.js";
import { ROUTES } from "./routes.js";
import type { TokenStore } from "./token-store.js";

export interface AuthorizationServerOptions {
  readonly issuer: string;
  readonly bank: Bank;
  readonly keys: BankKeys;
  /** What the cookies of the customer's browser are signed with. */
  readonly cookieKey: Buffer;
  readonly store: TokenStore;
  readonly registrations: readonly Registration[];
  readonly accessTokenSeconds: number;
  readonly rotateRefreshTokens: boolean;
  readonly signedUserinfo: boolean;
}

const SIGNING_ALGORITHMS = ["PS256", "ES256"] as const;
const TEN_YEARS = 10 * 365 * 86_400; // beyond every grant, whose record alone decides when it ends
const FAPI: Readonly<Record<SandboxProfile, FapiProfile>> = {
  "fapi1-advanced": "1.0 Final",
  "fapi2-security": "2.0",
  "fapi2-message-signing": "2.0",
};

/** Starts the server; {@link Provider.callback} then answers its requests. */
export async function createAuthorizationServer(options: AuthorizationServerOptions): Promise<Provider> {
  const { default: Provider, errors } = await loadProvider();
  return new Provider(options.issuer, configuration(options, errors));
}

function configuration(options: AuthorizationServerOptions, errors: OidcErrors): Configuration {
  const { bank, registrations, store } = options;
  const registered = (id: string | undefined) => registrations.find(({ clientId }) => clientId === id);
  return {
    // Not from a list that the server keeps: the bank may change what a client is registered for.
    adapter: name => (name === "Client" ? clients(registered, options.signedUserinfo) : store.adapter(name)),
    jwks: { keys: options.keys.privateKeys },
    routes: ROUTES,
    scopes: [...SCOPES],
    claims: { openid: ["sub", "at_hash"] },
    subjectTypes: ["public"],
    responseTypes: ["code"],
    clientAuthMethods: ["tls_client_auth"],
    cookies: { keys: [options.cookieKey], long: COOKIE, short: COOKIE },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientBasedCORS: () => false,
    pkce: { required: () => true },
    extraParams: { grant_management_action: checkGrantManagement(bank.grants, errors), grant_id: null },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: { enabled: false },
      fapi: { enabled: true, profile: (_ctx, client) => fapiProfile(registered(client?.clientId)?.profile) },
      pushedAuthorizationRequests: { enabled: true },
      requestObjects: { enabled: true },
      jwtResponseModes: { enabled: true },
      introspection: { enabled: true, allowedPolicy: ownTokens },
      jwtIntrospection: { enabled: true },
      revocation: { enabled: true, allowedPolicy: ownTokens },
      userinfo: { enabled: true },
      jwtUserinfo: { enabled: true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        tlsClientAuth: true,
        getCertificate: ctx => presentedCertificate(ctx.req)?.x509,
        certificateAuthorized: ctx => presentedCertificate(ctx.req)?.trusted ?? false,
        certificateSubjectMatches(ctx, property, expected) {
          const certificate = presentedCertificate(ctx.req);
          return property === "tls_client_auth_subject_dn" && certificate !== undefined
            ? subjectDn(certificate.x509) === expected
            : false;
        },
      },
    },
    enabledJWA: {
      idTokenSigningAlgValues: SIGNING_ALGORITHMS,
      requestObjectSigningAlgValues: SIGNING_ALGORITHMS,
      authorizationSigningAlgValues: SIGNING_ALGORITHMS,
      introspectionSigningAlgValues: SIGNING_ALGORITHMS,
      userinfoSigningAlgValues: SIGNING_ALGORITHMS,
    },
    ttl: {
      AccessToken: options.accessTokenSeconds,
      AuthorizationCode: 60,
      IdToken: 3600,
      Interaction: 3600,
      Session: 3600,
      RefreshToken: TEN_YEARS,
      Grant: TEN_YEARS,
    },
    rotateRefreshToken: options.rotateRefreshTokens,
    // Links outlive the customer's session in the browser, and a revoked token is not a released grant.
    expiresWithSession: async () => false,
    revokeGrantPolicy: ctx => ctx.oidc.route !== "revocation",
    issueRefreshToken: async (_ctx, _client, code) => code.scopes.has("offline_access") || !code.scopes.has("openid"),
    // Every authorization is a new decision, also by a customer who has allowed the same before.
    loadExistingGrant: async ctx => {
      const grantId = ctx.oidc.result?.consent?.grantId;
      return grantId === undefined ? undefined : ctx.oidc.provider.Grant.find(grantId);
    },
    async findAccount(ctx, subject) {
      if (!bank.customers.some(customer => customer.subject === subject)) return undefined;
      return { accountId: subject, claims: async use => ({ sub: subject, ...accessTokenFor(use, ctx) }) };
    },
    renderError(ctx, out) {
      const view = viewOf(ctx.req, ctx.oidc.params?.["ui_locales"]);
      ctx.set(pageHeaders());
      if (view.cookie !== undefined) ctx.append("set-cookie", view.cookie);
      ctx.type = "html";
      ctx.body = errorPage(view, out.error, out.error_description);
    },
  };
}

const COOKIE = { httpOnly: true, sameSite: "lax", secure: true, signed: true } as const;

/** A client is told of its own tokens, and can end no other's. */
function ownTokens(_ctx: KoaContextWithOIDC, client: Client, token: { clientId?: string | undefined }): boolean {
  return token.clientId === client.clientId;
}

/** The value that the server hashes into `at_hash`, which it does not offer at the token endpoint by itself. */
function accessTokenFor(use: string, { oidc }: KoaContextWithOIDC): { at_hash?: string } {
  const token = oidc.entities.AccessToken?.jti;
  return use === "id_token" && token !== undefined ? { at_hash: token } : {};
}

function fapiProfile(profile: SandboxProfile | undefined): FapiProfile | undefined {
  return profile === undefined ? undefined : FAPI[profile];
}

/** The view of the registrations that the authorization server has. */
function clients(registered: (id: string) => Registration | undefined, signedUserinfo: boolean): Adapter {
  const unused = async () => undefined;
  return {
    find: async id => {
      const registration = registered(id);
      return registration && metadata(registration, signedUserinfo);
    },
    upsert: unused,
    findByUid: unused,
    findByUserCode: unused,
    consume: unused,
    destroy: unused,
    revokeByGrantId: unused,
  };
}

function metadata(registration: Registration, signedUserinfo: boolean): ClientMetadata {
  const { profile, signsRequests: signed, requestAlg, responseAlg } = registration;
  return {
    client_id: registration.clientId,
    client_name: registration.name,
    redirect_uris: registration.redirectUris,
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    response_modes: signed ? ["jwt", "query.jwt"] : ["query"],
    token_endpoint_auth_method: "tls_client_auth",
    tls_client_auth_subject_dn: registration.subjectDn,
    tls_client_certificate_bound_access_tokens: true,
    id_token_signed_response_alg: responseAlg,
    authorization_signed_response_alg: responseAlg,
    introspection_signed_response_alg: responseAlg,
    ...(signedUserinfo ? { userinfo_signed_response_alg: responseAlg } : {}),
    require_pushed_authorization_requests: profile !== "fapi1-advanced",
    ...(signed
      ? {
          ...(requestAlg === undefined ? {} : { request_object_signing_alg: requestAlg }),
          require_signed_request_object: true,
          jwks: { keys: [...registration.keys] },
        }
      : {}),
  };
}
