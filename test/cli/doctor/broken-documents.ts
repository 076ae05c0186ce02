/** Metadata and keys of the bank that are not as they should be. */
import type { Patient } from "../../../src/cli/doctor/check.js";
import type { Broken } from "./ward.js";
export const METADATA: readonly Broken[] = [
  {
    how: "another issuer",
    id: "discovery.issuer",
    patient: ward => ward.withFault("discovery-issuer-mismatch"),
    says: /impostor\.example/,
  },
  {
    how: "a slash at the issuer's end",
    id: "discovery.issuer",
    patient: ward => ward.withFault("discovery-issuer-trailing-slash"),
    says: /slash/,
  },
  {
    how: "no metadata at the issuer",
    id: "discovery.document",
    patient: ward => ward.options({ issuer: `${ward.bank.issuer}/elsewhere` }),
    says: /HTTP 404/,
  },
  {
    how: "the issuer is the host for mutual TLS",
    id: "discovery.document",
    patient: ward => ward.options({ issuer: new URL(ward.bank.apiBaseUrl).origin }),
    says: /asks for a client certificate.*MINNA_ISSUER/s,
  },
  {
    how: "no mtls_endpoint_aliases",
    id: "discovery.aliases",
    patient: ward => ward.withFault("metadata-alias-missing"),
    says: /mtlsEndpointAliases/,
  },
  {
    how: "RS256 and none only",
    id: "discovery.id-token",
    patient: ward => ward.withFault("metadata-offers-rs256-and-none"),
  },
  {
    how: "RS256 and none only, JARM",
    id: "discovery.jarm",
    patient: ward => first(ward.withFault("metadata-offers-rs256-and-none", "fapi1-advanced"), { openid: null }),
  },
  {
    how: "an unknown scope",
    id: "discovery.scopes",
    status: "warning",
    patient: ward => ward.options({ contract: { scopes: { balance: "accounts:read" } } }),
    says: /accounts:read/,
  },
  { how: "the JWKS is HTML", id: "jwks.document", patient: ward => ward.withFault("jwks-html"), says: /HTML/ },
  { how: "the JWKS is huge", id: "jwks.document", patient: ward => ward.withFault("jwks-huge"), says: /bytes/ },
  { how: "the JWKS is empty", id: "jwks.empty", patient: ward => ward.withFault("jwks-empty") },
  {
    how: "a weak key among the bank's",
    id: "jwks.weak-key",
    status: "warning",
    patient: ward => ward.withFault("jwks-weak-key"),
  },
  { how: "keys share a kid", id: "jwks.kid", status: "warning", patient: ward => ward.withFault("jwks-duplicate-kid") },
];

/** The same, as plain OAuth: then it is the responses that are missed first. */
function first({ content, ...patient }: Patient, scopes: object): Patient {
  return content.kind === "module"
    ? { ...patient, content: { kind: "module", options: { ...content.options, contract: { scopes } } } }
    : { ...patient, content };
}
