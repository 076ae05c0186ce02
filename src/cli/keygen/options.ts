/**
 * What `minna-baas keygen` was asked for, checked.
 *
 * @module
 */

import { readArguments } from "../arguments.js";
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
    throw new UsageError({
      en: "keygen needs the folder for the keys, and no other argument",
      ja: "鍵を置くフォルダーを 1 つだけ指定してください",
    });
  const signs = !values["no-signing"];
  if (!signs && values.alg !== undefined)
    throw new UsageError({
      en: "--alg is for the signing key: it excludes --no-signing",
      ja: "--alg は署名鍵のオプションです。--no-signing と一緒には指定できません",
    });
  const encryption = oneOf("--encryption", values.encryption, ["RSA-OAEP-256", "ECDH-ES"]);
  if (!signs && encryption === undefined) {
    for (const name of ["kid", "keep"] as const) {
      if (values[name] !== undefined)
        throw new UsageError({
          en: `--${name} is for signing and decryption keys: none is made`,
          ja: `--${name} は署名鍵と復号鍵のオプションですが、どちらも作成しません`,
        });
    }
    if (values.subject === undefined)
      throw new UsageError({
        en: "--no-signing leaves nothing to make: add --subject",
        ja: "--no-signing だけでは作成するものがありません。--subject を追加してください",
      });
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
  return readArguments({
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
}

function certificateOf(values: Values): CertificateWish | undefined {
  const selfSigned = values["self-signed"];
  if (values.subject === undefined) {
    for (const name of ["csr", "self-signed", "days", "dns", "rsa"] as const) {
      if (values[name])
        throw new UsageError({
          en: `--${name} is for the certificate: it needs --subject "CN=…,O=…,C=JP"`,
          ja: `--${name} は証明書のオプションです。--subject "CN=…,O=…,C=JP" も必要です`,
        });
    }
    return undefined;
  }
  if (values.csr && selfSigned)
    throw new UsageError({
      en: "--csr and --self-signed exclude each other",
      ja: "--csr と --self-signed は一緒に指定できません",
    });
  if (values.days !== undefined && !selfSigned) {
    throw new UsageError({
      en: "--days is for --self-signed: how long another certificate is valid, its authority decides",
      ja: "--days は --self-signed のオプションです(ほかの証明書の有効期間は認証局が決めます)",
    });
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
  if (found === undefined)
    throw new UsageError({
      en: `${option} must be ${names.join(" or ")}`,
      ja: `${option} には ${names.join(" か ")} を指定してください`,
    });
  return found;
}

function kidOf(value: string | undefined): string | undefined {
  if (value === undefined || /^[A-Za-z0-9._~:-]{1,64}$/.test(value)) return value;
  throw new UsageError({
    en: "--kid must be up to 64 letters, digits and ._~:-",
    ja: "--kid は英数字と ._~:- の 64 文字以内で指定してください",
  });
}

function daysOf(value: string): number {
  if (/^\d{1,4}$/.test(value) && Number(value) >= 1 && Number(value) <= MOST_DAYS) return Number(value);
  throw new UsageError({
    en: `--days must be a number from 1 to ${MOST_DAYS}`,
    ja: `--days には 1 から ${MOST_DAYS} までの日数を指定してください`,
  });
}

function dnsName(value: string): string {
  const label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  if (value.length <= 253 && new RegExp(`^${label}(\\.${label})*$`).test(value)) return value;
  throw new UsageError({
    en: "--dns must be a host name in ASCII (xn--… for another), without a wildcard",
    ja: "--dns には ASCII のホスト名を指定してください(日本語ドメインは xn--… の形。ワイルドカードは不可)",
  });
}
