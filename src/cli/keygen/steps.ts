/**
 * What to do with the files that `minna-baas keygen` has made.
 *
 * @module
 */
import { join } from "node:path";
import type { Bilingual, Language } from "../language.js";
import { FILES, type Made } from "./made.js";

interface FileNote {
  readonly name: string;
  readonly note: Bilingual;
  /** The variable that names it, for optionsFromEnvironment(). */
  readonly variable?: string;
}

const PUBLIC: readonly FileNote[] = [
  { name: FILES.jwks, note: { en: "public keys (JWK Set)", ja: "公開鍵(JWK Set)" } },
  { name: FILES.request, note: { en: "request for the client certificate", ja: "クライアント証明書の発行要求(CSR)" } },
  {
    name: FILES.certificate,
    note: { en: "client certificate, self-signed", ja: "クライアント証明書(自己署名)" },
    variable: "MINNA_CERT_FILE",
  },
];

const SECRET: readonly FileNote[] = [
  {
    name: FILES.signing,
    note: { en: "signs requests (fapi2-security does not)", ja: "リクエスト署名用の鍵(fapi2-security では不使用)" },
    variable: "MINNA_SIGNING_FILE",
  },
  { name: FILES.nextSigning, note: { en: "signs requests, later", ja: "リクエスト署名用の鍵(切り替え後)" } },
  {
    name: FILES.decryption,
    note: { en: "opens encrypted responses", ja: "レスポンス復号用の鍵" },
    variable: "MINNA_DECRYPTION_FILE",
  },
  {
    name: FILES.key,
    note: { en: "key of the client certificate", ja: "クライアント証明書の鍵" },
    variable: "MINNA_KEY_FILE",
  },
];

const HEADINGS = {
  made: { en: "The keys are made.", ja: "鍵を作成しました。" },
  register: { en: "For the bank to register (not secret)", ja: "銀行に登録するもの(公開情報)" },
  keep: {
    en: "To keep secret: never mail it, never commit it",
    ja: "秘密に保管するもの(メールで送らず、コミットもしないでください)",
  },
  variables: { en: "Variables of the server", ja: "サーバーの環境変数" },
  next: { en: "Next", ja: "次の手順" },
} as const satisfies Record<string, Bilingual>;

/** For the terminal: what the bank gets, what stays here, which variables to set. It holds no secret. */
export function nextSteps(made: Made, folder: string, language: Language): string {
  const has = ({ name }: { readonly name: string }) => made.files.some(file => file.name === name);
  const list = (notes: readonly FileNote[]) =>
    aligned(notes.filter(has).map(({ name, note }) => [join(folder, name), note[language]]));
  const register = [...list(PUBLIC), ...aligned(identifiers(made, language))];
  const variables = [...SECRET, ...PUBLIC].filter(has).flatMap(({ name, variable }) => {
    return variable === undefined ? [] : [`${variable}=${join(folder, name)}`];
  });
  if (has({ name: FILES.request })) variables.push(`MINNA_CERT_FILE=${join(folder, FILES.certificate)}`);
  const steps = STEPS.filter(({ name }) => has({ name })).map(({ text }) => text[language].replaceAll("{}", folder));
  if (!has({ name: FILES.key })) steps.push(NO_CERTIFICATE[language].replace("{}", folder));
  return `${[
    HEADINGS.made[language],
    "",
    ...section(HEADINGS.register[language], register),
    ...section(HEADINGS.keep[language], list(SECRET)),
    ...section(HEADINGS.variables[language], variables),
    ...section(
      HEADINGS.next[language],
      [...steps, LAST[language]].map((step, index) => `${index + 1}. ${step}`),
    ),
  ].join("\n")}`;
}

/** In the order of time. `{}` is the folder. */
const STEPS: readonly { readonly name: string; readonly text: Bilingual }[] = [
  {
    name: FILES.nextSigning,
    text: {
      en: `Deploy {}/${FILES.signing} now: the key in use goes on signing, and both are published.\n     Deploy {}/${FILES.nextSigning} in its place once the bank has the new jwks.json: the new key signs.`,
      ja: `先に {}/${FILES.signing} を配備してください。署名には使用中の鍵が引き続き使われ、公開鍵は両方公開されます。\n     銀行が新しい jwks.json を登録した後、{}/${FILES.nextSigning} に差し替えると、新しい鍵で署名します。`,
    },
  },
  {
    name: FILES.decryption,
    text: {
      en: `Deploy {}/${FILES.decryption} before the bank has jwks.json: it may encrypt to the new key at once.`,
      ja: `{}/${FILES.decryption} は、jwks.json の登録より先に配備してください。登録後すぐに新しい鍵で暗号化されることがあります。`,
    },
  },
  {
    name: FILES.jwks,
    text: {
      en: `Register {}/${FILES.jwks} at the bank. Where the bank fetches it from you instead, serve minna.publicJwks().`,
      ja: `{}/${FILES.jwks} を銀行に登録してください。銀行が取得しに来る方式(jwks_uri)の場合は、minna.publicJwks() の内容を公開してください。`,
    },
  },
  {
    name: FILES.request,
    text: {
      en: `Send {}/${FILES.request} to the authority that the bank names, and let it compare the SHA-256 above by another way.\n     Put the certificate that comes back, and those between it and the authority after it, into {}/${FILES.certificate}.`,
      ja: `{}/${FILES.request} を銀行指定の認証局に提出し、上記の SHA-256 を別の経路で照合してもらってください。\n     発行された証明書(中間証明書があれば続けて)を {}/${FILES.certificate} に保存してください。`,
    },
  },
  {
    name: FILES.certificate,
    text: {
      en: `Register {}/${FILES.certificate} at the bank, and let it compare the SHA-256 above by another way.`,
      ja: `{}/${FILES.certificate} を銀行に登録し、上記の SHA-256 を別の経路で照合してもらってください。`,
    },
  },
];

const NO_CERTIFICATE: Bilingual = {
  en: `A request for the client certificate: minna-baas keygen {} --no-signing --subject "CN=…,O=…,C=JP"`,
  ja: `クライアント証明書の発行要求の作成: minna-baas keygen {} --no-signing --subject "CN=…,O=…,C=JP"`,
};

const LAST: Bilingual = {
  en: "In production, keep what is secret in a secret manager, and set the variables to where it is mounted.",
  ja: "本番環境では秘密鍵をシークレットマネージャーに保管し、環境変数にはマウント先のパスを設定してください。",
};

function identifiers(
  { signingKid, decryptionKid, request, certificate }: Made,
  language: Language,
): [string, string][] {
  const rows: [Bilingual, string | undefined][] = [
    [{ en: "kid, signing", ja: "kid(署名用)" }, signingKid],
    [{ en: "kid, decryption", ja: "kid(復号用)" }, decryptionKid],
    [{ en: "SHA-256 of the request's public key", ja: "CSR の公開鍵の SHA-256" }, request],
    [{ en: "SHA-256 of the certificate", ja: "証明書の SHA-256" }, certificate?.fingerprint],
    [{ en: "x5t#S256 of the certificate", ja: "証明書の x5t#S256" }, certificate?.thumbprint],
  ];
  return rows.flatMap(([label, value]) => (value === undefined ? [] : [[label[language], value]]));
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map(line => `  ${line}`), ""];
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const most = Math.max(...rows.map(([label]) => columns(label)));
  return rows.map(([label, text]) => `${label}${" ".repeat(most - columns(label) + 2)}${text}`);
}

/** How wide a terminal shows it: kana, kanji and full-width signs take two columns. */
function columns(text: string): number {
  return [...text].reduce((width, sign) => width + (/[\u3000-\u9fff\uff00-\uff60]/u.test(sign) ? 2 : 1), 0);
}
