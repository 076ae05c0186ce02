import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { readPages, root } from "./markdown.js";

it("every command that a page names is one of minna-baas, and every command is named on a page", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, "dist/cli/main.js"), "--help"]);
  const known = [...stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name);
  expect(known.length).toBeGreaterThan(2);
  const pages = (await readPages()).filter(({ path }) => /^(README|docs\/)/.test(path));
  const texts = await Promise.all(pages.map(({ path }) => readFile(join(root, path), "utf8")));
  const named = new Set(texts.flatMap(text => [...text.matchAll(/npx minna-baas ([a-z]+)/g)].map(([, name]) => name)));
  expect([...named].sort()).toEqual(known.sort());
});
