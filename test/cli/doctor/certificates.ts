/** Certificates of every kind, right and wrong, made on the spot. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import * as der from "../../../src/sandbox/tls/der.js";

export interface Wanted {
  readonly name: string;
  /** Default: itself. */
  readonly issuer?: Made;
  readonly ca?: boolean;
  /** KeyUsage, the first byte of its bits; digitalSignature by default. */
  readonly usage?: number;
  /** ExtendedKeyUsage; clientAuth by default. */
  readonly purposes?: readonly string[];
  readonly days?: readonly [from: number, to: number];
  readonly hash?: "sha1" | "sha256";
  readonly key?: KeyObject;
}

export interface Made {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
  readonly x509: X509Certificate;
  readonly privateKey: KeyObject;
}

const DAY = 86_400_000;
const SIGNATURES = { sha1: "1.2.840.10045.4.1", sha256: "1.2.840.10045.4.3.2" };
const RSA_SIGNATURE = "1.2.840.113549.1.1.11";

export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

export function make(wanted: Wanted): Made {
  const { name, ca = false, usage = 0x80, purposes = [CLIENT_AUTH], days = [-1, 100], hash = "sha256" } = wanted;
  const privateKey = wanted.key ?? generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const signer = wanted.issuer?.privateKey ?? privateKey;
  const rsa = signer.asymmetricKeyType === "rsa";
  const algorithm = der.sequence(der.oid(rsa ? RSA_SIGNATURE : SIGNATURES[hash]));
  const at = (count: number) => der.time(new Date(Date.now() + count * DAY));
  const extension = (id: string, value: Buffer) => der.sequence(der.oid(id), der.octetString(value));
  const body = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    der.integer(Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    algorithm,
    nameOf(wanted.issuer?.name ?? name),
    der.sequence(at(days[0]), at(days[1])),
    nameOf(name),
    createPublicKey(privateKey).export({ type: "spki", format: "der" }),
    der.explicit(
      3,
      der.sequence(
        extension("2.5.29.19", ca ? der.sequence(der.boolean(true)) : der.sequence()),
        extension("2.5.29.15", der.bitString(Buffer.from([ca ? 0x06 : usage]))),
        ...(ca || purposes.length === 0 ? [] : [extension("2.5.29.37", der.sequence(...purposes.map(der.oid)))]),
      ),
    ),
  );
  const bytes = der.sequence(body, algorithm, der.bitString(sign(hash, body, signer)));
  const x509 = new X509Certificate(bytes);
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { name, cert: x509.toString(), key, x509, privateKey };
}

function nameOf(name: string): Buffer {
  const attribute = (type: string, value: string) => der.set(der.sequence(der.oid(type), der.utf8String(value)));
  return der.sequence(attribute("2.5.4.10", "Test"), attribute("2.5.4.3", name));
}
