/**
 * A file of variables that `node --env-file` and a POSIX shell read alike.
 *
 * @module
 */
import { UsageError } from "./usage.js";

/** Names and values, in their order. */
export type Variables = readonly (readonly [name: string, value: string])[];

/**
 * One line for each variable.
 *
 * @throws UsageError for a value that the two would not read alike.
 */
export function variableLines(variables: Variables): string[] {
  return variables.map(([name, value]) => `${name}=${quoted(value)}`);
}

/** In single quotes both take everything as it is; in double ones each has some signs of its own. */
function quoted(value: string): string {
  if (!/['\r\n]/.test(value)) return `'${value}'`;
  if (!/["$`\\\r\n]/.test(value)) return `"${value}"`;
  throw new UsageError({
    en: `${value} can't be written into an environment file: use a path without quotes`,
    ja: `${value} は環境変数のファイルに書けません。引用符のないパスを使ってください`,
  });
}
