/** Certificates for tests: an authority made on the spot, and what it issues. */
import { certificateSource } from "../../src/config/certificate-source.js";
import type { Configuration } from "../../src/config/configuration.js";
import { checked } from "../../src/config/source.js";
import { type Authority, type CertificatePair, createAuthority } from "../../src/sandbox/tls/authority.js";

export type { Authority, CertificatePair };

const DAY = 86_400_000;

let authorities = 0;

/** A new authority that nobody trusts yet, with a name of its own. */
export function newAuthority(): Authority {
  return createAuthority(`Test Authority ${++authorities}`);
}

/** A client certificate that is valid from so many days ago, or ahead, for so many days. */
export function clientCertificate(authority: Authority, from = -1, days = 30): CertificatePair {
  const notBefore = Date.now() + from * DAY;
  return authority.issue({
    commonName: "partner-1",
    notBefore: new Date(notBefore),
    notAfter: new Date(notBefore + days * DAY),
  });
}

/** A certificate for a server on 127.0.0.1 and localhost, or under other names only. */
export function serverCertificate(authority: Authority, dns: readonly string[] = ["localhost"]): CertificatePair {
  return authority.issue({
    commonName: dns[0] ?? "server",
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + DAY),
    names: { dns, ip: dns.includes("localhost") ? [Buffer.from([127, 0, 0, 1])] : [] },
  });
}

/** What the transport needs of a configuration: `certificate` as a partner gives it. */
export function certificateOptions(
  certificate: unknown,
  timeout = 5_000,
): Pick<Configuration, "certificate" | "timeout"> {
  return { certificate: checked(problems => certificateSource(certificate, problems)), timeout };
}
