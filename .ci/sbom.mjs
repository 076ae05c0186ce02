// Writes .build/sbom.json: what a partner gets with this package, as CycloneDX. It must list the runtime dependencies and
// what they need, no more and no less: `npm sbom --omit dev` alone leaves out what a development dependency needs, too
// (https://github.com/npm/cli/issues/7909), so npm is shown a lockfile that holds nothing else.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const read = name => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), "utf8"));
const { name, version, description, license, dependencies } = read("package.json");
const lock = read("package-lock.json");

const manifest = { name, version, description, license, dependencies };
const runtime = Object.entries(lock.packages).filter(([, { dev, devOptional, peer }]) => !(dev || devOptional || peer));
const reduced = { ...lock, packages: { ...Object.fromEntries(runtime), "": manifest } };

const folder = mkdtempSync(join(tmpdir(), "minna-sbom-"));
try {
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "package-lock.json"), JSON.stringify(reduced));
  const asked = ["sbom", "--silent", "--sbom-format", "cyclonedx", "--sbom-type", "library", "--package-lock-only"];
  const text = execFileSync("npm", asked, { cwd: folder, encoding: "utf8" });
  const components = JSON.parse(text).components.map(component => `${component.name}@${component.version}`);
  assert.deepEqual(components.sort(), [...reachable(Object.keys(dependencies))].sort());
  const out = new URL("../.build/", import.meta.url);
  mkdirSync(out, { recursive: true });
  writeFileSync(new URL("sbom.json", out), text);
  console.log(`.build/sbom.json: ${components.join(", ")}`);
} finally {
  rmSync(folder, { recursive: true });
}

/** What these packages need, found by walking the lockfile and not by its marks. */
function reachable(names, found = new Set()) {
  for (const wanted of names) {
    const entry = lock.packages[`node_modules/${wanted}`];
    const id = `${wanted}@${entry.version}`;
    if (found.has(id)) continue;
    found.add(id);
    reachable(Object.keys(entry.dependencies ?? {}), found);
  }
  return found;
}
