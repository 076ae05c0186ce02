/** Options that are right, to be made wrong one at a time. */
import { generateKeyPairSync } from "node:crypto";
import type { ClientCertificate } from "../../src/config/certificate.js";
import type { Configuration } from "../../src/config/configuration.js";
import { configure } from "../../src/config/configurations.js";
import type { Profile } from "../../src/config/profile.js";
import { clientCertificate, newAuthority } from "./certificates.js";

export const ISSUER = "https://auth.bank.example";
export const CLIENT_ID = "partner-1";

export const CERTIFICATE: ClientCertificate = clientCertificate(newAuthority());
export const SIGNING_KEY: string = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();

/** Everything a client needs in any profile. */
export function validOptions(overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    profile: "fapi1-advanced",
    issuer: ISSUER,
    clientId: CLIENT_ID,
    redirectUri: "https://partner.example/bank/callback",
    certificate: CERTIFICATE,
    signing: { key: SIGNING_KEY, alg: "ES256", kid: "sig-1" },
    api: { baseUrl: "https://api.bank.example" },
    ...overrides,
  };
}

/** A checked configuration of a profile. */
export function configuration(profile: Profile, overrides: Readonly<Record<string, unknown>> = {}): Configuration {
  return configure(validOptions({ profile, ...overrides })).all[0];
}
