/**
 * The certificate that the other side of a TLS connection has presented.
 *
 * @module
 */
import { createHash, type X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";

export interface PresentedCertificate {
  readonly x509: X509Certificate;
  /** `x5t#S256`: base64url of the SHA-256 of the DER form (RFC 8705 section 3.1). */
  readonly thumbprint: string;
  /** Whether it leads to the sandbox's authority and is valid today. */
  readonly trusted: boolean;
}

export function presentedCertificate({ socket }: Pick<IncomingMessage, "socket">): PresentedCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const x509 = socket.getPeerX509Certificate();
  if (x509 === undefined) return undefined;
  const thumbprint = createHash("sha256").update(x509.raw).digest("base64url");
  return { x509, thumbprint, trusted: socket.authorized };
}

/** What the events say of it. */
export function noted(
  certificate: PresentedCertificate | undefined,
): { readonly certificate: string; readonly certificateSubject: string } | undefined {
  return certificate && { certificate: certificate.thumbprint, certificateSubject: subjectDn(certificate.x509) };
}

/** The subject as RFC 4514 spells it. Node lists the parts one a line, the most general first. */
export function subjectDn(x509: X509Certificate): string {
  return x509.subject.split("\n").reverse().join(",");
}
