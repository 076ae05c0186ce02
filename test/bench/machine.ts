/** What a run was made on. */
import { readFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";

export interface Machine {
  readonly node: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly cpu: string;
  readonly cores: number;
  /** Gigabytes. */
  readonly memory: number;
  /** How many processes wanted a core in the minute before: where others had work, times say less. */
  readonly load: number;
  readonly date: string;
}

const DEPENDENCIES = ["jose", "openid-client", "undici"];

export function thisMachine(): Machine {
  const versions = DEPENDENCIES.map(name => {
    const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return [name, (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version];
  });
  return {
    node: process.version.slice(1),
    dependencies: Object.fromEntries(versions),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memory: Math.round(totalmem() / 2 ** 30),
    load: Number((loadavg()[0] ?? Number.NaN).toFixed(1)),
    date: new Date().toISOString().slice(0, 10),
  };
}
