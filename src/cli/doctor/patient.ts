/**
 * Reads what is to be examined: a file of variables, or the partner's module.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { parseEnv } from "node:util";
import { isObject } from "../../config/problems.js";
import { exportOf } from "../partner-module.js";
import { UsageError } from "../usage.js";
import type { Patient } from "./check.js";
import { within } from "./connection.js";

const MODULES = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"];

/**
 * Reads the file as Node would.
 *
 * @param shell - The environment of this process, which goes before the file's, as with `node --env-file`.
 * @param timeout - Milliseconds that a module may take.
 * @throws UsageError where there is nothing to examine.
 */
export async function admit(
  file: string,
  timeout: number,
  shell: Patient["environment"] = process.env,
): Promise<Patient> {
  if (!MODULES.includes(extname(file))) {
    const variables = parseEnv(await text(file)) as Patient["environment"];
    return { file, environment: { ...variables, ...shell }, content: { kind: "environment", variables } };
  }
  const options = await load(file, timeout);
  return { file, environment: shell, content: { kind: "module", options } };
}

async function text(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError({
      en: `${file} can't be read (${codeOf(error)})`,
      ja: `${file} を読み込めません(${codeOf(error)})`,
    });
  }
}

async function load(module: string, timeout: number): Promise<object> {
  try {
    return await within(
      timeout,
      exportOf(module, "options", isObject, {
        en: "the options of a MinnaClient",
        ja: "MinnaClient のオプション",
      }),
    );
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // What a partner's module throws may hold anything, a database's password for one: only its kind is repeated.
    throw new UsageError({
      en: `${module} can't be loaded (${codeOf(error)}): try node ${module}`,
      ja: `${module} を読み込めません(${codeOf(error)})。node ${module} で確認してください`,
    });
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = "code" in error ? String(error.code) : "";
  if (/^[A-Z0-9_]{1,40}$/.test(code)) return code;
  return /^[A-Z]\w{0,40}$/.test(error.name) ? error.name : "Error";
}
