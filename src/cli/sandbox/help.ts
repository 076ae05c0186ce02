/**
 * The help of `minna-baas sandbox`.
 *
 * @module
 */
import type { Bilingual } from "../language.js";
import { faultList } from "./fault-list.js";

export const SANDBOX_HELP: Bilingual = {
  en: `Usage: minna-baas sandbox [options]

Starts a bank on this machine, and shows what it receives until it is stopped.

  minna-baas sandbox --write .minna-bank
  node --env-file=.minna-bank/fapi2-security.env app.js      (in another terminal)

Options:
  --write FOLDER              keep keys and certificates in a folder, with a file of variables
                              (MINNA_…) for each profile; used again at the next start
  --state FOLDER              keep what the bank knows: money, debits, grants and tokens live on
                              after a restart; keeps the keys too, unless --write does
  --redirect-uri URL          register this redirect URI for every client (repeatable), beside
                              http://localhost:3000/bank/callback; the first one is written
  --port N                    the port for browsers (default: 9443; 0: any free one)
  --mtls-port N               the port for the partner's server (default: 9444)
  --lang ja|en                the language (default: the environment's)
  --json                      print each event as a line of JSON, and all else to stderr
  --encrypt                   encrypt ID Tokens and signed responses; the keys come with --write
  --signed-userinfo           answer userinfo with a signed JWT
  --rotate-refresh-tokens     end a refresh token when it is used, and give a new one
  --refresh-token-retry-seconds N
                              how long it may be used again by who missed the new one (default: 0)
  --access-token-seconds N    how long an access token lives (default: 300)
  --fault NAME                make the bank misbehave (repeatable)
  --chance SEED:NAME=ODDS,…   leave faults to chance: 7:api-429=0.1,debit-409=0.05

While it runs in a terminal, it takes: fault NAME, off NAME, off, faults, customers, help.

Faults:
${faultList()}`,
  ja: `使い方: minna-baas sandbox [オプション]

開発用の銀行をこのマシンで起動し、停止するまで、届いたものを表示します。

  minna-baas sandbox --write .minna-bank
  node --env-file=.minna-bank/fapi2-security.env app.js      (別のターミナルで)

オプション:
  --write フォルダー          鍵と証明書、プロファイルごとの変数(MINNA_…)のファイルを保存する
                              (次回の起動でも使用)
  --state フォルダー          銀行側の状態(残高、口座振替、認可、トークン)を再起動後も保持する
                              (--write がなければ鍵も保存)
  --redirect-uri URL          全クライアントにリダイレクト URI を登録する(複数可)。
                              http://localhost:3000/bank/callback は常に登録済み。
                              変数のファイルには最初に指定したものを書き出す
  --port 番号                 ブラウザ向けのポート(既定値: 9443。0 は空きポート)
  --mtls-port 番号            サーバー間通信(mTLS)のポート(既定値: 9444)
  --lang ja|en                表示言語(既定値: 環境の設定)
  --json                      イベントを 1 行ずつ JSON で出力し、それ以外は stderr に出力する
  --encrypt                   ID トークンと署名付きレスポンスを暗号化する(鍵は --write で保存)
  --signed-userinfo           userinfo に署名付き JWT で応答する
  --rotate-refresh-tokens     リフレッシュトークンを使用のたびに無効にし、新しいものを発行する
  --refresh-token-retry-seconds 秒数
                              新しいものを受け取れなかった場合に再使用できる時間(既定値: 0)
  --access-token-seconds 秒数 アクセストークンの有効期間(既定値: 300)
  --fault 名前                銀行に異常な動作をさせる(複数可)
  --chance シード:名前=確率,… 異常を確率で起こす: 7:api-429=0.1,debit-409=0.05

ターミナルで実行中に入力できるもの: fault 名前、off 名前、off、faults、customers、help

異常の名前:
${faultList()}`,
};
