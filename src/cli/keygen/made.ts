/**
 * What `minna-baas keygen` makes: keys as files, the public half of each for the bank.
 *
 * @module
 */
import { createHash, generateKeyPair, type KeyObject, X509Certificate } from "node:crypto";
import { promisify } from "node:util";
import { UsageError } from "../usage.js";
import { certificateRequest, selfSignedCertificate } from "./certificate.js";
import type { NewFile } from "./folder.js";
import { type PrivateJwk, privateJwk, publicHalf } from "./keys.js";
import type { CertificateWish, KeygenOptions } from "./options.js";

/** The names that the files have. */
export const FILES = {
  jwks: "jwks.json",
  signing: "signing.jwk.json",
  nextSigning: "signing.next.jwk.json",
  decryption: "decryption.jwk.json",
  key: "key.pem",
  request: "request.csr",
  certificate: "cert.pem",
} as const;

/** What was made, as far as it may be told. */
export interface Made {
  readonly files: readonly NewFile[];
  readonly signingKid: string | undefined;
  readonly decryptionKid: string | undefined;
  /** SHA-256 of the request's public key (SPKI), in hexadecimal. */
  readonly request: string | undefined;
  readonly certificate: CertificateDigests | undefined;
}

interface CertificateDigests {
  /** SHA-256 in hexadecimal, as `openssl x509 -fingerprint` prints it but for the colons. */
  readonly fingerprint: string;
  /** `x5t#S256` (RFC 8705 section 3.1). */
  readonly thumbprint: string;
}

/** The key of a set that signs is its first; the others have been replaced before. All of them decrypt. */
export function keysInUse(keys: readonly PrivateJwk[]): PrivateJwk[] {
  return keys.filter(({ use }, index) => use === "enc" || index === 0);
}

/** The files that these options lead to. */
export function fileNames({ signing, encryption, certificate }: KeygenOptions, kept: readonly PrivateJwk[]): string[] {
  const names: string[] = [];
  if (signing !== undefined || encryption !== undefined) names.push(FILES.jwks);
  if (signing !== undefined) names.push(FILES.signing);
  if (signing !== undefined && kept.some(isSigning)) names.push(FILES.nextSigning);
  if (encryption !== undefined) names.push(FILES.decryption);
  if (certificate === undefined) return names;
  // Also the certificate that the authority will send: a key without its certificate is of no use beside another pair.
  return [...names, FILES.key, FILES.certificate, ...(certificate.selfSignedDays === undefined ? [FILES.request] : [])];
}

/** Makes the keys, and writes nothing. */
export async function make(options: KeygenOptions, kept: readonly PrivateJwk[]): Promise<Made> {
  const { kid, encryption } = options;
  const signing = options.signing && (await privateJwk(options.signing, kid));
  const encryptionKid = kid !== undefined && signing !== undefined ? `${kid}-enc` : kid;
  const decryption = encryption && (await privateJwk(encryption, encryptionKid));
  const fresh = [signing, decryption].filter(key => key !== undefined);
  const kids = [...fresh, ...kept].map(key => key.kid);
  if (new Set(kids).size < kids.length)
    throw new UsageError({
      en: "--kid must be an id that no key in use has",
      ja: "--kid には、使用中の鍵と重複しない ID を指定してください",
    });
  const certificate = options.certificate && (await makeCertificate(options.certificate));
  return {
    files: [
      ...(fresh.length === 0 ? [] : [published([...fresh, ...kept])]),
      ...(signing === undefined ? [] : signingFiles(signing, kept.filter(isSigning))),
      ...(decryption === undefined
        ? []
        : [secret(FILES.decryption, oneOrSet([decryption, ...kept.filter(isDecryption)]))]),
      ...(certificate?.files ?? []),
    ],
    signingKid: signing?.kid,
    decryptionKid: decryption?.kid,
    request: certificate?.request,
    certificate: certificate?.certificate,
  };
}

function published(keys: readonly PrivateJwk[]): NewFile {
  return { name: FILES.jwks, text: json({ keys: keys.map(publicHalf) }), secret: false };
}

/** While another key is in use it goes on signing, until the bank has the new one: that is what the second file is for. */
function signingFiles(fresh: PrivateJwk, inUse: readonly PrivateJwk[]): NewFile[] {
  if (inUse.length === 0) return [secret(FILES.signing, fresh)];
  return [secret(FILES.signing, { keys: [...inUse, fresh] }), secret(FILES.nextSigning, { keys: [fresh, ...inUse] })];
}

async function makeCertificate({ subject, dns, rsa, selfSignedDays }: CertificateWish) {
  const { publicKey, privateKey } = await tlsKey(rsa);
  const holder = { publicKey, privateKey, subject, dns };
  const key: NewFile = secret(FILES.key, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  if (selfSignedDays === undefined) {
    const request: NewFile = { name: FILES.request, text: certificateRequest(holder), secret: false };
    const spki = publicKey.export({ type: "spki", format: "der" });
    return { files: [key, request], request: sha256(spki).toString("hex"), certificate: undefined };
  }
  const certificate: NewFile = {
    name: FILES.certificate,
    text: selfSignedCertificate(holder, selfSignedDays),
    secret: false,
  };
  const digest = sha256(new X509Certificate(certificate.text).raw);
  const digests = { fingerprint: digest.toString("hex"), thumbprint: digest.toString("base64url") };
  return { files: [key, certificate], request: undefined, certificate: digests };
}

function tlsKey(rsa: number | undefined): Promise<{ readonly publicKey: KeyObject; readonly privateKey: KeyObject }> {
  return rsa === undefined
    ? promisify(generateKeyPair)("ec", { namedCurve: "P-256" })
    : promisify(generateKeyPair)("rsa", { modulusLength: rsa });
}

function isSigning({ use }: PrivateJwk): boolean {
  return use === "sig";
}

function isDecryption({ use }: PrivateJwk): boolean {
  return use === "enc";
}

function oneOrSet(keys: readonly PrivateJwk[]): unknown {
  return keys.length === 1 ? keys[0] : { keys };
}

function secret(name: string, content: unknown): NewFile {
  return { name, text: typeof content === "string" ? content : json(content), secret: true };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}
