/**
 * Gets hold of the client certificate the way the client would, and says what is in the way.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { classOf, isObject } from "../../config/problems.js";
import { ConfigurationError } from "../../errors.js";
import { within } from "./connection.js";
import { type Finding, ok, problem, quoted, warning } from "./finding.js";

/** The parts of a certificate as they were found: bytes, whatever they are. */
export interface Material {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly ca: readonly Buffer[];
  readonly passphrase?: string;
  /** What a person calls the parts: files, or options. */
  readonly names: Readonly<Record<Part, string>>;
  /** Where they are, for command lines. */
  readonly paths: Readonly<Partial<Record<Part, string>>>;
}

export type Part = "cert" | "key" | "ca";

const OPTIONS: Readonly<Record<Part, string>> = {
  cert: "certificate.cert",
  key: "certificate.key",
  ca: "certificate.ca",
};

/** Reads files, calls a function, or takes what was given. */
export async function gather(
  option: unknown,
  file: string,
  timeout: number,
): Promise<{ readonly findings: readonly Finding[]; readonly material?: Material }> {
  if (typeof option === "function") {
    try {
      const loaded: unknown = await within(timeout, Promise.resolve(option()));
      return { findings: [], material: given(loaded) };
    } catch (error) {
      return { findings: [loaderFailed(error)] };
    }
  }
  if (isObject(option) && ("certFile" in option || "keyFile" in option)) return readFiles(option, file);
  return { findings: [], material: given(option) };
}

function given(value: unknown): Material {
  const { cert, key, ca, passphrase } = (isObject(value) ? value : {}) as Readonly<Record<string, unknown>>;
  const bytes = (one: unknown) => (typeof one === "string" || Buffer.isBuffer(one) ? Buffer.from(one) : undefined);
  const list: readonly unknown[] = ca === undefined ? [] : Array.isArray(ca) ? ca : [ca];
  const [certBytes, keyBytes] = [bytes(cert), bytes(key)];
  return {
    ...(certBytes && { cert: certBytes }),
    ...(keyBytes && { key: keyBytes }),
    ca: list.flatMap(one => bytes(one) ?? []),
    ...(typeof passphrase === "string" && { passphrase }),
    names: OPTIONS,
    paths: {},
  };
}

async function readFiles(option: object, file: string): Promise<{ findings: Finding[]; material: Material }> {
  const { certFile, keyFile, caFile, passphrase } = option as Readonly<Record<string, unknown>>;
  const findings: Finding[] = [];
  const paths: Partial<Record<Part, string>> = {};
  const read: Partial<Record<Part, Buffer>> = {};
  for (const [part, value] of Object.entries({ cert: certFile, key: keyFile, ca: caFile }) as [Part, unknown][]) {
    const path = pathOf(value);
    if (path === undefined) continue;
    paths[part] = path;
    try {
      read[part] = await readFile(path);
      if (part === "key") findings.push(...(await examinePermissions(path)));
    } catch (error) {
      findings.push(unreadable(path, error, file));
    }
  }
  if (findings.every(({ status }) => status === "ok")) {
    findings.unshift(ok("certificate.file", { en: "Files can be read", ja: "ファイルを読めます" }));
  }
  const { cert, key, ca } = read;
  const material: Material = {
    ...(cert && { cert }),
    ...(key && { key }),
    ca: ca === undefined ? [] : [ca],
    ...(typeof passphrase === "string" && { passphrase }),
    names: { ...OPTIONS, ...paths },
    paths,
  };
  return { findings, material };
}

function pathOf(value: unknown): string | undefined {
  try {
    const path = value instanceof URL ? fileURLToPath(value) : value;
    return typeof path === "string" && path !== "" ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Whether others on the machine could read a file that holds a key. Windows keeps no such bits. */
export async function examinePermissions(path: string, id = "certificate.permissions"): Promise<readonly Finding[]> {
  if (process.platform === "win32") return [];
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & 0o077) === 0) {
    return [ok(id, { en: "Only its owner can read the key", ja: "鍵ファイルは所有者のみ読み取り可能" }, path)];
  }
  const octal = mode.toString(8).padStart(4, "0");
  return [
    warning(
      id,
      { en: `Others can read the key file (${octal})`, ja: `鍵ファイルを所有者以外も読み取れます(${octal})` },
      {
        why: {
          en: "Who has the key can act as you at the bank.",
          ja: "鍵を入手した者は、銀行に対して貴社になりすませます。",
        },
        fix: { en: "Let only its owner read it.", ja: "所有者のみ読み取れるようにしてください。" },
        command: `chmod 600 ${quoted(path)}`,
      },
      path,
    ),
  ];
}

function unreadable(path: string, error: unknown, file: string): Finding {
  const code = error instanceof Error && "code" in error ? String(error.code) : "error";
  const beside = join(dirname(resolve(file)), path);
  const elsewhere = code === "ENOENT" && !isAbsolute(path) && existsSync(beside);
  return problem(
    "certificate.file",
    { en: `The file can't be read (${code})`, ja: `ファイルを読めません(${code})` },
    {
      why: { en: "The client can't connect without it.", ja: "このファイルがないと、銀行に接続できません。" },
      fix: elsewhere
        ? {
            en: `A path is relative to where the command is run, here ${process.cwd()}. There is such a file beside ${file}: write its full path.`,
            ja: `相対パスは実行時のフォルダー(${process.cwd()})が起点です。${file} の隣に同名のファイルがあります。絶対パスで指定してください。`,
          }
        : {
            en: "Correct the path, or the rights of the file and of its folders.",
            ja: "パス、またはファイルとフォルダーの権限を修正してください。",
          },
      command: `ls -l ${quoted(elsewhere ? beside : path)}`,
    },
    path,
  );
}

function loaderFailed(error: unknown): Finding {
  // What the partner's function throws may say anything.
  const kind = error instanceof ConfigurationError ? error.code : classOf(error);
  return problem(
    "certificate.file",
    {
      en: `The function that loads the certificate failed (${kind})`,
      ja: `証明書を読み込む関数が失敗しました(${kind})`,
    },
    {
      why: { en: "The client can't connect without it.", ja: "証明書がないと、銀行に接続できません。" },
      fix: {
        en: "Call the function by itself, and look at its own log or that of the secret manager.",
        ja: "関数を単独で実行し、その関数やシークレットマネージャーのログを確認してください。",
      },
    },
    "certificate",
  );
}
