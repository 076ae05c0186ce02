import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import * as minnaBaas from "../../src/index.js";
import { DECLARED } from "./declared.js";
import { readPages, root } from "./markdown.js";

const read = (path: string) => readFile(join(root, path), "utf8");
const pages = await readPages();

/** A snippet, and where it stands: the page, and the English heading. */
interface Snippet {
  readonly path: string;
  readonly place: string;
  readonly code: string;
}

// What stands in CONTRIBUTING.md is for the conformance suite, in capitals for who fills it in.
const forPartners = pages.filter(({ path }) => /^(README|docs\/)/.test(path));
const snippets = forPartners.flatMap(({ path, blocks }): Snippet[] => {
  const english = path.replace(".ja.md", ".md");
  const headings = pages.find(page => page.path === english)?.headings;
  return blocks
    .filter(({ language }) => language === "ts")
    .map(({ code, under }) => ({ path, place: `${english}#${headings?.[under]?.text}`, code }));
});

it("every snippet compiles, with nothing but what is declared for it", { timeout: 60_000 }, async () => {
  expect(snippets.length).toBeGreaterThan(20);
  // Within the package, so that "pg" and the types of Node are found.
  await mkdir(join(root, ".build"), { recursive: true });
  const folder = await mkdtemp(join(root, ".build/snippets-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));

  const compilerOptions = {
    paths: {
      "minna-baas": ["../../src/index.ts"],
      "minna-baas/otel": ["../../src/otel/index.ts"],
      "minna-baas/sandbox": ["../../src/sandbox/index.ts"],
      "minna-baas/testing": ["../../src/testing/index.ts"],
      "minna-baas/*": ["../../src/stores/*.ts"],
    },
    isolatedDeclarations: false,
    declaration: false,
    noUnusedLocals: false,
  };
  const files: [string, string][] = [
    ["tsconfig.json", JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["."] })],
    // What the compiler must refuse: else it has looked at nothing.
    ["wrong.ts", 'import type { Profile } from "minna-baas";\nexport const profile: Profile = "fapi3";\n'],
    ...snippets.map(({ place, code }, at): [string, string] => [
      `snippet-${at + 1}.ts`,
      `${DECLARED[place] ?? ""}\nexport {};\n${code}`,
    ]),
  ];
  for (const [name, text] of files) await writeFile(join(folder, name), text);
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const compiled = await promisify(execFile)(process.execPath, [tsc, "-p", folder, "--pretty", "false"]).catch(
    (error: { stdout: string }) => error,
  );
  const complaints = compiled.stdout.split("\n").filter(line => line.includes("error TS"));
  const [expected, ...others] = complaints.sort(
    (a, b) => Number(b.includes("wrong.ts")) - Number(a.includes("wrong.ts")),
  );
  const placed = others.map(line =>
    line.replace(
      /^.*?snippet-(\d+)\.ts/,
      (_, number) => `${snippets[number - 1]?.path}, ${snippets[number - 1]?.place}`,
    ),
  );
  expect(placed).toEqual([]);
  expect(expected).toContain("wrong.ts");
});

it("what is declared is declared for a snippet", () => {
  const places = snippets.map(({ place }) => place);
  expect(Object.keys(DECLARED).filter(place => !places.includes(place))).toEqual([]);
});

it("the README's first screen is the example that is compiled and run", async () => {
  const first = snippets.find(({ path }) => path === "README.md");
  expect(first?.code).toBe(await read("examples/link-and-charge.ts"));
});

it.each(["README.md", "README.ja.md"])("every error class has its row in %s", async path => {
  const errors = Object.entries(minnaBaas)
    .filter(([, value]) => (value as { prototype?: unknown }).prototype instanceof minnaBaas.MinnaError)
    .map(([name]) => name);
  const readme = await read(path);
  expect(errors.length).toBeGreaterThan(8);
  for (const name of errors) expect(readme).toContain(`| \`${name}\` |`);
});
