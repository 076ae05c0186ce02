/**
 * A client certificate that its holder has signed, or a request for one to an authority.
 *
 * @module
 */
import { createHash, type KeyObject, randomBytes, sign } from "node:crypto";
import * as der from "../../sandbox/tls/der.js";

const OID = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  sha256WithRsa: "1.2.840.113549.1.1.11",
  extensionRequest: "1.2.840.113549.1.9.14",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

const DAY = 86_400_000;
/** How far the bank's clock may be behind ours. */
const SKEW = 300_000;

/** Who the certificate is of. */
export interface Holder {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** The subject's Name, in DER. */
  readonly subject: Buffer;
  /** DNS names for the subject's alternative names. */
  readonly dns: readonly string[];
}

/** A request for a client certificate (PKCS #10, RFC 2986), PEM. */
export function certificateRequest(holder: Holder): string {
  const requested = der.sequence(der.oid(OID.extensionRequest), der.set(der.sequence(...purposes(holder))));
  const information = der.sequence(
    der.integer(Buffer.from([0])), // version 1
    holder.subject,
    spki(holder),
    der.explicit(0, requested), // [0] IMPLICIT SET OF with one attribute has the same bytes
  );
  return pem("CERTIFICATE REQUEST", signed(information, holder));
}

/** A client certificate that is its own issuer (RFC 5280), PEM. */
export function selfSignedCertificate(holder: Holder, days: number): string {
  const now = Date.now();
  const serial = randomBytes(16); // at most 20 octets (section 4.1.2.2)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and never shortened by a leading zero
  const keyId = createHash("sha256").update(spki(holder)).digest().subarray(0, 20); // RFC 7093 section 2
  const certificate = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))), // version 3
    der.integer(serial),
    algorithm(holder),
    holder.subject,
    der.sequence(der.time(new Date(now - SKEW)), der.time(new Date(now + days * DAY))),
    holder.subject,
    spki(holder),
    der.explicit(
      3,
      der.sequence(
        extension(OID.basicConstraints, der.sequence(), true), // no authority
        ...purposes(holder),
        extension(OID.subjectKeyIdentifier, der.octetString(keyId)),
      ),
    ),
  );
  return pem("CERTIFICATE", signed(certificate, holder));
}

/** What the key is for: to sign the handshake of a TLS client. */
function purposes({ dns }: Holder): Buffer[] {
  const names = der.sequence(...dns.map(name => der.implicit(2, Buffer.from(name, "ascii"))));
  return [
    extension(OID.keyUsage, der.bitString(Buffer.from([0b1000_0000]), 7), true), // digitalSignature
    extension(OID.extendedKeyUsage, der.sequence(der.oid(OID.clientAuth))),
    ...(dns.length === 0 ? [] : [extension(OID.subjectAltName, names)]),
  ];
}

function extension(type: string, value: Buffer, critical = false): Buffer {
  return der.sequence(der.oid(type), ...(critical ? [der.boolean(true)] : []), der.octetString(value));
}

function signed(content: Buffer, holder: Holder): Buffer {
  return der.sequence(content, algorithm(holder), der.bitString(sign("sha256", content, holder.privateKey)));
}

function algorithm({ privateKey }: Holder): Buffer {
  return privateKey.asymmetricKeyType === "rsa"
    ? der.sequence(der.oid(OID.sha256WithRsa), der.nothing()) // RFC 4055 section 5
    : der.sequence(der.oid(OID.ecdsaWithSha256)); // RFC 5758 section 3.2: no parameters
}

function spki({ publicKey }: Holder): Buffer {
  return publicKey.export({ type: "spki", format: "der" });
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
