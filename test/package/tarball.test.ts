import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NODES, partnerProject, ROOT, run } from "./partner-project.js";

let project: string;

beforeAll(async () => {
  project = await partnerProject();
}, 180_000);

afterAll(() => rm(project, { recursive: true, force: true }));

describe("the tarball", () => {
  it("holds the built package and nothing of the workshop", async () => {
    const files = await readdir(join(project, "node_modules/minna-baas"));
    expect(files.sort()).toEqual([
      "ARCHITECTURE.md",
      "BENCHMARKS.md",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.ja.md",
      "README.md",
      "SECURITY.md",
      "dist",
      "docs",
      "etc",
      "examples",
      "package.json",
    ]);
  });

  it.each(NODES)(
    "links and charges in every profile, as ESM, on %s",
    async node => {
      const { stdout } = await run(node, ["link-and-charge.mjs"], { cwd: project });
      expect(stdout.match(/linked and charged once/g)).toHaveLength(3);
    },
    60_000,
  );

  it.each(NODES)("can be required from CommonJS on %s", async node => {
    const { stdout } = await run(node, ["require.cjs"], { cwd: project });
    expect(stdout.trim()).toBe("required");
  });

  it("needs OpenTelemetry for its own entry point only", async () => {
    await run("npm", ["uninstall", "--silent", "@opentelemetry/api"], { cwd: project });
    const script = `
      await import("minna-baas");
      await import("minna-baas/otel").catch(error => console.log(error.message));`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: project });
    expect(stdout).toContain("Cannot find package '@opentelemetry/api'");
  }, 60_000);

  it("brings its command", async () => {
    const { stdout } = await run(join(project, "node_modules/.bin/minna-baas"), ["--version"], { cwd: project });
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    expect(stdout.trim()).toBe(version);
  });

  it("says which package to install when the sandbox's peer is missing", async () => {
    await run("npm", ["uninstall", "--silent", "oidc-provider"], { cwd: project });
    const script = 'import("minna-baas/sandbox").then(s => s.startSandbox()).catch(e => console.log(e.message))';
    const { stdout } = await run(process.execPath, ["-e", script], { cwd: project });
    expect(stdout).toContain("npm i -D oidc-provider@9");
  }, 60_000);
});
