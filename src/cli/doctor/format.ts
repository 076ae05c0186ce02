/**
 * What a file is, whatever it is called: the bank's people and Windows send certificates in many forms.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { values } from "./x509.js";

/** The forms in which certificates and keys are met. */
export type Format =
  | "certificate"
  | "key"
  | "both"
  | "request"
  | "public-key"
  | "openssh-key"
  | "certificate-der"
  | "key-der"
  | "pkcs7"
  | "pkcs7-der"
  | "pkcs12"
  | "pkcs12-old"
  | "utf-16"
  | "empty"
  | "unknown";

// pbeWithSHAAnd40BitRC2-CBC and its neighbours, 1.2.840.113549.1.12.1.*, in DER: OpenSSL 3 has put them away.
const OLD_ENCRYPTION = Buffer.from([0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01]);
// 1.2.840.113549.1.7.2, signedData.
const SIGNED_DATA = Buffer.from([0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02]);

/** Tells what the bytes are. */
export function formatOf(bytes: Buffer): Format {
  if (bytes.length === 0) return "empty";
  if (/^(\xff\xfe|\xfe\xff)/.test(bytes.toString("latin1", 0, 2))) return "utf-16";
  const text = bytes.toString("latin1");
  const certificate = /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/.test(text);
  const key = /-----BEGIN ((RSA|EC|ENCRYPTED|DSA) )?PRIVATE KEY-----/.test(text);
  if (certificate && key) return "both";
  if (certificate) return "certificate";
  if (key) return "key";
  if (/-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(text)) return "request";
  if (text.includes("-----BEGIN OPENSSH PRIVATE KEY-----")) return "openssh-key";
  if (/-----BEGIN (RSA )?PUBLIC KEY-----/.test(text)) return "public-key";
  if (text.includes("-----BEGIN PKCS7-----")) return "pkcs7";
  return bytes[0] === 0x30 ? derFormat(bytes) : "unknown";
}

function derFormat(bytes: Buffer): Format {
  // PFX ::= SEQUENCE { version INTEGER (3), … } (RFC 7292 section 4).
  const [whole] = values(bytes);
  const [version, contents] = values(whole?.content);
  if (version?.tag === 0x02 && version.content.equals(Buffer.from([3])) && contents?.tag === 0x30) {
    return bytes.includes(OLD_ENCRYPTION) ? "pkcs12-old" : "pkcs12";
  }
  if (whole?.content.subarray(0, SIGNED_DATA.length).equals(SIGNED_DATA)) return "pkcs7-der";
  if (makes(() => new X509Certificate(bytes))) return "certificate-der";
  const types = ["pkcs8", "pkcs1", "sec1"] as const;
  const isKey = types.some(type => makes(() => createPrivateKey({ key: bytes, format: "der", type })));
  return isKey ? "key-der" : "unknown";
}

/** Whether a passphrase opens a PKCS#12 file; `unsupported` where this Node can't say. */
export function opensPkcs12(
  pfx: Buffer,
  passphrase: string | undefined,
): "opened" | "wrong-passphrase" | "unsupported" {
  try {
    createSecureContext({ pfx, passphrase: passphrase ?? "" });
    return "opened";
  } catch (error) {
    return error instanceof Error && /mac verify failure/i.test(error.message) ? "wrong-passphrase" : "unsupported";
  }
}

function makes(what: () => unknown): boolean {
  try {
    return what() !== undefined;
  } catch {
    return false;
  }
}
