/**
 * The certificates of a sandbox: its own authority, a foreign one, the bank's server, and those for clients.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import type { Keyring } from "../keeping/keyring.js";
import {
  type Authority,
  type CertificatePair,
  createAuthority,
  createAuthorityPair,
  LOOPBACK,
  openAuthority,
} from "./authority.js";
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
const NAME = "minna-baas sandbox CA";
const HERE = { dns: ["localhost"], ip: LOOPBACK };
/** A name that the authority may vouch for, though it is none of the bank's. */
const ELSEWHERE = { dns: ["elsewhere.localhost"], ip: [] };

export function createAuthorities(keyring: Keyring): Authorities {
  const authority = openAuthority(
    NAME,
    // One that lasts may be trusted by a developer's browser: it must be good for nothing but this machine.
    keyring.certificate("authority", () => createAuthorityPair(NAME, keyring.lasts), lasts),
  );
  const foreign = createAuthority("foreign CA");
  const validity = () => ({ notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + 365 * DAY) });
  const server = { commonName: "localhost", names: HERE, ...validity() };
  return {
    authority,
    server: {
      trusted: keyring.certificate("server", () => authority.issue(server), goodUnder(authority)),
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

/** Whether a kept certificate is of this authority, good already and for the day at least. */
export function goodUnder(authority: Authority): (certificate: X509Certificate) => boolean {
  const issuer = new X509Certificate(authority.certificate);
  return certificate => certificate.verify(issuer.publicKey) && lasts(certificate);
}

/** One that was made while this machine's clock was ahead may not be good for years. */
function lasts({ validFrom, validTo }: X509Certificate): boolean {
  return Date.parse(validFrom) <= Date.now() && Date.parse(validTo) > Date.now() + DAY;
}
