/**
 * Lies in what the bank publishes of itself: the discovery document and the keys.
 *
 * @module
 */

type Document = Record<string, unknown>;

export const discoveryFaults = {
  "discovery-issuer-mismatch": (document: Document): void => {
    document["issuer"] = "https://impostor.example";
  },
  "discovery-issuer-trailing-slash": (document: Document): void => {
    document["issuer"] = `${document["issuer"]}/`;
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
  "jwks-duplicate-kid": (keys: Record<string, unknown>[]): void => {
    const decoys = keys.map(({ alg: _alg, use: _use, ...key }) => key);
    const listed = keys.flatMap(key => [
      ...decoys.filter(({ kid }) => kid !== key["kid"]).map(decoy => ({ ...decoy, kid: key["kid"] })),
      key,
    ]);
    keys.splice(0, keys.length, ...listed);
  },
};
