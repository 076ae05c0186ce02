/** Options and surroundings that are wrong, and what is found. */
import { asModule } from "./patients.js";
import { type Broken, OFFLINE } from "./ward.js";
export const OPTIONS: readonly Broken[] = [
  {
    how: "a variable is missing",
    id: "options.invalid",
    patient: ward => ward.files(() => ({ MINNA_ISSUER: "" })),
    says: /MINNA_ISSUER/,
  },
  {
    how: "a variable is misspelt",
    id: "options.unknown-variable",
    status: "warning",
    patient: ward => ward.files(() => ({ MINNA_ANOUNCED_IN: "2026-03" })),
    says: /MINNA_ANNOUNCED_IN/,
  },
  { how: "issuer is http", id: "options.invalid", patient: ward => ward.options({ issuer: "http://localhost:1" }) },
  {
    how: "an option that is none",
    id: "options.invalid",
    patient: ward => ward.options({ clientSecret: "x" }),
    says: /clientSecret/,
  },
  { how: "no certificate at all", id: "options.invalid", patient: ward => ward.options({ certificate: undefined }) },
  {
    how: "clientId from a template",
    id: "options.placeholder",
    status: "warning",
    patient: ward => ward.options({ clientId: "your-client-id" }),
  },
  {
    how: "a reserved host name",
    id: "options.placeholder",
    status: "warning",
    patient: ward => ward.options({ issuer: "https://auth.bank.example" }),
  },
  {
    how: "a signed profile without signing",
    id: "options.invalid",
    patient: ward => ward.options({ profile: "fapi1-advanced" }),
    says: /signing/,
  },
  { how: "a store without methods", id: "options.invalid", patient: ward => ward.options({ store: { get() {} } }) },
  {
    how: "a sealing key of 16 bytes",
    id: "options.invalid",
    patient: ward => ward.options({ sealing: { keys: [{ kid: "1", key: "AAAAAAAAAAAAAAAAAAAAAA" }] } }),
  },
];

export const SURROUNDINGS: readonly Broken[] = [
  {
    how: "a proxy is set",
    id: "environment.proxy",
    status: "warning",
    settings: OFFLINE,
    patient: ward => asModule(ward.bank.client("fapi2-security"), { HTTPS_PROXY: "http://user:CANARY@proxy:3128" }),
  },
  {
    how: "TLS verification is off",
    id: "environment.tls-verification",
    status: "warning",
    settings: OFFLINE,
    patient: ward => asModule(ward.bank.client("fapi2-security"), { NODE_TLS_REJECT_UNAUTHORIZED: "0" }),
  },
  {
    how: "NODE_EXTRA_CA_CERTS is missing",
    id: "environment.extra-ca",
    status: "warning",
    settings: OFFLINE,
    patient: ward => asModule(ward.bank.client("fapi2-security"), { NODE_EXTRA_CA_CERTS: "/nowhere" }),
  },
  {
    how: "NODE_OPTIONS turns old TLS on",
    id: "environment.node-options",
    status: "warning",
    settings: OFFLINE,
    patient: ward => asModule(ward.bank.client("fapi2-security"), { NODE_OPTIONS: "--tls-min-v1.0" }),
  },
];
