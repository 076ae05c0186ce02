/**
 * What introspection and userinfo say, as JSON or in a signed token: changed by faults, and signed by the keys of now.
 *
 * @module
 */
import type { KoaContextWithOIDC } from "oidc-provider";
import type { StatementDraft } from "../faults/hooks.js";
import { type Seal, seal } from "./seal.js";
import { draftOf } from "./token-draft.js";

type Statement = "introspection" | "userinfo";

/** Rewrites an answer that was successful. */
export async function rewriteStatement(ctx: KoaContextWithOIDC, kind: Statement, options: Seal): Promise<void> {
  const clientId = ctx.oidc.client?.clientId;
  if (clientId === undefined) return;
  const draft = takeApart(ctx.body, kind);
  for (const fault of options.faults.take(kind, clientId)) fault(draft);
  if (draft.token !== undefined) ctx.body = await seal(draft.token, clientId, options);
  else {
    ctx.body = draft.said;
    ctx.type = "json";
  }
}

/** A signed introspection says its part in a claim of its own (RFC 9701 section 5), userinfo in the claims themselves. */
function takeApart(body: unknown, kind: Statement): StatementDraft {
  if (typeof body !== "string") return { said: body as Record<string, unknown>, token: undefined };
  const token = draftOf(body);
  const said = kind === "userinfo" ? token.claims : token.claims["token_introspection"];
  return { said: said as Record<string, unknown>, token };
}
