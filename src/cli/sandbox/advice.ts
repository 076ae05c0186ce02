/**
 * What to do about a refusal of the sandbox, by what it gives as its reason.
 *
 * @module
 */
import type { SandboxEvent } from "../../sandbox/index.js";
import { quoted } from "../doctor/finding.js";
import type { Bilingual } from "../language.js";

type Advice = Bilingual | ((event: SandboxEvent) => Bilingual);

const ADVICE: readonly (readonly [reason: RegExp, advice: Advice])[] = [
  [
    /redirect_uri did not match/,
    ({ detail: { redirectUri = "URL" } }) => {
      // Whoever has a browser open an address wrote it, and it is there to be copied into a shell.
      const option = `--redirect-uri ${quoted(String(redirectUri))}`;
      return {
        ja: `${redirectUri} は登録されていません。${option} を付けてサンドボックスを起動してください`,
        en: `${redirectUri} is not registered; start the sandbox with ${option}`,
      };
    },
  ],
  [
    /PEER_DID_NOT_RETURN_A_CERTIFICATE|client certificate was not provided/,
    {
      ja: "クライアント証明書が提示されていません。MINNA_CERT_FILE と MINNA_KEY_FILE(certificate)を確認してください(doctor は証明書なしでも試します)",
      en: "no client certificate was presented; look at MINNA_CERT_FILE and MINNA_KEY_FILE (certificate); the doctor tries without one, too",
    },
  ],
  [
    /UNABLE_TO_VERIFY_LEAF|SELF_SIGNED|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED|certificate was not verified/,
    {
      ja: "このサンドボックスが発行した証明書ではありません。同じ --write のフォルダーの cert.pem を使ってください",
      en: "the client certificate is not of this sandbox; use the cert.pem of the same --write folder",
    },
  ],
  [
    /CERT_HAS_EXPIRED/,
    {
      ja: "クライアント証明書の期限が切れています。サンドボックスを起動し直すと更新します",
      en: "the client certificate has expired; the sandbox renews it when it is started again",
    },
  ],
  [
    /CERT_NOT_YET_VALID/,
    {
      ja: "クライアント証明書がまだ有効ではありません。マシンの時計を確認してください",
      en: "the client certificate is not valid yet; look at the machine's clock",
    },
  ],
  [
    /ALERT_(UNKNOWN_CA|CERTIFICATE_UNKNOWN|BAD_CERTIFICATE)/,
    ({ channel }) =>
      channel === "browser"
        ? {
            ja: "ブラウザではなくアプリの場合は、MINNA_CA_FILE に ca.pem を指定してください",
            en: "where it was no browser but an app, that needs ca.pem in MINNA_CA_FILE",
          }
        : {
            ja: "相手がサンドボックスの証明書を信頼していません。MINNA_CA_FILE に ca.pem を指定してください",
            en: "the other side does not trust the sandbox's certificate; an app needs ca.pem in MINNA_CA_FILE",
          },
  ],
  [
    /HTTP_REQUEST/,
    { ja: "http で接続しています。https を使ってください", en: "it came by http; the sandbox speaks https" },
  ],
  [
    /subject value does not match/,
    {
      ja: "証明書が別のクライアントのものです。MINNA_CLIENT_ID と MINNA_CERT_FILE の組を確認してください",
      en: "the certificate is another client's; look at MINNA_CLIENT_ID and MINNA_CERT_FILE together",
    },
  ],
  [
    /client not found/,
    {
      ja: "その client id は登録されていません。MINNA_CLIENT_ID を確認してください",
      en: "no client has that id; look at MINNA_CLIENT_ID",
    },
  ],
  [
    /Request Object must be used/,
    {
      ja: "このクライアントはリクエストに署名が必要です。MINNA_PROFILE と MINNA_SIGNING_FILE を確認してください",
      en: "this client must sign its requests; look at MINNA_PROFILE and MINNA_SIGNING_FILE",
    },
  ],
  [
    /could not validate Request Object|alg must be used in request|unsupported signed request alg/,
    {
      ja: "署名が登録された鍵と合いません。MINNA_SIGNING_FILE(kid と alg)を確認してください",
      en: "the signature does not fit a registered key; look at MINNA_SIGNING_FILE (kid and alg)",
    },
  ],
  [
    /response_mode is not allowed/,
    {
      ja: "応答の形(response_mode)がこのクライアントのプロファイルと違います。MINNA_PROFILE を確認してください",
      en: "the response mode is not this client's profile's; look at MINNA_PROFILE",
    },
  ],
  [
    /PKCE|code_challenge/,
    { ja: "PKCE(code_challenge、S256)が必要です", en: "PKCE is needed (code_challenge with S256)" },
  ],
  [
    /request_uri is invalid|invalid request_uri|session_not_found|interaction session/,
    {
      ja: "認可の URL が古いか、もう使われています。アプリから口座連携をやり直してください",
      en: "the authorization URL is too old, or was used already; begin the link anew in the app",
    },
  ],
  [
    /bound to another certificate|x5t#S256/,
    {
      ja: "トークンは、受け取ったときの証明書でしか使えません",
      en: "a token is good only with the certificate that it was given to",
    },
  ],
  [
    /grant_(revoked|expired|unknown)|grant not found|grant is expired/,
    {
      ja: "認可が終わっています。お客さまに口座連携をやり直してもらってください",
      en: "the grant has ended; the customer has to link again",
    },
  ],
  [
    /invalid_token the access token is unknown/,
    {
      ja: "アクセストークンの期限切れか、このサンドボックスのものではありません(--state がなければ再起動で消えます)",
      en: "the access token has expired, or is none of this sandbox's (without --state a restart forgets them)",
    },
  ],
  [
    /invalid_grant/,
    {
      ja: "code や refresh token が期限切れ、使用済み、またはこのサンドボックスのものではありません(--state がなければ再起動で消えます)",
      en: "the code or refresh token has expired, was used, or is none of this sandbox's (without --state a restart forgets them)",
    },
  ],
  [
    /insufficient_scope/,
    {
      ja: "お客さまが許可した範囲にありません。links.begin の scopes と同意の画面の選択を確認してください",
      en: "the customer has not allowed that; look at the scopes of links.begin and at what was chosen on the consent page",
    },
  ],
  [
    /idempotency_key_reused/,
    { ja: "同じ冪等キーが別の内容で使われました", en: "the same idempotency key came with another body" },
  ],
  [
    /already_processed/,
    {
      ja: "この reference の口座振替はすでにあります。照会してください",
      en: "there is a debit with this reference already; look it up",
    },
  ],
];

/** What to do about it, where that is known. */
export function adviceOn(event: SandboxEvent): Bilingual | undefined {
  const reason = `${event.detail["error"] ?? ""} ${event.detail["reason"] ?? ""}`;
  const advice = ADVICE.find(([pattern]) => pattern.test(reason))?.[1];
  return typeof advice === "function" ? advice(event) : advice;
}
