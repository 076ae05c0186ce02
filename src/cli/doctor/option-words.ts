/**
 * What the options are, in Japanese: the client's own messages are in English.
 *
 * @module
 */

/** By the option's name, or the variable's. */
export const OPTIONS_IN_JAPANESE: Readonly<Record<string, string>> = {
  profile: "fapi1-advanced、fapi2-security、fapi2-message-signing のいずれか",
  issuer: "銀行の発行者識別子(https の URL。クエリ・フラグメント・認証情報なし)",
  clientId: "銀行から発行されたクライアント ID",
  redirectUri: "銀行に登録したリダイレクト URI(https。開発用に localhost のみ http 可)",
  certificate: "{ cert, key }、{ certFile, keyFile }、またはそれを返す関数",
  "certificate.certFile": "クライアント証明書(PEM)のファイル",
  "certificate.keyFile": "クライアント証明書の秘密鍵(PEM)のファイル",
  "certificate.caFile": "銀行のプライベート CA の証明書(PEM)のファイル",
  "certificate.passphrase": "秘密鍵のパスフレーズ(文字列)",
  signing: "{ key, alg, kid }、または { alg, kid, sign }",
  "signing.key": "秘密鍵(PEM、JWK、CryptoKey、KeyObject のいずれか)。alg に合うもの",
  "signing.alg": "プロファイルが認める署名アルゴリズム(PS256、ES256、FAPI 2.0 では EdDSA も可)",
  "signing.kid": "鍵の ID(銀行に登録した JWKS のもの。鍵ごとに別の値)",
  "decryption.keys": "{ key, alg, kid } のリスト(kid は鍵ごとに別の値)",
  api: "{ baseUrl }",
  "api.baseUrl": "銀行の API のベース URL(https。クエリ・フラグメント・認証情報なし)",
  timeout: "1 から 600000 までのミリ秒",
  requestDelivery: "par または by-value(by-value は fapi1-advanced のみ)",
  announcedIn: "次のバージョンを銀行が告知した月(YYYY-MM)",
  store: "get、put、take、find、lock、unlock を持つオブジェクト",
  previous: "以前の設定(issuer、clientId、profile のいずれかが異なるもの)",
  canary: "0 から 1 までの割合(previous があるときのみ)",
  "sealing.keys": "{ kid, key } のリスト(暗号化に使う鍵が先頭。key は 32 バイトの乱数)",
  "sealing.plain": "refuse、accept、write のいずれか",
  MINNA_PROFILE: "fapi1-advanced、fapi2-security、fapi2-message-signing のいずれか",
  MINNA_ISSUER: "銀行の発行者識別子(https の URL)",
  MINNA_CLIENT_ID: "銀行から発行されたクライアント ID",
  MINNA_REDIRECT_URI: "銀行に登録したリダイレクト URI",
  MINNA_CERT_FILE: "クライアント証明書(PEM)のファイル",
  MINNA_KEY_FILE: "クライアント証明書の秘密鍵(PEM)のファイル",
  MINNA_API_BASE_URL: "銀行の API のベース URL",
  MINNA_SIGNING_FILE: "署名用の秘密鍵(JWK。alg と kid を含むもの)または JWK Set のファイル",
  MINNA_DECRYPTION_FILE: "復号用の秘密鍵(JWK。alg と kid を含むもの)または JWK Set のファイル",
};

const FOUND: readonly (readonly [pattern: RegExp, ja: string])[] = [
  [/^nothing: the variable is not set$/, "変数が設定されていません"],
  [/^nothing$/, "値がありません"],
  [/^an empty string$/, "空文字列です"],
  [/^an unknown option$/, "存在しないオプションです"],
  [/^a string that is no URL$/, "URL ではない文字列です"],
  [/^a string that can't be one$/, "クライアント ID に使えない文字があります"],
  [/^(.*) with a query$/, "$1 にクエリ(?)が付いています"],
  [/^(.*) with a fragment$/, "$1 にフラグメント(#)が付いています"],
  [/^(.*) with credentials$/, "$1 に認証情報が付いています"],
  [/^(http:.*)$/, "$1 は https ではありません"],
  [/^one that can't be \((\w+)\)$/, "ファイルを読めません($1)"],
  [/^one that is no JSON object$/, "JSON のオブジェクトではありません"],
  [/^one of (\d+) bits$/, "$1 ビットの鍵です"],
  [/^a (\w+) key of type (.*)$/, "$2 の鍵($1)です"],
  [/^a key of type (.*)$/, "$1 の鍵です"],
  [/^a key for (.*)$/, "$1 用の鍵です"],
  [/^a public key$/, "公開鍵です(秘密鍵が必要です)"],
  [/^text that is not$/, "形式が違います"],
  [/^one without (.*)$/, "$1 がありません"],
  [/^one that (?:was given|a signing key has)$/, "他の鍵と同じ値です"],
  [/^one that failed with (\w+)$/, "関数が $1 で失敗しました"],
  [/^an array$/, "配列です"],
  [/^an object$/, "オブジェクトの内容が違います"],
  [/^a (string|number|boolean|function)$/, "$1 型の値ですが、正しくありません"],
];

/** What was found, in Japanese; as it is where there is no word for it. */
export function foundInJapanese(found: string): string {
  for (const [pattern, ja] of FOUND) if (pattern.test(found)) return found.replace(pattern, ja);
  return `値が正しくありません(${found})`;
}
