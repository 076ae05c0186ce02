/**
 * The options of a sandbox, checked, with their defaults.
 *
 * @module
 */
import type { JWK } from "jose";
import type { SandboxEvent } from "./events.js";

/** How a sandbox behaves. Everything is optional. */
export interface SandboxOptions {
  /** The port that browsers use; any free one by default. */
  readonly port?: number;
  /** The port where a client certificate is asked for; any free one by default. */
  readonly mtlsPort?: number;
  /** Registered for every client beside `https://partner.example/bank/callback`. */
  readonly redirectUris?: readonly string[];
  /**
   * The partner's own public keys (PS256 or ES256, with a `kid`), registered for both clients that sign their requests
   * beside the keys that the sandbox makes.
   */
  readonly signingKeys?: readonly JWK[];
  /** How long an access token lives, in seconds; 300 by default. */
  readonly accessTokenSeconds?: number;
  /** Whether each refresh ends the refresh token that was used; false by default, as FAPI 2.0 has it. */
  readonly rotateRefreshTokens?: boolean;
  /**
   * For how many seconds a refresh token that was rotated may be used again, by a client that never received the new one
   * (FAPI 2.0 Security Profile 5.3.2.1); 0 by default: then a second use ends the whole grant.
   */
  readonly refreshTokenRetrySeconds?: number;
  /** How long a grant lasts, in days; 365 by default. */
  readonly grantDays?: number;
  /** Rows on a page of transactions or deposits; 500 by default, and at most. */
  readonly pageSize?: number;
  /**
   * Whether the TLS handshake ends where the client certificate is missing, expired or foreign (true, the default).
   * Otherwise the request comes in, and the bank answers it with an error.
   */
  readonly requireTrustedCertificate?: boolean;
  /** Whether each client is registered for userinfo as a signed JWT; false by default: it is JSON. */
  readonly signedUserinfo?: boolean;
  /**
   * A folder to keep certificates and keys in, which it makes: the sandbox of the next time has the same ones, so that a
   * partner's configuration stays good. Certificates that have ended are renewed. For one sandbox at a time.
   *
   * Of the clients' encryption keys it keeps the newest, which the first {@link Sandbox.encryptFor} of the next time takes
   * up again; not what {@link Sandbox.registerKey} and {@link Sandbox.reregister} have changed.
   */
  readonly keys?: string;
  /**
   * A folder to keep in what the bank knows, which it makes: money, debits and their idempotency keys, grants and tokens.
   * Nothing that was answered is lost, however the process ends. Keeps the keys there too, unless `keys` names another
   * folder: tokens are bound to certificates.
   */
  readonly state?: string;
  /** How many events are kept, the latest ones; all of them by default. A run of hours should keep fewer. */
  readonly keepEvents?: number;
  /** Called with each event, before its answer is sent. */
  readonly onEvent?: (event: SandboxEvent) => void;
  /**
   * The bank's clock in epoch milliseconds, for the ledger, the idempotency window and the end of grants. The clock of
   * tokens, codes and certificates stays the machine's.
   */
  readonly now?: () => number;
}

export interface Settings extends Required<Omit<SandboxOptions, "onEvent" | "redirectUris" | "keys" | "state">> {
  readonly redirectUris: readonly [string, ...string[]];
  readonly keys: string | undefined;
  readonly state: string | undefined;
  readonly onEvent: SandboxOptions["onEvent"];
}

const DEFAULT_REDIRECT_URI = "https://partner.example/bank/callback";
const MOST_ROWS = 500;
const MOST_EVENTS = Number.MAX_SAFE_INTEGER;

export function checkOptions(options: SandboxOptions): Settings {
  return {
    port: integer("port", options.port ?? 0, 0, 65_535),
    mtlsPort: integer("mtlsPort", options.mtlsPort ?? 0, 0, 65_535),
    redirectUris: [DEFAULT_REDIRECT_URI, ...(options.redirectUris ?? []).map(checkRedirectUri)],
    signingKeys: (options.signingKeys ?? []).map(checkSigningKey),
    accessTokenSeconds: integer("accessTokenSeconds", options.accessTokenSeconds ?? 300, 1, 86_400),
    rotateRefreshTokens: options.rotateRefreshTokens ?? false,
    refreshTokenRetrySeconds: integer("refreshTokenRetrySeconds", options.refreshTokenRetrySeconds ?? 0, 0, 86_400),
    grantDays: integer("grantDays", options.grantDays ?? 365, 1, 3650),
    pageSize: integer("pageSize", options.pageSize ?? MOST_ROWS, 1, MOST_ROWS),
    requireTrustedCertificate: options.requireTrustedCertificate ?? true,
    signedUserinfo: options.signedUserinfo ?? false,
    keys: folder("keys", options.keys),
    state: folder("state", options.state),
    keepEvents: integer("keepEvents", options.keepEvents ?? MOST_EVENTS, 0, MOST_EVENTS),
    onEvent: options.onEvent,
    now: options.now ?? Date.now,
  };
}

function folder(name: string, path: string | undefined): string | undefined {
  if (path === undefined || (typeof path === "string" && path !== "")) return path;
  throw new RangeError(`${name} must be the path of a folder`);
}

function integer(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name} must be an integer from ${least} to ${most}`);
}

function checkRedirectUri(uri: string): string {
  if (URL.canParse(uri) && /^https?:$/.test(new URL(uri).protocol) && !uri.includes("#")) return uri;
  throw new RangeError("redirectUris must be http or https URLs without a fragment");
}

export function checkSigningKey(key: JWK): JWK {
  const { alg, kid, d } = key ?? {};
  if ((alg === "PS256" || alg === "ES256") && typeof kid === "string" && d === undefined) return key;
  throw new RangeError("signingKeys must be public JWKs with a kid, for PS256 or ES256");
}
