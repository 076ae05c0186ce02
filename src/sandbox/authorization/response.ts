/**
 * The authorization response in the redirect to the partner: taken apart, changed by faults, and put together again.
 *
 * @module
 */
import type { KoaContextWithOIDC } from "oidc-provider";
import type { ResponseDraft } from "../faults/hooks.js";
import type { OutgoingOptions } from "./outgoing.js";
import { seal } from "./seal.js";
import { draftOf, newDraft, type TokenDraft } from "./token-draft.js";

/** Rewrites the redirect to the partner, if there is one. */
export async function rewriteResponse(ctx: KoaContextWithOIDC, options: OutgoingOptions): Promise<void> {
  const clientId = ctx.oidc.client?.clientId;
  const redirectUri = ctx.oidc.params?.["redirect_uri"];
  if (clientId === undefined || typeof redirectUri !== "string") return;
  const location = URL.parse(String(ctx.res.getHeader("location")));
  const target = new URL(redirectUri);
  if (location?.origin !== target.origin || location.pathname !== target.pathname) return;

  const alg = String(ctx.oidc.client?.metadata()["authorization_signed_response_alg"]);
  const { draft, jarm } = takeApart(location, target, { iss: options.issuer, aud: clientId }, alg);
  for (const fault of options.faults.take("response", clientId)) fault(draft);
  const parameters = new URLSearchParams(draft.parameters);
  if (draft.form === "jwt") {
    Object.assign(jarm.claims, draft.parameters);
    for (const fault of options.faults.take("jarm", clientId)) fault(jarm);
    for (const name of [...parameters.keys()]) parameters.delete(name);
    parameters.set("response", await seal(jarm, clientId, options, "authorizationResponse"));
  }
  const [first] = parameters;
  if (draft.repeated && first !== undefined) parameters.append(...first);
  for (const [name, value] of parameters) target.searchParams.append(name, value);
  const redirect = { location: target.href, earlier: options.responses.get(clientId) };
  options.responses.set(clientId, target.href);
  for (const fault of options.faults.take("redirect", clientId)) fault(redirect);
  ctx.set("location", redirect.location);
}

interface Parties {
  readonly iss: string;
  readonly aud: string;
}

function takeApart(
  location: URL,
  target: URL,
  parties: Parties,
  alg: string,
): { draft: ResponseDraft; jarm: TokenDraft } {
  const response = location.searchParams.get("response");
  if (response !== null) {
    const { header, claims } = draftOf(response);
    const { iss, aud, exp, ...parameters } = claims;
    return {
      draft: { parameters: parameters as Record<string, string>, form: "jwt", repeated: false },
      jarm: newDraft(header, { iss, aud, exp }),
    };
  }
  const parameters = Object.fromEntries([...location.searchParams].filter(([name]) => !target.searchParams.has(name)));
  const exp = Math.floor(Date.now() / 1000) + 120;
  return {
    draft: { parameters, form: "query", repeated: false },
    jarm: newDraft({ alg }, { ...parties, exp }),
  };
}
