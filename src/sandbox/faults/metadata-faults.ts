/**
 * Lies in what the bank publishes of itself: the discovery document and the keys.
 *
 * @module
 */

import type { JWK } from "jose";
import { publicJwk, weakKeyPair } from "../authorization/key-pair.js";
import { ROUTES } from "../authorization/routes.js";
import type { Signer, TokenDraft } from "../authorization/token-draft.js";
import type { OAuthAnswer } from "./hooks.js";

const HUGE = 2 * 1024 * 1024;

type Document = Record<string, unknown>;

export const discoveryFaults = {
  "discovery-issuer-mismatch": (document: Document): void => {
    document["issuer"] = "https://impostor.example";
  },
  "discovery-issuer-trailing-slash": (document: Document): void => {
    document["issuer"] = `${document["issuer"]}/`;
  },
  "jwks-foreign-host-gets-no-client-certificate": (document: Document, foreignOrigin: string): void => {
    document["jwks_uri"] = `${foreignOrigin}${ROUTES.jwks}`;
  },
  "metadata-alias-missing": (document: Document): void => {
    delete document["mtls_endpoint_aliases"];
  },
  "metadata-introspection-algs-absent": (document: Document): void => {
    delete document["introspection_signing_alg_values_supported"];
  },
  "metadata-offers-rs256-and-none": (document: Document): void => {
    for (const name of Object.keys(document)) {
      if (name.endsWith("signing_alg_values_supported")) document[name] = ["RS256", "none"];
    }
  },
};

export const jwksFaults = {
  /** Each key is preceded by others that share its kid and do not say what they are for. */
  "jwks-duplicate-kid": (answer: OAuthAnswer): void =>
    changeKeys(answer, keys => {
      const decoys = keys.map(({ alg: _alg, use: _use, ...key }) => key);
      return keys.flatMap(key => [
        ...decoys.filter(({ kid }) => kid !== key.kid).map(decoy => ({ ...decoy, kid: key.kid })),
        key,
      ]);
    }),
  "jwks-empty": (answer: OAuthAnswer): void => changeKeys(answer, () => []),
  "jwks-weak-key": (answer: OAuthAnswer): void => changeKeys(answer, keys => [...keys, publicJwk(weakKeyPair())]),
  "jwks-html": (answer: OAuthAnswer): void => {
    answer.headers = { "content-type": "text/html; charset=utf-8" };
    answer.body = "<!doctype html><title>メンテナンス中</title><h1>メンテナンス中</h1>";
  },
  "jwks-huge": (answer: OAuthAnswer): void => {
    if (typeof answer.body === "object") answer.body["padding"] = "x".repeat(HUGE);
  },
};

export const signatureFaults = {
  "jwks-rotated": (draft: TokenDraft): boolean => signInstead(draft, "next-key"),
  /** Signs with the weak key that is published, for clients of PS256: no other algorithm fits an RSA key. */
  "jwks-weak-key": (draft: TokenDraft): boolean => draft.header["alg"] === "PS256" && signInstead(draft, "weak-key"),
};

/** Unless the token is a forgery already. */
function signInstead(draft: TokenDraft, signer: Signer): boolean {
  if (draft.signer !== "bank") return false;
  draft.signer = signer;
  return true;
}

function changeKeys(answer: OAuthAnswer, change: (keys: JWK[]) => object[]): void {
  if (typeof answer.body === "object") answer.body["keys"] = change(answer.body["keys"] as JWK[]);
}
