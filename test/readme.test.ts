import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), "utf8");

it("the README's first screen is the example that is compiled and run", async () => {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(await read("README.md")) ?? [];
  expect(code).toBe(await read("examples/link-and-charge.ts"));
});

it("every error class has its row in the README", async () => {
  const errors = [...(await read("src/errors.ts")).matchAll(/^export class (\w+)/gm)].map(([, name]) => name);
  const readme = await read("README.md");
  expect(errors.length).toBeGreaterThan(8);
  for (const name of errors) expect(readme).toContain(`| \`${name}\` |`);
});
