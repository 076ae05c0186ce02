/**
 * A folder for secrets: only its owner gets in, no version control takes it, and nothing in it is ever overwritten.
 *
 * @module
 */
import { chmod, lstat, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Bilingual, Language } from "../language.js";

/** A file that is to be written. */
export interface NewFile {
  readonly name: string;
  readonly text: string;
  /** False for what may be given away. */
  readonly secret: boolean;
}

const IGNORED = "*\n";

/**
 * Sees that the files can be written, before anything is: a key that has been made is not to be lost.
 *
 * @throws Error, in that language, where one is there already, or where others may look into the folder.
 */
export async function checkFolder(folder: string, names: readonly string[], language: Language): Promise<void> {
  const refuse = (texts: Bilingual): never => {
    throw new Error(texts[language]);
  };
  const there = await stat(folder).catch(orMissing);
  if (there === undefined) {
    const parent = await stat(dirname(resolve(folder))).catch(orMissing);
    return parent?.isDirectory() ? undefined : refuse(noParent(folder));
  }
  if (!there.isDirectory()) refuse(notAFolder(folder));
  for (const name of names) {
    // Also a link that leads nowhere: writing would follow it.
    if ((await lstat(join(folder, name)).catch(orMissing)) !== undefined) {
      refuse(exists(join(folder, name)));
    }
  }
  const others = await readdir(folder);
  if (others.length === 0) return;
  // Windows has no such bits.
  if (process.platform !== "win32" && (there.mode & 0o077) !== 0) refuse(openToOthers(folder));
  if ((await readFile(join(folder, ".gitignore"), "utf8").catch(orMissing)) !== IGNORED) {
    refuse(notIgnored(folder));
  }
}

/** Writes all of the files, or none. */
export async function writeFiles(folder: string, files: readonly NewFile[]): Promise<void> {
  const fresh = await mkdir(folder, { mode: 0o700 }).then(
    () => true,
    error => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
  // Said twice, because the process's umask takes away from the mode that a new folder or file is given.
  if (fresh || (await readdir(folder)).length === 0) await chmod(folder, 0o700);
  const written: string[] = [];
  try {
    for (const { name, text, secret } of [...(await ignore(folder)), ...files]) {
      const path = join(folder, name);
      const file = await open(path, "wx", 0o600);
      written.push(path);
      try {
        await file.chmod(secret ? 0o600 : 0o644);
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    }
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    throw error;
  }
}

async function ignore(folder: string): Promise<NewFile[]> {
  const there = await lstat(join(folder, ".gitignore")).catch(orMissing);
  return there === undefined ? [{ name: ".gitignore", text: IGNORED, secret: false }] : [];
}

function orMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function exists(path: string): Bilingual {
  return {
    en: `${path} is there already, and nothing is overwritten. Name another folder, or move the file away. Nothing was written.`,
    ja: `${path} はすでに存在します。上書きはしません。別のフォルダーを指定するか、ファイルを移動してください。何も書き込んでいません。`,
  };
}

function openToOthers(folder: string): Bilingual {
  return {
    en: `Others may look into ${folder}. Run: chmod 700 ${folder}, or name a new folder. Nothing was written.`,
    ja: `${folder} は他のユーザーからも参照できます。chmod 700 ${folder} を実行するか、新しいフォルダーを指定してください。何も書き込んでいません。`,
  };
}

function notIgnored(folder: string): Bilingual {
  return {
    en: `${folder} holds other files, and no .gitignore that keeps all of it out of version control. Name a new folder. Nothing was written.`,
    ja: `${folder} には他のファイルがあり、フォルダー全体をバージョン管理から除外する .gitignore もありません。新しいフォルダーを指定してください。何も書き込んでいません。`,
  };
}

function notAFolder(folder: string): Bilingual {
  return {
    en: `${folder} is no folder. Nothing was written.`,
    ja: `${folder} はフォルダーではありません。何も書き込んでいません。`,
  };
}

function noParent(folder: string): Bilingual {
  return {
    en: `There is no folder to make ${folder} in. Nothing was written.`,
    ja: `${folder} を作成する親フォルダーがありません。何も書き込んでいません。`,
  };
}
