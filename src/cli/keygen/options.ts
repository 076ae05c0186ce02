/**
 * What `minna-baas keygen` was asked for, checked.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Language, languageOf } from "../language.js";
import { UsageError } from "../usage.js";
import type { EncryptionAlgorithm, SigningAlgorithm } from "./keys.js";
import { subjectName } from "./subject.js";

export interface KeygenOptions {
  readonly folder: string;
  readonly language: Language;
  readonly signing: SigningAlgorithm | undefined;
  readonly encryption: EncryptionAlgorithm | undefined;
  readonly kid: string | undefined;
  /** Files of the keys that are in use, and stay so. */
  readonly kept: readonly string[];
  readonly certificate: CertificateWish | undefined;
}

export interface CertificateWish {
  /** The subject's Name, in DER. */
  readonly subject: Buffer;
  readonly dns: readonly string[];
  /** Bits of an RSA key; an EC key otherwise. */
  readonly rsa: number | undefined;
  /** How long a certificate that is signed by itself is valid; a request otherwise. */
  readonly selfSignedDays: number | undefined;
}

const DEFAULT_DAYS = "365";
const MOST_DAYS = 1825;

/** @throws UsageError where options are wrong, or don't go together. */
export function keygenOptions(args: string[]): KeygenOptions {
  const { values, positionals } = parse(args);
  const language = languageOf(values.lang);
  const [folder = "", ...more] = positionals;
  if (folder === "" || more.length > 0)
    throw new UsageError("keygen needs the folder for the keys, and no other argument");
  const signs = !values["no-signing"];
  if (!signs && values.alg !== undefined)
    throw new UsageError("--alg is for the signing key: it excludes --no-signing");
  const encryption = oneOf("--encryption", values.encryption, ["RSA-OAEP-256", "ECDH-ES"]);
  if (!signs && encryption === undefined) {
    for (const name of ["kid", "keep"] as const) {
      if (values[name] !== undefined)
        throw new UsageError(`--${name} is for signing and decryption keys: none is made`);
    }
    if (values.subject === undefined) throw new UsageError("--no-signing leaves nothing to make: add --subject");
  }
  return {
    folder,
    language,
    signing: signs ? (oneOf("--alg", values.alg, ["PS256", "ES256"]) ?? "PS256") : undefined,
    encryption,
    kid: kidOf(values.kid),
    kept: values.keep ?? [],
    certificate: certificateOf(values),
  };
}

type Values = ReturnType<typeof parse>["values"];

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        alg: { type: "string" },
        kid: { type: "string" },
        encryption: { type: "string" },
        keep: { type: "string", multiple: true },
        "no-signing": { type: "boolean", default: false },
        subject: { type: "string" },
        csr: { type: "boolean", default: false },
        "self-signed": { type: "boolean", default: false },
        days: { type: "string" },
        dns: { type: "string", multiple: true },
        rsa: { type: "string" },
        lang: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function certificateOf(values: Values): CertificateWish | undefined {
  const selfSigned = values["self-signed"];
  if (values.subject === undefined) {
    for (const name of ["csr", "self-signed", "days", "dns", "rsa"] as const) {
      if (values[name]) throw new UsageError(`--${name} is for the certificate: it needs --subject "CN=…,O=…,C=JP"`);
    }
    return undefined;
  }
  if (values.csr && selfSigned) throw new UsageError("--csr and --self-signed exclude each other");
  if (values.days !== undefined && !selfSigned) {
    throw new UsageError("--days is for --self-signed: how long another certificate is valid, its authority decides");
  }
  return {
    subject: subjectName(values.subject),
    dns: (values.dns ?? []).map(dnsName),
    rsa: values.rsa === undefined ? undefined : Number(oneOf("--rsa", values.rsa, ["2048", "3072"])),
    selfSignedDays: selfSigned ? daysOf(values.days ?? DEFAULT_DAYS) : undefined,
  };
}

function oneOf<const Name extends string>(
  option: string,
  value: string | undefined,
  names: readonly Name[],
): Name | undefined {
  if (value === undefined) return undefined;
  const found = names.find(name => name === value);
  if (found === undefined) throw new UsageError(`${option} must be ${names.join(" or ")}`);
  return found;
}

function kidOf(value: string | undefined): string | undefined {
  if (value === undefined || /^[A-Za-z0-9._~:-]{1,64}$/.test(value)) return value;
  throw new UsageError("--kid must be up to 64 letters, digits and ._~:-");
}

function daysOf(value: string): number {
  if (/^\d{1,4}$/.test(value) && Number(value) >= 1 && Number(value) <= MOST_DAYS) return Number(value);
  throw new UsageError(`--days must be a number from 1 to ${MOST_DAYS}`);
}

function dnsName(value: string): string {
  const label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  if (value.length <= 253 && new RegExp(`^${label}(\\.${label})*$`).test(value)) return value;
  throw new UsageError("--dns must be a host name in ASCII (xn--… for another), without a wildcard");
}
