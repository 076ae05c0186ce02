/**
 * How to make PEM of what somebody has sent: the exact commands.
 *
 * @module
 */
import type { Bilingual } from "../language.js";
import { type Finding, problem, quoted } from "./finding.js";
import { type Format, opensPkcs12 } from "./format.js";

const IS: Readonly<Record<Format, Bilingual>> = {
  certificate: { en: "a certificate in PEM", ja: "PEM の証明書" },
  key: { en: "a private key in PEM", ja: "PEM の秘密鍵" },
  both: { en: "a certificate and a key in PEM", ja: "PEM の証明書と秘密鍵" },
  request: { en: "a certificate signing request (CSR), not a certificate", ja: "証明書ではなく、証明書署名要求(CSR)" },
  "public-key": { en: "a public key only", ja: "公開鍵のみ" },
  "openssh-key": { en: "a key of OpenSSH", ja: "OpenSSH 形式の鍵" },
  "certificate-der": { en: "a certificate in DER, not PEM", ja: "PEM ではなく DER 形式の証明書" },
  "key-der": { en: "a private key in DER, not PEM", ja: "PEM ではなく DER 形式の秘密鍵" },
  pkcs7: { en: "a PKCS#7 bundle (.p7b)", ja: "PKCS#7(.p7b)" },
  "pkcs7-der": { en: "a PKCS#7 bundle (.p7b) in DER", ja: "DER 形式の PKCS#7(.p7b)" },
  pkcs12: { en: "a PKCS#12 file (.pfx, .p12)", ja: "PKCS#12(.pfx、.p12)" },
  "pkcs12-old": {
    en: "an old PKCS#12 file (.pfx, .p12; RC2 or 3DES), which OpenSSL 3 calls unsupported",
    ja: "古い暗号方式(RC2・3DES)の PKCS#12(.pfx、.p12。OpenSSL 3 では unsupported になるもの)",
  },
  "utf-16": { en: "text in UTF-16, as PowerShell writes it", ja: "UTF-16 のテキスト(PowerShell の出力など)" },
  empty: { en: "empty", ja: "空のファイル" },
  unknown: { en: "neither a certificate nor a key", ja: "証明書でも鍵でもないデータ" },
};

/** What is said of bytes that are something else than was wanted. */
export function wrongFormat(
  wanted: "cert" | "key" | "ca",
  format: Format,
  where: { readonly name: string; readonly path?: string | undefined },
  pfx?: { readonly bytes: Buffer; readonly passphrase: string | undefined },
): Finding {
  const is = IS[format];
  const needed = wanted === "key" ? IS.key : IS.certificate;
  const id = wanted === "key" ? "certificate.key-format" : "certificate.format";
  const command = where.path === undefined ? undefined : commandFor(wanted, format, where.path);
  return problem(
    id,
    { en: `It is ${is.en}`, ja: `${is.ja}です` },
    {
      why: { en: `${needed.en} is needed here.`.replace(/^a/, "A"), ja: `ここには${needed.ja}が必要です。` },
      fix: fixFor(wanted, format, pfx),
      ...(command !== undefined && { command }),
    },
    where.name,
  );
}

function commandFor(wanted: "cert" | "key" | "ca", format: Format, path: string): string | undefined {
  const from = quoted(path);
  const base = path.replace(/\.[a-z0-9]{1,4}$/i, "");
  const cert = quoted(`${base}.cert.pem`);
  const key = quoted(`${base}.key.pem`);
  // Where OpenSSL 3 has put the old algorithms away.
  const pkcs12 = `openssl pkcs12 ${format === "pkcs12-old" ? "-legacy " : ""}-in ${from}`;
  switch (format) {
    case "certificate-der":
      return `openssl x509 -inform DER -in ${from} -out ${cert}`;
    case "key-der":
      return `(umask 077 && openssl pkey -inform DER -in ${from} -out ${key})`;
    case "pkcs7":
      return `openssl pkcs7 -in ${from} -print_certs -out ${cert}`;
    case "pkcs7-der":
      return `openssl pkcs7 -inform DER -in ${from} -print_certs -out ${cert}`;
    case "pkcs12":
    case "pkcs12-old":
      return [
        `${pkcs12} -clcerts -nokeys -out ${cert}`,
        `${pkcs12} -cacerts -nokeys >> ${cert}`,
        `(umask 077 && ${pkcs12} -nocerts -nodes -out ${key})`,
      ].join(" && ");
    case "openssh-key":
      return `(umask 077 && cp ${from} ${key} && ssh-keygen -p -m PEM -f ${key})`;
    case "utf-16":
      return `iconv -f UTF-16 -t UTF-8 ${from} > ${wanted === "key" ? key : cert}`;
    case "certificate":
    case "key":
    case "both":
    case "request":
    case "public-key":
    case "empty":
    case "unknown":
      return undefined;
  }
}

function fixFor(
  wanted: "cert" | "key" | "ca",
  format: Format,
  pfx: { readonly bytes: Buffer; readonly passphrase: string | undefined } | undefined,
): Bilingual {
  if (format === "certificate" || format === "key") {
    return {
      en: "The certificate and the key seem to be exchanged: swap the two.",
      ja: "証明書と鍵の指定が入れ替わっているようです。入れ替えてください。",
    };
  }
  if (format === "request") {
    return {
      en: "Send the CSR to the authority that the bank names, and put the certificate that comes back here.",
      ja: "CSR を銀行指定の認証局へ提出し、発行された証明書を指定してください。",
    };
  }
  if (format === "empty" || format === "unknown" || format === "public-key") {
    return wanted === "key"
      ? {
          en: "Find the private key that the CSR was made with. If it is lost, make a new pair and a new CSR.",
          ja: "CSR の作成に使った秘密鍵を指定してください。紛失した場合は、鍵と CSR を作り直してください。",
        }
      : {
          en: "Ask who issued the certificate for it in PEM.",
          ja: "証明書の発行元から PEM 形式の証明書を入手してください。",
        };
  }
  if ((format === "pkcs12" || format === "pkcs12-old") && pfx !== undefined) return convertPkcs12(format, pfx);
  return {
    en: "Convert it, and name the new file in the options.",
    ja: "変換し、できたファイルを設定に指定してください。",
  };
}

function convertPkcs12(
  format: "pkcs12" | "pkcs12-old",
  { bytes, passphrase }: { readonly bytes: Buffer; readonly passphrase: string | undefined },
): Bilingual {
  const wrong = opensPkcs12(bytes, passphrase) === "wrong-passphrase";
  const legacy = format === "pkcs12-old";
  return {
    en: `Convert it, and name the two new files as certFile and keyFile.${
      wrong ? " The configured passphrase does not open it: OpenSSL asks for the one that came with the file." : ""
    }${legacy ? " -legacy needs OpenSSL 3; leave it out with OpenSSL 1.1 and LibreSSL (macOS)." : ""}`,
    ja: `変換し、できた 2 つのファイルを certFile と keyFile に指定してください。${
      wrong ? "設定されたパスフレーズでは開けません。ファイルと共に渡されたパスワードを入力してください。" : ""
    }${legacy ? "-legacy は OpenSSL 3 用です。OpenSSL 1.1 や LibreSSL(macOS)では外してください。" : ""}`,
  };
}
