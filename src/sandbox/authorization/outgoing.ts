/**
 * Everything on its way out of the authorization server: completed, noted for the events, and, where a fault is
 * switched on, falsified.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { EventEmitter } from "node:events";
import { decodeProtectedHeader } from "jose";
import type { KoaContextWithOIDC, Provider } from "oidc-provider";
import type { Bank } from "../bank/bank.js";
import type { EventLog, Visit } from "../events.js";
import type { Archive } from "../keeping/archive.js";
import { falsify } from "./falsify.js";
import { completeMetadata } from "./metadata.js";
import { rewriteResponse } from "./response.js";
import type { Seal } from "./seal.js";
import { rewriteStatement } from "./statement.js";
import type { TokenStore } from "./token-store.js";
import { rewriteTokens } from "./tokens.js";

export interface OutgoingOptions extends Seal {
  readonly issuer: string;
  readonly mtlsOrigin: string;
  readonly foreignOrigin: string;
  readonly store: TokenStore;
  /** The last authorization response of each client, as a URL. */
  readonly responses: Map<string, string>;
  readonly events: EventLog;
  readonly archive: Archive;
  readonly bank: Bank;
}

/** Stands between the authorization server and the network. */
export function watchOutgoing(provider: Provider, options: OutgoingOptions): void {
  const emitter: EventEmitter = provider;
  for (const name of ERROR_EVENTS) {
    emitter.on(name, (ctx: KoaContextWithOIDC, error: RefusalError) => {
      options.events.visitOf(ctx.req)?.note({
        error: error.error ?? "server_error",
        reason: error.error_detail ?? error.error_description ?? error.message,
      });
    });
  }
  emitter.on("error", (error: Error, ctx?: KoaContextWithOIDC) => {
    if (ctx !== undefined) options.events.visitOf(ctx.req)?.note({ error: "server_error", reason: error.message });
  });
  provider.use(async (ctx, next) => {
    const visit = options.events.visitOf(ctx.req);
    if (visit === undefined) return;
    try {
      await next();
      if (isRouted(ctx)) {
        visit.clientId = ctx.oidc.client?.clientId;
        await finish(ctx, visit, options);
      }
    } finally {
      keep(ctx, visit, options.archive);
      options.events.close(visit, ctx.respond === false ? 0 : ctx.status);
    }
  });
}

/** An answer can leave once all that it says is kept. */
function keep(ctx: Pick<KoaContextWithOIDC, "req" | "respond">, visit: Visit, archive: Archive): void {
  try {
    archive.save();
  } catch (error) {
    visit.note({ error: "not_kept", reason: error instanceof Error ? error.message : "" });
    ctx.respond = false;
    ctx.req.socket.destroy();
  }
}

interface RefusalError extends Error {
  readonly error?: string;
  readonly error_description?: string;
  readonly error_detail?: string;
}

const ERROR_EVENTS = [
  "authorization.error",
  "pushed_authorization_request.error",
  "grant.error",
  "userinfo.error",
  "introspection.error",
  "revocation.error",
  "server_error",
] as const;

/** Whether one of the server's own routes has dealt with the request: a path it does not know leaves no trace. */
function isRouted(ctx: object): ctx is KoaContextWithOIDC {
  return "oidc" in ctx;
}

async function finish(ctx: KoaContextWithOIDC, visit: Visit, options: OutgoingOptions): Promise<void> {
  const { faults } = options;
  switch (ctx.oidc.route) {
    case "discovery": {
      const document = ctx.body as Record<string, unknown>;
      completeMetadata(document, options.issuer, options.mtlsOrigin);
      for (const fault of faults.take("discovery", undefined)) fault(document, options.foreignOrigin);
      return;
    }
    case "jwks":
      ctx.body = { keys: options.keys.publicKeys };
      return falsify(ctx, faults.take("jwks", undefined));
    case "pushed_authorization_request":
      visit.note({ ...signatureOf(ctx.oidc.body?.["request"]), redirectUri: strangeAddress(ctx) });
      if (ctx.status < 300) await falsify(ctx, faults.take("par", visit.clientId));
      return;
    case "authorization":
    case "resume":
      visit.note({ responseMode: ctx.oidc.params === undefined ? undefined : ctx.oidc.responseMode });
      if (typeof ctx.query["request"] === "string") visit.note(signatureOf(ctx.query["request"]));
      visit.note({ ...decisionOf(ctx, options.bank), redirectUri: strangeAddress(ctx) });
      if (ctx.status === 303 && !goesOn(ctx)) visit.note({ responded: "error" in visit.detail ? "error" : "code" });
      if (!goesOn(ctx)) options.store.endSession(ctx.oidc.session?.uid);
      await rewriteResponse(ctx, options);
      return;
    case "token":
      visit.note({ grantType: grantTypeOf(ctx), ...refreshOf(ctx, options.store) });
      if (ctx.status === 200) await rewriteTokens(ctx, options);
      return;
    case "introspection":
    case "userinfo":
      if (ctx.status === 200) await rewriteStatement(ctx, ctx.oidc.route, options);
      return;
    default:
  }
}

/** A redirect URI that the client has not registered, without its query. */
function strangeAddress({ oidc }: KoaContextWithOIDC): string | undefined {
  const given = oidc.params?.["redirect_uri"];
  const url = typeof given === "string" ? URL.parse(given) : null;
  if (url === null || oidc.client?.redirectUris?.includes(String(given)) !== false) return undefined;
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 200);
}

/** What the customer did on the page that they come back from. */
function decisionOf({ oidc }: KoaContextWithOIDC, { customers, grants }: Bank): Visit["detail"] {
  const { session } = oidc;
  // After a refusal, only the page that was left has it; after a login, the next page is there in its place.
  const result = oidc.result ?? oidc.entities.Interaction?.result;
  const subject = session?.accountId ?? result?.login?.accountId;
  const customer = customers.find(known => known.subject === subject)?.id;
  if (oidc.route !== "resume" || result === undefined || customer === undefined) return {};
  if (result["error"] !== undefined) return { customer, decision: "declined" };
  const grantId = result.consent?.grantId;
  if (grantId === undefined) return { customer, decision: "login" };
  return { customer, decision: "allowed", scopes: grants.find(grantId)?.scopes.join(" ") ?? "" };
}

/** Whether the customer is sent to another of the bank's own pages. */
function goesOn({ res }: KoaContextWithOIDC): boolean {
  return String(res.getHeader("location")).startsWith("/interaction/");
}

function signatureOf(request: unknown): Record<string, string | boolean | undefined> {
  if (typeof request !== "string") return { signed: false };
  try {
    const { alg, kid, typ } = decodeProtectedHeader(request);
    return { signed: alg ?? "none", kid, typ };
  } catch {
    return { signed: "unreadable" };
  }
}

/** What was done with a refresh token. Its hash names it, and nobody can use that. */
function refreshOf({ oidc, status }: KoaContextWithOIDC, store: TokenStore): Visit["detail"] {
  const token = oidc.params?.["refresh_token"];
  if (grantTypeOf({ oidc }) !== "refresh_token" || typeof token !== "string") return {};
  const hash = createHash("sha256").update(token).digest("base64url").slice(0, 22);
  const { RefreshToken, RotatedRefreshToken } = oidc.entities;
  const refresh = store.wasRotated(hash) ? "reused" : status === 200 ? "refreshed" : "refused";
  if (status === 200 && RotatedRefreshToken !== undefined) store.noteRotation(hash);
  const grantId = RefreshToken?.grantId;
  return { refresh, refreshTokenHash: hash, ...(grantId === undefined ? {} : { grantId }) };
}

/** Only a name that a grant type can have: what a caller makes up must not reach the events. */
function grantTypeOf({ oidc }: Pick<KoaContextWithOIDC, "oidc">): string | undefined {
  const name = oidc.params?.["grant_type"];
  return typeof name === "string" && /^[a-z_:-]{1,60}$/.test(name) ? name : undefined;
}
