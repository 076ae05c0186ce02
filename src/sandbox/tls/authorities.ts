/**
 * The certificates of a sandbox: its own authority, a foreign one, the bank's server, and those for clients.
 *
 * @module
 */
import { type Authority, type CertificatePair, createAuthority } from "./authority.js";
import type { ServerCertificate } from "./handshake.js";

/** What a client certificate is to be like. */
export interface CertificateOptions {
  /** The common name of its subject; that of a registered client makes a certificate the client may change to. */
  readonly commonName?: string;
  /** A day ago by default. */
  readonly notBefore?: Date;
  /** In a year by default. */
  readonly notAfter?: Date;
  /** False for a certificate of an authority that the bank does not know. */
  readonly trusted?: boolean;
  /** True for a server on this machine, such as an API beside the bank's, instead of a client. */
  readonly server?: boolean;
}

export interface Authorities {
  readonly authority: Authority;
  /** The bank's own certificate, and those that it should not have. */
  readonly server: Readonly<Record<ServerCertificate, CertificatePair>>;
  issueClientCertificate(options: CertificateOptions): CertificatePair;
}

const DAY = 86_400_000;
const LOOPBACK = [Buffer.from([127, 0, 0, 1]), Buffer.from([...Array<number>(15).fill(0), 1])];
const HERE = { dns: ["localhost"], ip: LOOPBACK };
const ELSEWHERE = { dns: ["elsewhere.example"], ip: [] };

export function createAuthorities(): Authorities {
  const authority = createAuthority("minna-baas sandbox CA");
  const foreign = createAuthority("foreign CA");
  const validity = () => ({ notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + 365 * DAY) });
  const server = { commonName: "localhost", names: HERE, ...validity() };
  return {
    authority,
    server: {
      trusted: authority.issue(server),
      untrusted: foreign.issue(server),
      "wrong-name": authority.issue({ ...server, names: ELSEWHERE }),
      expired: authority.issue({ ...server, notAfter: new Date(Date.now() - DAY / 2) }),
    },
    issueClientCertificate({ commonName = "another-partner", trusted = true, server: forServer = false, ...dates }) {
      const names = forServer ? { names: HERE } : {};
      return (trusted ? authority : foreign).issue({ commonName, ...names, ...validity(), ...dates });
    },
  };
}
