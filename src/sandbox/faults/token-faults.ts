/**
 * Misbehaviour at the token endpoint: ID Tokens, access tokens, and the answer around them.
 *
 * @module
 */
import type { TokenDraft } from "../authorization/token-draft.js";
import type { OAuthAnswer, RefreshTokenLookup, StoredToken } from "./hooks.js";

const HUGE = 12 * 1024 * 1024;
const HOUR = 3600;
/** Milliseconds: long enough for others to come, and short of what a partner waits for the bank. */
const SLOW = 400;

export const idTokenFaults = {
  "id-token-iss-missing": ({ claims }: TokenDraft): void => {
    delete claims["iss"];
  },
  "id-token-iss-wrong": ({ claims }: TokenDraft): void => {
    claims["iss"] = "https://impostor.example";
  },
  "id-token-aud-missing": ({ claims }: TokenDraft): void => {
    delete claims["aud"];
  },
  "id-token-aud-wrong": ({ claims }: TokenDraft): void => {
    claims["aud"] = "another-partner";
  },
  "id-token-aud-second-untrusted": ({ claims }: TokenDraft): void => {
    claims["aud"] = [claims["aud"], "another-partner"];
  },
  "id-token-aud-array-valid": ({ claims }: TokenDraft): void => {
    claims["aud"] = [claims["aud"]];
  },
  "id-token-nonce-missing": ({ claims }: TokenDraft): void => {
    delete claims["nonce"];
  },
  "id-token-nonce-wrong": ({ claims }: TokenDraft): void => {
    claims["nonce"] = "nonce-of-somebody-else";
  },
  "id-token-alg-none": (draft: TokenDraft): void => {
    draft.signer = "nobody";
  },
  "id-token-alg-rs256": (draft: TokenDraft): void => {
    draft.signer = "rs256-key";
  },
  "id-token-signature-bad": (draft: TokenDraft): void => {
    draft.damaged = true;
  },
  "id-token-expired": ({ claims }: TokenDraft): void => {
    claims["exp"] = now() - HOUR;
  },
  "id-token-exp-missing": ({ claims }: TokenDraft): void => {
    delete claims["exp"];
  },
  /** It ends after that, so that nothing else is wrong with it. */
  "id-token-iat-future": ({ claims }: TokenDraft): void => {
    claims["iat"] = now() + HOUR;
    claims["exp"] = now() + 2 * HOUR;
  },
  "id-token-iat-old": ({ claims }: TokenDraft): void => {
    claims["iat"] = now() - 7 * 24 * HOUR;
  },
  "id-token-at-hash-wrong": ({ claims }: TokenDraft): void => {
    claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA";
  },
  "id-token-at-hash-absent": ({ claims }: TokenDraft): void => {
    delete claims["at_hash"];
  },
  "id-token-plain-when-encryption-registered": (draft: TokenDraft): void => {
    draft.encryption = "none";
  },
  "id-token-encrypted": (draft: TokenDraft): void => {
    draft.encryption = "newest-key";
  },
  "id-token-encrypted-rsa15": (draft: TokenDraft): void => {
    draft.encryption = "rsa1_5";
  },
};

export const refreshedIdTokenFaults = {
  "id-token-sub-changed-on-refresh": ({ claims }: TokenDraft): void => {
    claims["sub"] = "somebody-else";
  },
};

export const accessTokenFaults = {
  "token-bound-to-another-certificate": (token: StoredToken): void => {
    token["x5t#S256"] = "A".repeat(43);
  },
  "token-scope-narrowed": (token: StoredToken): void => {
    token.scope = token.scope?.split(" ").slice(0, -1).join(" ");
  },
};

export const tokenFaults = {
  "token-type-dpop": (answer: OAuthAnswer): void => set(answer, "token_type", "DPoP"),
  "token-type-case": (answer: OAuthAnswer): void => set(answer, "token_type", "bEARER"),
  "token-no-expires-in": (answer: OAuthAnswer): void => set(answer, "expires_in", undefined),
  "token-no-scope": (answer: OAuthAnswer): void => set(answer, "scope", undefined),
  "token-response-html": (answer: OAuthAnswer): void => {
    answer.headers = { "content-type": "text/html; charset=utf-8" };
    answer.body = "<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>";
  },
  "token-response-huge": (answer: OAuthAnswer): void => set(answer, "padding", "x".repeat(HUGE)),
  "token-endpoint-redirect": (answer: OAuthAnswer): void => {
    answer.status = 307;
    answer.headers = { location: "/elsewhere" };
    answer.body = "";
  },
};

/** The bank does not know the token for as long as the fault is on; it comes to no harm. */
export const refreshTokenFaults = {
  "refresh-invalid-grant-after-race": (lookup: RefreshTokenLookup): void => {
    lookup.known = false;
  },
};

export const refreshFaults = {
  /** The refresh is done when the bank begins to take its time. */
  "refresh-race": (answer: OAuthAnswer): void => {
    answer.delay = SLOW;
  },
  /** Where refresh tokens are rotated, the new one is lost with the answer. */
  "refresh-response-lost": (answer: OAuthAnswer): void => drop(answer),
  "refresh-rotated-response-lost": (answer: OAuthAnswer): void => drop(answer),
};

function now(): number {
  return Math.floor(Date.now() / 1000);
}

function drop(answer: OAuthAnswer): void {
  answer.dropped = true;
}

/** Sets one member of the answer; `undefined` takes it away. */
function set(answer: OAuthAnswer, name: string, value: unknown): void {
  if (typeof answer.body === "object") answer.body = { ...answer.body, [name]: value };
}
