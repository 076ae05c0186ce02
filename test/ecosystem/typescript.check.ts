/** The package's types, checked as strictly as they can be by the compilers that partners have. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { run } from "../package/partner-project.js";

const project = inject("project");

// Under a name that bundlers resolve: for .mts, every mode resolves as Node does.
beforeAll(() => copyFile(join(project, "journey.mts"), join(project, "journey.ts")));

/** What the compiler says of a file. `skipLibCheck` is off: our own declarations and those they import are checked, too. */
async function compile(version: string, resolution: string, ...files: string[]): Promise<string> {
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

// An older compiler does not know that Node lets modules be required: there, CommonJS has to import().
describe.each([
  ["5.4", "node16", ["imported.cts"]],
  ["5.5", "nodenext", ["imported.cts"]],
  ["5.9", "nodenext", ["imported.cts", "required.cts"]],
  ["6", "nodenext", ["imported.cts", "required.cts"]],
  ["7", "nodenext", ["imported.cts", "required.cts"]],
] as const)("TypeScript %s", (version, resolution, commonJs) => {
  test.concurrent(`takes a module and CommonJS, with ${resolution}`, async () => {
    expect(await compile(version, resolution, "journey.mts", ...commonJs)).toBe("");
  });

  test.concurrent("takes a module, resolved as bundlers do", async () => {
    expect(await compile(version, "bundler", "journey.ts")).toBe("");
  });
});

test.concurrent("with node16, TypeScript 7 takes a module, and says that CommonJS has to import()", async () => {
  expect(await compile("7", "node16", "journey.mts", "imported.cts")).toBe("");
  expect(await compile("7", "node16", "required.cts")).toContain("TS1479");
});
