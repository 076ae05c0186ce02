/**
 * Everything on its way out of the authorization server: completed, noted for the events, and, where a fault is
 * switched on, falsified.
 *
 * @module
 */
import type { EventEmitter } from "node:events";
import { decodeProtectedHeader } from "jose";
import type { KoaContextWithOIDC, Provider } from "oidc-provider";
import type { EventLog, Visit } from "../events.js";
import type { Faults } from "../faults/faults.js";
import type { OAuthAnswer } from "../faults/hooks.js";
import { type BankKeys, draftOf } from "./bank-keys.js";
import { completeMetadata } from "./metadata.js";
import { rewriteResponse } from "./response.js";
import type { TokenStore } from "./token-store.js";

export interface OutgoingOptions {
  readonly issuer: string;
  readonly mtlsOrigin: string;
  readonly keys: BankKeys;
  readonly store: TokenStore;
  readonly faults: Faults;
  readonly events: EventLog;
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
      options.events.close(visit, ctx.respond === false ? 0 : ctx.status);
    }
  });
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
      for (const fault of faults.take("discovery", undefined)) fault(document);
      return;
    }
    case "jwks": {
      const { keys } = structuredClone(ctx.body) as { keys: Record<string, unknown>[] };
      for (const fault of faults.take("jwks", undefined)) fault(keys);
      ctx.body = { keys };
      return;
    }
    case "pushed_authorization_request":
      visit.note(signatureOf(ctx.oidc.body?.["request"]));
      if (ctx.status < 300) falsify(ctx, faults.take("par", visit.clientId));
      return;
    case "authorization":
    case "resume":
      visit.note({ responseMode: ctx.oidc.params === undefined ? undefined : ctx.oidc.responseMode });
      if (typeof ctx.query["request"] === "string") visit.note(signatureOf(ctx.query["request"]));
      if (!goesOn(ctx)) options.store.endSession(ctx.oidc.session?.uid);
      await rewriteResponse(ctx, options);
      return;
    case "token":
      visit.note({ grantType: grantTypeOf(ctx) });
      if (ctx.status === 200) await finishTokens(ctx, visit, options);
      return;
    default:
  }
}

async function finishTokens(ctx: KoaContextWithOIDC, visit: Visit, options: OutgoingOptions): Promise<void> {
  const { keys, store, faults } = options;
  const { AccessToken, RefreshToken, AuthorizationCode } = ctx.oidc.entities;
  const body = ctx.body as Record<string, unknown>;
  const grantId = AccessToken?.grantId;
  if (grantId === undefined) return;
  body["grant_id"] = grantId;
  // After merge and replace, the new tokens take the place of the old ones in one step.
  if (AuthorizationCode !== undefined) {
    store.forgetTokens(grantId, [AccessToken?.jti, RefreshToken?.jti, AuthorizationCode.jti]);
  }
  const refreshed = AuthorizationCode === undefined;
  const stored = store.accessToken(String(body["access_token"]));
  if (stored !== undefined) for (const fault of faults.take("accessToken", visit.clientId)) fault(stored);
  if (typeof body["id_token"] === "string") {
    const forgeries = [
      ...faults.take("idToken", visit.clientId),
      ...(refreshed ? faults.take("refreshedIdToken", visit.clientId) : []),
    ];
    const draft = draftOf(body["id_token"]);
    for (const fault of forgeries) fault(draft);
    if (forgeries.length > 0) body["id_token"] = await keys.sign(draft);
  }
  falsify(ctx, [...faults.take("token", visit.clientId), ...(refreshed ? faults.take("refresh", visit.clientId) : [])]);
}

/** Lets faults change an answer that is complete. */
function falsify(ctx: KoaContextWithOIDC, faults: readonly ((answer: OAuthAnswer) => void)[]): void {
  if (faults.length === 0) return;
  const answer: OAuthAnswer = {
    status: ctx.status,
    headers: {},
    body: ctx.body as OAuthAnswer["body"],
    dropped: false,
  };
  for (const fault of faults) fault(answer);
  if (answer.dropped) {
    ctx.respond = false;
    ctx.req.socket.destroy();
    return;
  }
  ctx.body = answer.body;
  ctx.status = answer.status;
  ctx.set(answer.headers);
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

/** Only a name that a grant type can have: what a caller makes up must not reach the events. */
function grantTypeOf({ oidc }: KoaContextWithOIDC): string | undefined {
  const name = oidc.params?.["grant_type"];
  return typeof name === "string" && /^[a-z_:-]{1,60}$/.test(name) ? name : undefined;
}
