/**
 * How this client speaks TLS, and what it takes from a connection.
 *
 * @module
 */
import { constants } from "node:crypto";
import { readFileSync } from "node:fs";
import * as tls from "node:tls";
import type { CheckedCertificate } from "../config/certificate.js";

/** What a connection shows the bank: the client certificate at its mTLS endpoints, nothing anywhere else. */
export type Presents = "client-certificate" | "nothing";

/** Connections to one origin at most: what comes on top waits for one of them. */
export const MOST_CONNECTIONS: number = 64;

// RFC 9325, FAPI 1.0 Part 1 7.1 and Part 2 8.5, FAPI 2.0 SP 5.2.1: TLS 1.2 or later; in 1.2 only ECDHE with AES-GCM.
const CIPHERS = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
].join(":");

/**
 * The authorities that Node trusts without being told: a partner's own one is added to them. Node 20 can't be asked for
 * those that NODE_EXTRA_CA_CERTS adds.
 */
function trustedByNode(): readonly string[] {
  if ("getCACertificates" in tls) return (tls.getCACertificates as () => string[])();
  const extra = process.env["NODE_EXTRA_CA_CERTS"];
  return extra === undefined ? tls.rootCertificates : [...tls.rootCertificates, ...readExtra(extra)];
}

/** As Node does: a file that can't be read adds nothing. */
function readExtra(file: string): readonly string[] {
  try {
    return [readFileSync(file, "utf8")];
  } catch {
    return [];
  }
}

/** Bytes that an answer may have, so that none fills the memory. A page of 500 rows has about 200,000. */
export const LARGEST_ANSWER: number = 4 * 1024 * 1024;

/** How this client speaks TLS. `ca` is added to the authorities that Node trusts; `presented` is shown to who asks for it. */
export function secureContext(
  ca: readonly string[],
  presented?: Pick<CheckedCertificate, "cert" | "key">,
): tls.SecureContext {
  return tls.createSecureContext({
    minVersion: "TLSv1.2",
    ciphers: CIPHERS,
    honorCipherOrder: true,
    // In TLS 1.2 a server could ask for another certificate in the middle, when it has taken a request already.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(ca.length > 0 ? { ca: [...trustedByNode(), ...ca] } : {}),
    ...(presented === undefined
      ? {}
      : { cert: presented.cert, key: presented.key.export({ type: "pkcs8", format: "pem" }) }),
  });
}
