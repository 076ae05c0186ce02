/**
 * What Node does not tell of a certificate: read from its DER form (RFC 5280 section 4.1).
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";

/** A value of ASN.1 in DER. */
interface Value {
  readonly tag: number;
  readonly content: Buffer;
}

/** What a certificate may be used for, and how it was signed. */
export interface Extras {
  /** The algorithm of its issuer's signature, an object identifier. */
  readonly signature: string;
  /** Whether it may sign (KeyUsage digitalSignature); `undefined` where it does not say what it is for. */
  readonly digitalSignature: boolean | undefined;
  /** ExtendedKeyUsage, object identifiers; `undefined` where there is none. */
  readonly purposes: readonly string[] | undefined;
}

export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
export const ANY_PURPOSE = "2.5.29.37.0";

const KEY_USAGE = "2.5.29.15";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const EXTENSIONS = 0xa3;
const OID = 0x06;
const OCTET_STRING = 0x04;

/** Signatures that TLS no longer takes, by their object identifiers. */
export const BROKEN_SIGNATURES: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.4": "MD5",
  "1.2.840.113549.1.1.5": "SHA-1",
  "1.2.840.10045.4.1": "SHA-1",
  "1.2.840.10040.4.3": "SHA-1",
};

export function extrasOf({ raw }: X509Certificate): Extras {
  const [certificate] = values(raw);
  const [body, algorithm] = values(certificate?.content);
  const [signature] = values(algorithm?.content);
  const wrapped = values(body?.content).find(({ tag }) => tag === EXTENSIONS);
  const extensions = new Map(values(values(wrapped?.content)[0]?.content).map(readExtension));
  const [usage] = values(extensions.get(KEY_USAGE));
  const [purposes] = values(extensions.get(EXTENDED_KEY_USAGE));
  return {
    signature: oid(signature?.content),
    // A bit string: the number of unused bits, then the bits, digitalSignature first.
    digitalSignature: usage === undefined ? undefined : ((usage.content[1] ?? 0) & 0x80) !== 0,
    purposes: purposes === undefined ? undefined : values(purposes.content).map(({ content }) => oid(content)),
  };
}

/** An extension's id, and the bytes of its value. */
function readExtension({ content }: Value): [string, Buffer | undefined] {
  const parts = values(content);
  const id = oid(parts.find(({ tag }) => tag === OID)?.content);
  return [id, parts.find(({ tag }) => tag === OCTET_STRING)?.content];
}

/** The values that stand one after the other. What is cut off is not there. */
export function values(bytes: Buffer | undefined): readonly Value[] {
  const found: Value[] = [];
  for (let at = 0; bytes !== undefined && at + 2 <= bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const short = bytes[at + 1] ?? 0;
    const size = short < 0x80 ? 0 : short & 0x7f;
    if (size > 4 || at + 2 + size > bytes.length) break;
    const length = size === 0 ? short & 0x7f : bytes.readUIntBE(at + 2, size);
    const start = at + 2 + size;
    if (start + length > bytes.length) break;
    found.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

/** An object identifier in its dotted form. */
export function oid(bytes: Buffer | undefined): string {
  if (bytes === undefined || bytes.length === 0) return "";
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of bytes) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(Math.floor(first / 40), 2);
  return [top, first - top * 40, ...rest].join(".");
}

/** A distinguished name as RFC 4514 spells it, the most specific part first. Node writes one part a line, the other way round. */
export function rfc4514(name: string): string {
  // Node escapes a plus within a value: what is left stands between the parts of one.
  return name
    .split("\n")
    .map(part => part.replaceAll(" + ", "+"))
    .reverse()
    .join(",");
}
