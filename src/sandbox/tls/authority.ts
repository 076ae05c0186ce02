/**
 * The sandbox's certificate authority: its own key, made at start, and the certificates it issues.
 *
 * @module
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import * as der from "./der.js";

/** A certificate and its private key, both PEM. */
export interface CertificatePair {
  /** The certificate. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
}

/** What a certificate says of its holder. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** A server's names; a certificate without any is a client's. */
  readonly names?: { readonly dns: readonly string[]; readonly ip: readonly Buffer[] };
}

export interface Authority {
  /** The authority's own certificate, PEM. */
  readonly certificate: string;
  issue(request: CertificateRequest): CertificatePair;
}

const OID = {
  organization: "2.5.4.10",
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  subjectAltName: "2.5.29.17",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

const ORGANIZATION = "minna-baas sandbox";
const DAY = 86_400_000;

/** The subject of a certificate with this common name, as RFC 4514 spells it: the most specific part first. */
export function subjectOf(commonName: string): string {
  return `CN=${commonName},O=${ORGANIZATION}`;
}

/** Makes a new authority. Two authorities trust nothing of each other. */
export function createAuthority(commonName: string): Authority {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = distinguishedName(commonName);
  const now = Date.now();
  const certificate = signCertificate({
    issuer,
    subject: issuer,
    publicKey,
    signer: privateKey,
    notBefore: new Date(now - DAY),
    notAfter: new Date(now + 3650 * DAY),
    extensions: [
      extension(OID.basicConstraints, der.sequence(der.boolean(true)), true),
      extension(OID.keyUsage, der.bitString(Buffer.from([0b0000_0110]), 1), true), // keyCertSign, cRLSign
    ],
  });
  return {
    certificate,
    issue(request) {
      const holder = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const purpose = request.names === undefined ? OID.clientAuth : OID.serverAuth;
      const cert = signCertificate({
        issuer,
        subject: distinguishedName(request.commonName),
        publicKey: holder.publicKey,
        signer: privateKey,
        notBefore: request.notBefore,
        notAfter: request.notAfter,
        extensions: [
          extension(OID.basicConstraints, der.sequence(), true),
          extension(OID.keyUsage, der.bitString(Buffer.from([0b1000_0000]), 7), true), // digitalSignature
          extension(OID.extendedKeyUsage, der.sequence(der.oid(purpose))),
          ...(request.names === undefined ? [] : [extension(OID.subjectAltName, alternativeNames(request.names))]),
        ],
      });
      return { cert, key: holder.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
    },
  };
}

interface Certificate {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Buffer[];
}

function signCertificate(certificate: Certificate): string {
  const algorithm = der.sequence(der.oid(OID.ecdsaWithSha256));
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and never shortened by a leading zero
  const toBeSigned = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))), // version 3
    der.integer(serial),
    algorithm,
    certificate.issuer,
    der.sequence(der.time(certificate.notBefore), der.time(certificate.notAfter)),
    certificate.subject,
    certificate.publicKey.export({ type: "spki", format: "der" }),
    der.explicit(3, der.sequence(...certificate.extensions)),
  );
  const signature = sign("sha256", toBeSigned, certificate.signer);
  return pem(der.sequence(toBeSigned, algorithm, der.bitString(signature)));
}

function distinguishedName(commonName: string): Buffer {
  const attribute = (type: string, value: string) => der.set(der.sequence(der.oid(type), der.utf8String(value)));
  return der.sequence(attribute(OID.organization, ORGANIZATION), attribute(OID.commonName, commonName));
}

function extension(type: string, value: Buffer, critical = false): Buffer {
  return der.sequence(der.oid(type), ...(critical ? [der.boolean(true)] : []), der.octetString(value));
}

function alternativeNames({ dns, ip }: NonNullable<CertificateRequest["names"]>): Buffer {
  return der.sequence(
    ...dns.map(name => der.implicit(2, Buffer.from(name, "ascii"))),
    ...ip.map(address => der.implicit(7, address)),
  );
}

function pem(content: Buffer): string {
  const lines = content.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
