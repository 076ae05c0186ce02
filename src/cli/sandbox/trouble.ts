/**
 * Why the sandbox did not start, in words that say what to do.
 *
 * @module
 */
import { SandboxFolderError, type SandboxFolderProblem } from "../../sandbox/index.js";
import type { Bilingual } from "../language.js";
import type { SandboxCommand } from "./options.js";

const FOLDER: Readonly<Record<SandboxFolderProblem, Bilingual>> = {
  foreign: {
    ja: "はサンドボックスのフォルダーではなく、空でもありません。別のフォルダーを指定してください(中身には触れていません)。",
    en: "is not a folder of the sandbox, and not empty: name another one. Nothing in it was touched.",
  },
  in_use: {
    ja: "は起動中の別のサンドボックスが使っています。そちらを止めるか、別のフォルダーを指定してください。",
    en: "is in use by a sandbox that is running: stop that one, or name another folder.",
  },
  damaged: {
    ja: "が壊れています。削除してから起動すると、新しく作り直します。",
    en: "is damaged: delete it, and the sandbox begins anew at the next start.",
  },
  other_version: {
    ja: "は別のバージョンの minna-baas が書いたものです。そのバージョンを使うか、削除して作り直してください。",
    en: "was written by another version of minna-baas: use that one, or delete it to begin anew.",
  },
  other_keys: {
    ja: "は別の鍵と一緒に保存されたものです(トークンは証明書に結び付いています)。元の --write のフォルダーを指定するか、削除してください。",
    en: "was kept with other keys, which its tokens are bound to: name the same --write folder, or delete it.",
  },
};

/** The error to show; what is none of these stays as it is. */
export function sandboxTrouble(error: unknown, { bank, language }: SandboxCommand): unknown {
  if (error instanceof SandboxFolderError) {
    return new Error(`${error.path} ${FOLDER[error.code][language]}`, { cause: error });
  }
  const { code, port, path } = (error ?? {}) as { readonly [name in "code" | "port" | "path"]?: unknown };
  if (typeof code === "string" && typeof path === "string")
    return new Error(unusable(path, code)[language], { cause: error });
  if ((code !== "EADDRINUSE" && code !== "EACCES") || typeof port !== "number") return error;
  const option = port === bank.port ? "--port" : "--mtls-port";
  const texts: Bilingual =
    code === "EADDRINUSE"
      ? {
          ja: `ポート ${port} は使用中です。別のサンドボックスが起動していれば止めるか、${option} で別のポートを指定してください。`,
          en: `port ${port} is in use: stop what listens there, such as another sandbox, or choose one with ${option}.`,
        }
      : {
          ja: `ポート ${port} を開く権限がありません。${option} で 1024 以上のポートを指定してください。`,
          en: `port ${port} may not be opened by you: choose one from 1024 up with ${option}.`,
        };
  return new Error(texts[language], { cause: error });
}

/** Of --write and --state: nothing else that is read or written at the start has a path. */
function unusable(path: string, code: string): Bilingual {
  return {
    ja: `${path} を読み書きできません(${code})。書き込める場所のフォルダーを --write と --state に指定してください。`,
    en: `${path} can't be read and written (${code}): name folders with --write and --state where you may write.`,
  };
}
