/** Which packages a process has loaded: V8 writes down every script that it has run. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fresh } from "../fresh-process.js";

/** The packages under node_modules that a script has loaded when it ends, and how many files of each. */
export async function loadedBy(script: URL, args: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), "minna-bench-"));
  try {
    await fresh(script, args, { env: { NODE_V8_COVERAGE: folder } });
    const packages = new Map<string, number>();
    for (const file of readdirSync(folder)) {
      const { result } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { result: { url: string }[] };
      for (const { url } of result) {
        const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
        if (name !== undefined) packages.set(name, (packages.get(name) ?? 0) + 1);
      }
    }
    return packages;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
