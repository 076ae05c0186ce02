/**
 * `minna-baas doctor`: looks at everything between the options and the bank, and says what to do.
 *
 * @module
 */
import { Console } from "node:console";
import { readArguments } from "./arguments.js";
import { examine, type Settings } from "./doctor/check.js";
import { CHECKS } from "./doctor/checks.js";
import { admit } from "./doctor/patient.js";
import { countsOf, toJson, toText } from "./doctor/report.js";
import { ownVersion } from "./doctor/runtime.js";
import { type Bilingual, type Language, languageOf } from "./language.js";
import { write } from "./partner-module.js";
import { UsageError } from "./usage.js";

const EXAMPLE = "  export const options = { ...optionsFromEnvironment(), store: postgresStore(new pg.Pool()) };";

export const DOCTOR_HELP: Bilingual = {
  en: `Usage: minna-baas doctor [options] FILE

Looks at the runtime, the options, the certificate and its chain, keys, connections, mutual TLS, the
bank's metadata and keys, the clock and the store, and says what is wrong, why it matters, and what
to do.

FILE is a file of MINNA_… variables, as for node --env-file, or a JavaScript file that exports the
options of the client, as "options" or by default; with "store", that is looked at too:

${EXAMPLE}

Nothing is changed at the bank, which is sent one authorization request that nobody opens: without
it nobody can tell whether clientId, certificate, redirectUri and signing key are the registered
ones. In the store an entry and a lock of its own are made and removed; a store that makes its
tables when it is first used makes them now.

Options:
  --no-push         leave out the authorization request
  --offline         leave out what needs the network; the store is looked at all the same
  --timeout N       seconds to wait for each thing (default: 10)
  --json            print JSON
  --lang ja|en      the language (default: the environment's)

Exit code: 0 where nothing is broken, 1 where something is, 2 where the command was called wrongly.`,
  ja: `使い方: minna-baas doctor [オプション] ファイル

実行環境、設定、証明書とそのチェーン、鍵、接続、mTLS、銀行のメタデータと公開鍵、時計、ストアを
調べ、問題点とその影響、対処方法を表示します。

ファイルには、MINNA_… 変数のファイル(node --env-file と同じもの)か、クライアントのオプションを
"options" または default でエクスポートする JavaScript ファイルを指定します。"store" があれば、
ストアも調べます:

${EXAMPLE}

銀行側では何も変わりません。ただし、誰も開かない認可リクエストを 1 件送信します。これがないと、
clientId、証明書、redirectUri、署名鍵が登録どおりかどうかを確認できません。ストアには専用の
項目とロックを作り、削除します。初回使用時にテーブルを作るストアは、このときに作ります。

オプション:
  --no-push         認可リクエストを送信しない
  --offline         ネットワークが必要な項目を省く(ストアは調べます)
  --timeout 秒数    項目ごとの待ち時間(既定値: 10)
  --json            JSON で出力
  --lang ja|en      表示言語(既定値: 環境の設定)

終了コード: 0 = 問題なし、1 = 問題あり、2 = コマンドの使い方の誤り`,
};

/** Examines, prints, and ends with the exit code. */
export async function runDoctor(args: string[]): Promise<void> {
  const { file, json, lang, settings } = read(args);
  // What the partner's module says is not to stand in the middle of the report.
  if (json) globalThis.console = new Console(process.stderr);
  try {
    const groups = await examine(CHECKS, await admit(file, settings.timeout), settings);
    const heading = { version: ownVersion(), file };
    await write(json ? toJson(heading, groups, lang) : toText(heading, groups, lang, showsUnicode(lang)));
    if (countsOf(groups).problem > 0) process.exitCode = 1;
  } finally {
    // The module's connections would keep the process for as long as they like; an error is still to be printed.
    setImmediate(() => process.exit());
  }
}

/** Japanese can't be read without it anyway; of English the symbols alone are more than ASCII. */
function showsUnicode(lang: Language): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  return lang === "ja" || process.platform === "win32" || /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}

function read(args: string[]): {
  readonly file: string;
  readonly json: boolean;
  readonly lang: Language;
  readonly settings: Settings;
} {
  const { values, positionals } = parse(args);
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) {
    throw new UsageError({
      en: "doctor needs one file: of MINNA_… variables, or a module that exports the options",
      ja: "ファイルを 1 つ指定してください(MINNA_… 変数のファイルか、options をエクスポートするモジュール)",
    });
  }
  return {
    file,
    json: values.json,
    lang: languageOf(values.lang),
    settings: { timeout: seconds(values.timeout) * 1000, offline: values.offline, push: !values["no-push"] },
  };
}

function parse(args: string[]) {
  return readArguments({
    args,
    allowPositionals: true,
    options: {
      "no-push": { type: "boolean", default: false },
      offline: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      timeout: { type: "string", default: "10" },
      lang: { type: "string" },
    },
  });
}

function seconds(value: string): number {
  if (/^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= 600) return Number(value);
  throw new UsageError({
    en: "--timeout must be a number of seconds from 1 to 600",
    ja: "--timeout には 1 から 600 までの秒数を指定してください",
  });
}
