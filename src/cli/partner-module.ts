/**
 * What the partner's own module gives a command to work with.
 *
 * @module
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Bilingual } from "./language.js";
import { UsageError } from "./usage.js";

/**
 * What a module exports under a name, or by default.
 *
 * @throws UsageError where it is not of the wanted kind.
 */
export async function exportOf<T>(
  module: string,
  name: string,
  isWanted: (value: unknown) => value is T,
  wanted: Bilingual,
): Promise<T> {
  const exported: Readonly<Record<string, unknown>> = await import(pathToFileURL(resolve(module)).href);
  // A module may have to wait for what it exports.
  const found = (await Promise.all([exported[name], exported["default"]])).find(isWanted);
  if (found !== undefined) return found;
  throw new UsageError({
    en: `${module} does not export ${wanted.en}, as "${name}" or by default`,
    ja: `${module} は${wanted.ja}を "${name}" または default でエクスポートしていません`,
  });
}

/** Resolves when it has left the process, though a pipe may be slow to take it. */
export function write(text: string): Promise<void> {
  return new Promise((done, failed) => {
    process.stdout.write(text, error => (error ? failed(error) : done()));
  });
}
