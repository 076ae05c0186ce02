/**
 * The sandbox's certificate authority: its own key, made at start, and the certificates it issues.
 *
 * @module
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
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
  subjectKeyIdentifier: "2.5.29.14",
  authorityKeyIdentifier: "2.5.29.35",
  nameConstraints: "2.5.29.30",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

const ORGANIZATION = "minna-baas sandbox";
const DAY = 86_400_000;
/** Bytes of a point of P-256. */
const POINT = 65;

/** 127.0.0.1 and ::1. */
export const LOOPBACK: readonly Buffer[] = [
  Buffer.from([127, 0, 0, 1]),
  Buffer.from([...Array<number>(15).fill(0), 1]),
];

/** The subject of a certificate with this common name, as RFC 4514 spells it: the most specific part first. */
export function subjectOf(commonName: string): string {
  return `CN=${commonName},O=${ORGANIZATION}`;
}

/** Makes a new authority. Two authorities trust nothing of each other. */
export function createAuthority(commonName: string): Authority {
  return openAuthority(commonName, createAuthorityPair(commonName, false));
}

/** @param local - Whether its servers can be on this machine only, so that who trusts it trusts it for nothing else. */
export function createAuthorityPair(commonName: string, local: boolean): CertificatePair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = distinguishedName(commonName);
  const now = Date.now();
  const cert = signCertificate({
    issuer,
    subject: issuer,
    publicKey,
    signer: privateKey,
    notBefore: new Date(now - DAY),
    notAfter: new Date(now + 3650 * DAY),
    extensions: [
      extension(OID.basicConstraints, der.sequence(der.boolean(true)), true),
      extension(OID.keyUsage, der.bitString(Buffer.from([0b0000_0110]), 1), true), // keyCertSign, cRLSign
      extension(OID.subjectKeyIdentifier, der.octetString(identifierOf(publicKey))),
      // Names do not bind what has none of these kinds, as mail: so it is for TLS only (RFC 5280 section 4.2.1.12).
      ...(local
        ? [
            extension(OID.nameConstraints, thisMachineOnly(), true),
            extension(OID.extendedKeyUsage, der.sequence(der.oid(OID.serverAuth), der.oid(OID.clientAuth))),
          ]
        : []),
    ],
  });
  return { cert, key: pkcs8(privateKey) };
}

/** The authority whose certificate and key these are. */
export function openAuthority(commonName: string, { cert: certificate, key }: CertificatePair): Authority {
  const privateKey = createPrivateKey(key);
  const issuer = distinguishedName(commonName);
  const authorityKey = der.sequence(der.implicit(0, identifierOf(createPublicKey(privateKey))));
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
          extension(OID.subjectKeyIdentifier, der.octetString(identifierOf(holder.publicKey))),
          extension(OID.authorityKeyIdentifier, authorityKey),
          ...(request.names === undefined ? [] : [extension(OID.subjectAltName, alternativeNames(request.names))]),
        ],
      });
      return { cert, key: pkcs8(holder.privateKey) };
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

/** RFC 7093 section 2 (1): from the key itself, which is the end of its DER form. */
function identifierOf(key: KeyObject): Buffer {
  const point = key.export({ type: "spki", format: "der" }).subarray(-POINT);
  return createHash("sha256").update(point).digest().subarray(0, 20);
}

/** RFC 5280 section 4.2.1.10: localhost and the names below it, and the addresses of the loopback interface. */
function thisMachineOnly(): Buffer {
  const exactly = (address: Buffer) => Buffer.concat([address, Buffer.alloc(address.length, 0xff)]);
  const permitted = [
    der.implicit(2, Buffer.from("localhost", "ascii")),
    ...LOOPBACK.map(address => der.implicit(7, exactly(address))),
  ];
  return der.sequence(der.explicit(0, Buffer.concat(permitted.map(name => der.sequence(name)))));
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function pem(content: Buffer): string {
  const lines = content.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
