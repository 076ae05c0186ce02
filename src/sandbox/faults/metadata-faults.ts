/**
 * Lies in what the bank publishes of itself: the discovery document and the keys.
 *
 * @module
 */

import type { JWK } from "jose";
import { publicJwk, weakKeyPair } from "../authorization/key-pair.js";
import { ROUTES } from "../authorization/routes.js";
import type { TokenDraft } from "../authorization/token-draft.js";
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
  "jwks-foreign-host": (document: Document, foreignOrigin: string): void => {
    document["jwks_uri"] = `${foreignOrigin}${ROUTES.jwks}`;
  },
  "metadata-alias-missing": (document: Document): void => {
    delete document["mtls_endpoint_aliases"];
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

/** The other half of `jwks-weak-key`, for clients that are registered for PS256: no other algorithm fits an RSA key. */
export const signatureFaults = {
  "jwks-weak-key": (draft: TokenDraft): void => {
    if (draft.signer === "bank" && draft.header["alg"] === "PS256") draft.signer = "weak-key";
  },
};

function changeKeys(answer: OAuthAnswer, change: (keys: JWK[]) => object[]): void {
  if (typeof answer.body === "object") answer.body["keys"] = change(answer.body["keys"] as JWK[]);
}
