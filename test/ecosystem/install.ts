/** Installs this package from its tarball, beside the tools that partners use it with. */
import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { partnerProject, ROOT } from "../package/partner-project.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder of the partner's project. */
    readonly project: string;
  }
}

/** Compilers by the names that they are installed under: the oldest that works, and the last of each line since. */
const TYPESCRIPT = { "typescript-5.4": "5.4", "typescript-5.5": "5.5", "typescript-5.9": "5.9", "typescript-6": "6" };

export default async function install({ provide }: TestProject): Promise<() => Promise<void>> {
  const { devDependencies: here } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const older = Object.entries(TYPESCRIPT).map(([name, line]) => `${name}@npm:typescript@~${line}`);
  const same = ["@types/node", "esbuild", "vitest"].map(name => `${name}@${here[name]}`);
  const project = await partnerProject([
    ...older,
    `typescript-7@npm:typescript@${here["typescript"]}`,
    ...same,
    "jest@30",
  ]);
  await cp(new URL("project", import.meta.url), project, { recursive: true });
  provide("project", project);
  return () => rm(project, { recursive: true, force: true });
}
