/** Partners' own tests, in the runners that they have. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { NODES, run } from "../package/partner-project.js";

const project = inject("project");
const [oldest = process.execPath] = NODES;

/** How many tests passed and failed, and what was printed. */
async function ran(node: string, tool: string, args: readonly string[], NODE_OPTIONS = "") {
  // The variables of this runner are not for that one.
  const { PATH } = process.env;
  const options = { cwd: project, env: { PATH, NODE_OPTIONS, CI: "true" }, timeout: 170_000 };
  return run(node, [join(project, "node_modules", tool), ...args], options).then(
    ({ stdout, stderr }) => ({ passed: true, said: stdout + stderr }),
    ({ stdout, stderr }: { stdout: string; stderr: string }) => ({ passed: false, said: stdout + stderr }),
  );
}

const jest = (node: string, args: string[], flag?: string) => ran(node, "jest/bin/jest.js", args, flag);
const MATCH = ["--testMatch", "**/*.test.?js", "--testTimeout", "60000"];
const MODULES = "--experimental-vm-modules";

describe("Jest", () => {
  test("takes modules, and import() in CommonJS, with --experimental-vm-modules", async () => {
    const { passed, said } = await jest(oldest, [...MATCH, "journey", "imported"], MODULES);
    expect(said).toContain("Tests:       2 passed, 2 total");
    expect(passed).toBe(true);
  });

  test("takes require() without it where modules are turned into CommonJS", async () => {
    const { passed, said } = await jest(oldest, ["-c", "jest.commonjs.cjs", "required"]);
    expect(said).toContain("Tests:       1 passed, 1 total");
    expect(passed).toBe(true);
  });

  test.each(NODES)("takes require() with --experimental-vm-modules from Node 24.9, on %s", async node => {
    const { stdout } = await run(node, ["--version"]);
    const [major = 0, minor = 0] = stdout.slice(1).split(".").map(Number);
    const { passed, said } = await jest(node, [...MATCH, "required"], MODULES);
    if (major > 24 || (major === 24 && minor >= 9)) expect(said).toContain("Tests:       1 passed, 1 total");
    else expect([passed, said]).toEqual([false, expect.stringContaining("Must use import to load ES Module")]);
  });
});

test("Vitest needs nothing", async () => {
  await writeFile(
    join(project, "vitest.config.mjs"),
    'export default { test: { globals: true, include: ["journey.test.mjs"], testTimeout: 60_000 } };',
  );
  const { passed, said } = await ran(oldest, "vitest/vitest.mjs", ["run"]);
  expect(said).toMatch(/1 passed/);
  expect(passed).toBe(true);
});
