/**
 * `minna-baas reseal`: what the store holds comes under the newest sealing key.
 *
 * @module
 */
import type { MinnaClient } from "../index.js";
import { readArguments } from "./arguments.js";
import { type Bilingual, type Language, languageOf } from "./language.js";
import { exportOf, write } from "./partner-module.js";
import { UsageError } from "./usage.js";

const EXAMPLE = `  import { MinnaClient } from "minna-baas";
  export const minna = new MinnaClient({ ...options, store, sealing: { keys: [newKey, oldKey] } });`;

export const RESEAL_HELP: Bilingual = {
  en: `Usage: minna-baas reseal MODULE

Seals every entry of the store under the first of sealing.keys that is not yet. After that, the
other keys can go: once every process has that key first, for those that have another one first go
on sealing under it.

MODULE is a JavaScript file that exports the client, as "minna" or by default:

${EXAMPLE}

Options:
  --lang ja|en    the language (default: the environment's)`,
  ja: `使い方: minna-baas reseal モジュール

sealing.keys の先頭の鍵でまだ暗号化されていないストアの項目を、すべてその鍵で暗号化します。
その後、ほかの鍵は削除できます。ただし、先に全プロセスでその鍵を先頭にしてください。先頭が
別の鍵のプロセスは、その鍵で暗号化し続けます。

モジュールは、クライアントを "minna" または default でエクスポートする JavaScript ファイルです:

${EXAMPLE}

オプション:
  --lang ja|en    表示言語(既定値: 環境の設定)`,
};

/** Rounds after which what others are still at is left to them. */
const ROUNDS = 5;

/** Reseals until nothing is left. */
export async function runReseal(args: string[]): Promise<void> {
  const { module, language } = read(args);
  try {
    const minna = await exportOf(module, "minna", isClient, { en: "a MinnaClient", ja: " MinnaClient " });
    const total = await resealAll(minna, language);
    await write(
      {
        ja: `${total} 件を先頭の鍵で暗号化しました。ほかの鍵で暗号化されたものは残っていません。\n`,
        en: `Nothing is left under another key: ${total} entries were sealed.\n`,
      }[language],
    );
  } finally {
    // The module's connections would keep the process for as long as they like; an error is still to be printed.
    setImmediate(() => process.exit());
  }
}

async function resealAll(minna: MinnaClient, language: Language): Promise<number> {
  let total = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const { resealed, inUse } = await minna.reseal();
    total += resealed;
    if (inUse === 0) return total;
  }
  throw new Error(
    {
      ja: `${total} 件を先頭の鍵で暗号化しましたが、使用中のものが残っています。もう一度実行してください`,
      en: `${total} entries were sealed, and some are in use: run it again`,
    }[language],
  );
}

function read(args: string[]): { readonly module: string; readonly language: Language } {
  const { values, positionals } = readArguments({
    args,
    allowPositionals: true,
    options: { lang: { type: "string" } },
  });
  const language = languageOf(values.lang);
  const [module, ...more] = positionals;
  if (module !== undefined && more.length === 0) return { module, language };
  throw new UsageError({
    en: "reseal needs the module that exports the client, and nothing else",
    ja: "クライアントをエクスポートするモジュールを 1 つだけ指定してください",
  });
}

function isClient(value: unknown): value is MinnaClient {
  return typeof (value as Partial<MinnaClient> | undefined | null)?.reseal === "function";
}
