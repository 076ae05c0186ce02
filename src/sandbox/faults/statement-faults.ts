/**
 * Misbehaviour at the endpoints around a token's life: introspection, userinfo and revocation.
 *
 * @module
 */
import { type Answer, json } from "../api/answer.js";
import type { StatementDraft } from "./hooks.js";

export const introspectionFaults = {
  "introspection-active-not-boolean": ({ said }: StatementDraft): void => {
    said["active"] = String(said["active"]);
  },
  "introspection-plain-when-signed-expected": (draft: StatementDraft): void => {
    draft.token = undefined;
  },
  "introspection-signature-bad": ({ token }: StatementDraft): void => {
    if (token !== undefined) token.damaged = true;
  },
  "introspection-aud-wrong": ({ token }: StatementDraft): void => {
    if (token !== undefined) token.claims["aud"] = "another-partner";
  },
};

export const userinfoFaults = {
  "userinfo-sub-wrong": ({ said }: StatementDraft): void => {
    said["sub"] = "somebody-else";
  },
  "userinfo-signature-bad": ({ token }: StatementDraft): void => {
    if (token !== undefined) token.damaged = true;
  },
};

export const revocationFaults = {
  "revocation-503": (): Answer => {
    const answer = json(503, { error: "temporarily_unavailable", error_description: "the bank was told to be busy" });
    answer.headers["retry-after"] = "120";
    return answer;
  },
};
