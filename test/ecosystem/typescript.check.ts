/** The package's types, checked as strictly as they can be by the compilers that partners have. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { run } from "../package/partner-project.js";

const project = inject("project");
const VERSIONS = ["5.4", "5.5", "5.9", "6", "7"] as const;

/** What the compiler says of a file. `skipLibCheck` is off: our own declarations and those they import are checked, too. */
async function compile(version: (typeof VERSIONS)[number], resolution: string, ...files: string[]): Promise<string> {
  const module = resolution === "bundler" ? "esnext" : resolution;
  const strict = ["--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false"];
  const how = [
    "--noEmit",
    "--target",
    "es2022",
    "--module",
    module,
    "--moduleResolution",
    resolution,
    "--types",
    "node",
  ];
  const tsc = join(project, `node_modules/typescript-${version}/bin/tsc`);
  return run(process.execPath, [tsc, ...strict, ...how, ...files], { cwd: project }).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }) => `${stdout}${stderr}`,
  );
}

describe.each(VERSIONS)("TypeScript %s", version => {
  const modern = !["5.4", "5.5"].includes(version);

  test.concurrent("takes a module and CommonJS, resolved as Node does", async () => {
    expect(await compile(version, "nodenext", "journey.mts", "imported.cts", ...(modern ? ["required.cts"] : []))).toBe(
      "",
    );
  });

  test.concurrent("takes a module, resolved as bundlers do", async () => {
    await copyFile(join(project, "journey.mts"), join(project, "journey.ts"));
    expect(await compile(version, "bundler", "journey.ts")).toBe("");
  });

  test.runIf(version === "5.4" || version === "7")("takes a module with node16", async () => {
    expect(await compile(version, "node16", "journey.mts")).toBe("");
  });
});

test("an older TypeScript says that CommonJS has to import()", async () => {
  expect(await compile("5.5", "nodenext", "required.cts")).toContain("TS1479");
});
