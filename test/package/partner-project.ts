/** A partner's project in a folder of its own, with this package from its tarball. */
import { execFile } from "node:child_process";
import { chmod, cp, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const run: typeof execFile.__promisify__ = promisify(execFile);

/** Where this package is developed. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** Node binaries of every version that is supported, where CI names them; elsewhere the one that runs the tests. */
export const NODES: readonly string[] = (process.env["NODE_BINARIES"] ?? process.execPath).split(":");

/** Packs what `npm run build` has built, and installs it, with its optional peers and what else is named. */
export async function partnerProject(packages: readonly string[] = []): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), "minna-baas-"));
  await cp(new URL("project", import.meta.url), project, { recursive: true });
  // Without its scripts: a build now would take dist away from the tests that run beside this one.
  const packing = ["pack", "--silent", "--ignore-scripts", "--pack-destination", project];
  const { stdout } = await run("npm", packing, { cwd: ROOT });
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const peers = ["oidc-provider", "@opentelemetry/api"].map(name => `${name}@${devDependencies[name]}`);
  const wanted = [join(project, stdout.trim()), ...peers, ...packages];
  await run("npm", ["install", "--silent", "--no-audit", "--no-fund", ...wanted], { cwd: project });
  // mkdtemp lets only its owner in; a server runs as somebody else.
  await chmod(project, 0o755);
  return project;
}
