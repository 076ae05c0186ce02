/**
 * Misbehaviour from the pushed request to the authorization response in the customer's browser.
 *
 * @module
 */
import type { TokenDraft } from "../authorization/token-draft.js";
import type { OAuthAnswer, Redirect, ResponseDraft } from "./hooks.js";

export const parFaults = {
  "par-request-uri-foreign": (answer: OAuthAnswer): void => {
    answer.body = { request_uri: "https://impostor.example/request", expires_in: 60 };
  },
  "par-request-uri-expired": (answer: OAuthAnswer): void => {
    if (typeof answer.body === "object") answer.body["expires_in"] = 0;
  },
  "par-error": (answer: OAuthAnswer): void => {
    answer.status = 400;
    answer.body = { error: "invalid_request", error_description: "the bank was told to refuse" };
  },
  "par-status-200": (answer: OAuthAnswer): void => {
    answer.status = 200;
  },
};

export const responseFaults = {
  "response-iss-missing": ({ parameters }: ResponseDraft): boolean => {
    const present = "iss" in parameters;
    delete parameters["iss"];
    return present;
  },
  "response-iss-wrong": ({ parameters }: ResponseDraft): void => {
    parameters["iss"] = "https://impostor.example";
  },
  "response-state-missing": ({ parameters }: ResponseDraft): void => {
    delete parameters["state"];
  },
  "response-state-wrong": ({ parameters }: ResponseDraft): void => {
    parameters["state"] = "state-of-somebody-else";
  },
  "response-plain-when-jarm-expected": (draft: ResponseDraft): boolean => reform(draft, "query"),
  "response-jarm-when-plain-expected": (draft: ResponseDraft): boolean => reform(draft, "jwt"),
  "response-duplicated-parameter": (draft: ResponseDraft): void => {
    draft.repeated = true;
  },
  "response-without-code-or-error": ({ parameters }: ResponseDraft): void => {
    delete parameters["code"];
    delete parameters["error"];
  },
  "error-outside-jarm": (draft: ResponseDraft): void => {
    draft.form = "query";
    refuse(draft);
  },
  "error-inside-jarm": (draft: ResponseDraft): void => {
    draft.form = "jwt";
    refuse(draft);
  },
};

function reform(draft: ResponseDraft, form: ResponseDraft["form"]): boolean {
  const other = draft.form !== form;
  draft.form = form;
  return other;
}

function refuse({ parameters }: ResponseDraft): void {
  delete parameters["code"];
  parameters["error"] = "server_error";
  parameters["error_description"] = "the bank was told to fail";
}

export const jarmFaults = {
  "jarm-iss-missing": ({ claims }: TokenDraft): void => {
    delete claims["iss"];
  },
  "jarm-iss-wrong": ({ claims }: TokenDraft): void => {
    claims["iss"] = "https://impostor.example";
  },
  "jarm-aud-missing": ({ claims }: TokenDraft): void => {
    delete claims["aud"];
  },
  "jarm-aud-wrong": ({ claims }: TokenDraft): void => {
    claims["aud"] = "another-partner";
  },
  "jarm-exp-missing": ({ claims }: TokenDraft): void => {
    delete claims["exp"];
  },
  "jarm-expired": ({ claims }: TokenDraft): void => {
    claims["exp"] = Math.floor(Date.now() / 1000) - 3600;
  },
  "jarm-alg-none": (draft: TokenDraft): void => {
    draft.signer = "nobody";
  },
  "jarm-alg-rs256-published-key": (draft: TokenDraft): void => {
    draft.signer = "rs256-key";
  },
  "jarm-signature-bad": (draft: TokenDraft): void => {
    draft.damaged = true;
  },
  "jarm-key-unknown": (draft: TokenDraft): void => {
    draft.signer = "unpublished-key";
  },
  "jarm-too-large": ({ claims }: TokenDraft): void => {
    claims["padding"] = "x".repeat(64 * 1024);
  },
  "jarm-plain-when-encryption-registered": (draft: TokenDraft): void => {
    draft.encryption = "none";
  },
  "jarm-encrypted-rsa15": (draft: TokenDraft): void => {
    draft.encryption = "rsa1_5";
  },
  "jarm-encrypted-unknown-key": (draft: TokenDraft): void => {
    draft.encryption = "unknown-key";
  },
};

/** The browser brings back an earlier response: whether it is spent or another browser's depends on who completed it. */
export const redirectFaults = {
  "response-state-of-another-browser": (redirect: Redirect): boolean => bringEarlier(redirect),
  "response-replayed": (redirect: Redirect): boolean => bringEarlier(redirect),
};

function bringEarlier(redirect: Redirect): boolean {
  if (redirect.earlier === undefined) return false;
  redirect.location = redirect.earlier;
  return true;
}
