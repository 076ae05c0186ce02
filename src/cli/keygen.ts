/**
 * `minna-baas keygen`: makes what a partner registers at the bank, and what it keeps to itself.
 *
 * @module
 */
import { checkFolder, writeFiles } from "./keygen/folder.js";
import { keptKeys } from "./keygen/keep.js";
import { fileNames, keysInUse, make } from "./keygen/made.js";
import { keygenOptions } from "./keygen/options.js";
import { nextSteps } from "./keygen/steps.js";
import type { Bilingual } from "./language.js";
import { write } from "./partner-module.js";

export const KEYGEN_HELP: Bilingual = {
  en: `Usage: minna-baas keygen FOLDER [options]

Makes the keys that a partner registers at the bank: a key that signs requests and, with --subject,
the key of the client certificate with a request for one. FOLDER is for their owner only and kept
out of version control; nothing in it is overwritten, and no key is printed.

Keys:
  --alg PS256|ES256           what the signing key signs with (default: PS256; the bank may ask for
                              the other)
  --encryption RSA-OAEP-256|ECDH-ES
                              a key for encrypted responses, too, where the bank encrypts
  --kid ID                    the id of the signing key; a decryption key beside it is ID-enc
                              (default: the key's thumbprint, RFC 7638, which no other key has)
  --keep FILE                 a file with keys in use, to change keys without a break (repeatable)
  --no-signing                no signing key: fapi2-security needs none, nor does a new
                              certificate

Client certificate:
  --subject DN                whose it is, as the authority wants it:
                              "CN=partner.example,O=株式会社…,C=JP"
                              (RFC 4514; a comma in a value is written \\,)
  --csr                       a request to an authority (PKCS #10, the default)
  --self-signed               a certificate signed by its own key, where the bank registers those
  --days N                    how long that one is valid (default: 365)
  --dns NAME                  an alternative name (repeatable)
  --rsa 2048|3072             an RSA key (default: EC P-256)

  --lang ja|en                the language of what is said`,
  ja: `使い方: minna-baas keygen フォルダー [オプション]

銀行に登録する鍵を作成します。リクエスト署名用の鍵と、--subject を指定した場合はクライアント証明書
の鍵および発行要求です。フォルダーは所有者のみが参照でき、バージョン管理から除外されます。既存の
ファイルは上書きせず、鍵を画面に表示することもありません。

鍵:
  --alg PS256|ES256           署名アルゴリズム(既定値: PS256。銀行の指定に従ってください)
  --encryption RSA-OAEP-256|ECDH-ES
                              銀行がレスポンスを暗号化する場合の復号鍵も作成
  --kid ID                    署名鍵の ID。同時に作成する復号鍵は ID-enc
                              (既定値: 鍵のサムプリント(RFC 7638)。他の鍵と重複しません)
  --keep ファイル             使用中の鍵のファイル。無停止で鍵を切り替える場合に指定(複数可)
  --no-signing                署名鍵を作成しない(fapi2-security の場合、証明書のみ更新する場合)

クライアント証明書:
  --subject DN                証明書のサブジェクト。認証局の指定どおりに記述:
                              "CN=partner.example,O=株式会社…,C=JP"
                              (RFC 4514。値に含まれるコンマは \\, と記述)
  --csr                       認証局への発行要求(PKCS #10、既定)
  --self-signed               自己署名証明書。銀行が自己署名証明書を登録する場合
  --days 日数                 自己署名証明書の有効日数(既定値: 365)
  --dns 名前                  サブジェクト代替名(複数可)
  --rsa 2048|3072             RSA の鍵(既定: EC P-256)

  --lang ja|en                表示言語`,
};

/** Makes the keys, writes them into the folder, and says what to do with them. No key leaves by any other way. */
export async function runKeygen(args: string[]): Promise<void> {
  const options = keygenOptions(args);
  const kept = (await Promise.all(options.kept.map(keptKeys))).flatMap(keysInUse);
  await checkFolder(options.folder, fileNames(options, kept), options.language);
  const made = await make(options, kept);
  await writeFiles(options.folder, made.files);
  await write(nextSteps(made, options.folder, options.language));
}
