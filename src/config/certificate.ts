/**
 * The client certificate that authenticates the partner at the bank (RFC 8705).
 *
 * @module
 */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { toJst } from "./jst.js";
import { isObject, kindOf, type Problems } from "./problems.js";
import { checked } from "./source.js";

/** A client certificate with its key, in PEM. */
export interface ClientCertificate {
  /** The client certificate, followed by its intermediate certificates if there are any. */
  readonly cert: string | Buffer;
  /** The private key of `cert`. */
  readonly key: string | Buffer;
  /** The passphrase of `key`, where it is encrypted. */
  readonly passphrase?: string;
  /**
   * Certificates of a private CA that the bank's servers are verified with, beside the public roots. It adds to them
   * and never replaces them; nothing turns verification off.
   */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
}

/**
 * Loads the certificate when it is first needed: from a secret manager, a sidecar. It is called again every five minutes at
 * most, and at once when the bank refuses the certificate: what it loads then takes the place of the one in use.
 */
export type ClientCertificateLoader = () => ClientCertificate | Promise<ClientCertificate>;

/** A checked certificate. The key does not show when it is printed. */
export interface CheckedCertificate {
  readonly cert: string;
  readonly key: KeyObject;
  readonly ca: readonly string[];
  /** `x5t#S256` (RFC 8705 section 3.1): SHA-256 over the DER form, base64url. */
  readonly thumbprint: string;
  /** Begin of validity, milliseconds since the epoch. */
  readonly notBefore: number;
  /** End of validity, milliseconds since the epoch. */
  readonly notAfter: number;
}

const CURVES = ["prime256v1", "secp384r1", "secp521r1"];
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * Checks a certificate against its key and the clock, and throws a `ConfigurationError` that names what is wrong.
 *
 * @param before - The one in use, which only a newer one replaces. Returned where it is the same.
 */
export function checkLoadedCertificate(value: unknown, before?: CheckedCertificate): CheckedCertificate {
  const next = checked(problems => {
    const certificate = checkCertificate(value, problems);
    if (certificate !== undefined && before !== undefined) checkAge(certificate, before, problems);
    return certificate;
  });
  return before !== undefined && isSame(next, before) ? before : next;
}

/** An older one is a leftover: the bank may have ended it already. */
function checkAge(next: CheckedCertificate, before: CheckedCertificate, problems: Problems): void {
  if (next.notBefore >= before.notBefore) return;
  const expected = `a certificate that is not older than the one in use, which is valid from ${toJst(before.notBefore)}`;
  problems.add("certificate.cert", expected, `one that is valid from ${toJst(next.notBefore)}`);
}

function isSame(one: CheckedCertificate, other: CheckedCertificate): boolean {
  // The whole chain, and with the leaf its key: an intermediate certificate that was missing is a change.
  return one.cert === other.cert && one.ca.join("\n") === other.ca.join("\n");
}

/** Checks a certificate and notes what is wrong with it. */
export function checkCertificate(value: unknown, problems: Problems): CheckedCertificate | undefined {
  if (!isObject(value)) {
    problems.add("certificate", "{ cert, key }", kindOf(value));
    return undefined;
  }
  const given = value as Partial<Record<keyof ClientCertificate, unknown>>;
  for (const name of Object.keys(given)) {
    if (!["cert", "key", "passphrase", "ca"].includes(name)) {
      problems.add(`certificate.${name}`, "one of cert, key, passphrase, ca", "an unknown option");
    }
  }
  const leaf = readLeaf(given.cert, problems);
  const key = readKey(given.key, given.passphrase, problems);
  const ca = readAuthorities(given.ca, problems);
  if (leaf !== undefined) checkValidity(leaf, problems);
  if (leaf !== undefined && key !== undefined && !leaf.checkPrivateKey(key)) {
    problems.add("certificate.key", "the private key of certificate.cert", "the key of another certificate");
    return undefined;
  }
  if (leaf === undefined || key === undefined) return undefined;
  try {
    createSecureContext({ cert: pem(given.cert), key: key.export({ type: "pkcs8", format: "pem" }), ca: [...ca] });
  } catch (error) {
    // Such as a signature with MD5 or SHA-1.
    const code = error instanceof Error && "code" in error ? String(error.code) : "an error";
    problems.add("certificate.cert", "a certificate that TLS takes", `one that it does not (${code})`);
    return undefined;
  }
  return Object.freeze({
    cert: pem(given.cert) ?? "",
    key,
    ca,
    thumbprint: thumbprintOf(leaf),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
  });
}

function pem(value: unknown): string | undefined {
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  return typeof value === "string" && value !== "" ? value : undefined;
}

function readLeaf(value: unknown, problems: Problems): X509Certificate | undefined {
  const expected = "a certificate in PEM, the client's own first";
  const text = pem(value);
  if (text === undefined) {
    problems.add("certificate.cert", expected, kindOf(value));
    return undefined;
  }
  const [leaf] = parseCertificates(text);
  if (leaf === undefined) problems.add("certificate.cert", expected, "text that is not");
  return leaf;
}

function readKey(value: unknown, passphrase: unknown, problems: Problems): KeyObject | undefined {
  const expected = "a private key in PEM";
  const text = pem(value);
  if (text === undefined) {
    problems.add("certificate.key", expected, kindOf(value));
    return undefined;
  }
  if (passphrase !== undefined && typeof passphrase !== "string") {
    problems.add("certificate.passphrase", "a string", kindOf(passphrase));
    return undefined;
  }
  try {
    const key = createPrivateKey(passphrase === undefined ? text : { key: text, passphrase });
    // FAPI 2.0 SP 5.4.1: RSA of 2048 bits, elliptic curves of 224 bits at least (FAPI 1.0 asks for less).
    const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
    if (namedCurve !== undefined && !CURVES.includes(namedCurve)) {
      problems.add("certificate.key", "an EC key on P-256, P-384 or P-521", `one on ${namedCurve}`);
    }
    if (modulusLength !== undefined && modulusLength < 2048) {
      problems.add("certificate.key", "an RSA key of at least 2048 bits", `one of ${modulusLength} bits`);
    }
    return key;
  } catch {
    const encrypted = text.includes("ENCRYPTED");
    const found = encrypted
      ? `an encrypted key ${passphrase === undefined ? "without certificate.passphrase" : "that the passphrase does not open"}`
      : "text that is not";
    problems.add("certificate.key", expected, found);
    return undefined;
  }
}

function readAuthorities(value: unknown, problems: Problems): readonly string[] {
  if (value === undefined) return Object.freeze([]);
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const texts: string[] = [];
  for (const item of list) {
    const text = pem(item);
    if (text === undefined || parseCertificates(text).length === 0) {
      problems.add("certificate.ca", "certificates in PEM", text === undefined ? kindOf(item) : "text that is not");
    } else {
      texts.push(text);
    }
  }
  return Object.freeze(texts);
}

function parseCertificates(text: string): X509Certificate[] {
  try {
    return (text.match(PEM_BLOCK) ?? []).map(block => new X509Certificate(block));
  } catch {
    return [];
  }
}

function checkValidity(leaf: X509Certificate, problems: Problems): void {
  const now = Date.now();
  if (Date.parse(leaf.validTo) <= now) {
    problems.add("certificate.cert", "a certificate that is valid today", `one that expired on ${day(leaf.validTo)}`);
  } else if (Date.parse(leaf.validFrom) > now) {
    problems.add(
      "certificate.cert",
      "a certificate that is valid today",
      `one that is valid from ${day(leaf.validFrom)}`,
    );
  }
}

function day(date: string): string {
  return new Date(date).toISOString().slice(0, 10);
}

/** `x5t#S256` (RFC 8705 section 3.1). */
export function thumbprintOf({ raw }: X509Certificate): string {
  return createHash("sha256").update(raw).digest("base64url");
}
