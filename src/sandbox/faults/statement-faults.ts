/**
 * Misbehaviour at the endpoints around a token's life: introspection, userinfo and revocation.
 *
 * @module
 */
import { type Answer, json } from "../api/answer.js";
import type { TokenDraft } from "../authorization/token-draft.js";
import type { StatementDraft } from "./hooks.js";

export const introspectionFaults = {
  "introspection-active-not-boolean": ({ said }: StatementDraft): void => {
    said["active"] = String(said["active"]);
  },
  "introspection-plain-when-signed-expected": (draft: StatementDraft): boolean => {
    const signed = draft.token !== undefined;
    draft.token = undefined;
    return signed;
  },
  "introspection-alg-none": (draft: StatementDraft): boolean => falsifyToken(draft, { signer: "nobody" }),
  "introspection-alg-rs256": (draft: StatementDraft): boolean => falsifyToken(draft, { signer: "rs256-key" }),
  "introspection-signature-bad": (draft: StatementDraft): boolean => falsifyToken(draft, { damaged: true }),
  "introspection-key-unknown": (draft: StatementDraft): boolean => falsifyToken(draft, { signer: "unpublished-key" }),
  "introspection-typ-wrong": (draft: StatementDraft): boolean => falsifyToken(draft, { header: { typ: "JWT" } }),
  "introspection-iss-wrong": (draft: StatementDraft): boolean => falsifyToken(draft, { claims: IMPOSTOR }),
  "introspection-aud-wrong": (draft: StatementDraft): boolean => falsifyToken(draft, { claims: ANOTHERS }),
};

export const userinfoFaults = {
  "userinfo-sub-wrong": ({ said }: StatementDraft): void => {
    said["sub"] = "somebody-else";
  },
  "userinfo-alg-none": (draft: StatementDraft): boolean => falsifyToken(draft, { signer: "nobody" }),
  "userinfo-alg-rs256": (draft: StatementDraft): boolean => falsifyToken(draft, { signer: "rs256-key" }),
  "userinfo-signature-bad": (draft: StatementDraft): boolean => falsifyToken(draft, { damaged: true }),
  "userinfo-iss-wrong": (draft: StatementDraft): boolean => falsifyToken(draft, { claims: IMPOSTOR }),
  "userinfo-aud-wrong": (draft: StatementDraft): boolean => falsifyToken(draft, { claims: ANOTHERS }),
};

const IMPOSTOR = { iss: "https://impostor.example" };
const ANOTHERS = { aud: "another-partner" };

/** Changes the signed token, if the answer is one. Header and claims keep what is not changed. */
function falsifyToken({ token }: StatementDraft, { header, claims, ...rest }: Partial<TokenDraft>): boolean {
  if (token === undefined) return false;
  Object.assign(token.header, header);
  Object.assign(token.claims, claims);
  Object.assign(token, rest);
  return true;
}

export const revocationFaults = {
  "revocation-503": (): Answer => {
    const answer = json(503, { error: "temporarily_unavailable", error_description: "the bank was told to be busy" });
    answer.headers["retry-after"] = "120";
    return answer;
  },
};
