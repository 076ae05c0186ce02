import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { type Page, parsePage, readPages, root } from "./markdown.js";

/** What is wrong with a page's links to other places of the repository. */
async function broken(page: Page, pages: readonly Page[]): Promise<string[]> {
  const complaints = page.links
    .filter(link => !/^[a-z]+:/.test(link))
    .map(async link => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page.path : join(dirname(page.path), path);
      if (target.startsWith("..")) return `${link}: outside of the repository`;
      if (!(await stat(join(root, target)).catch(() => undefined))) return `${link}: no such file`;
      if (anchor === undefined) return [];
      const headings = (target === page.path ? page : pages.find(one => one.path === target))?.headings ?? [];
      const found = headings.some(heading => heading.anchor === decodeURIComponent(anchor));
      return found ? [] : `${link}: no such heading`;
    });
  return (await Promise.all(complaints)).flat();
}

it("every link leads to a file that is there, and to a heading of it", async () => {
  const pages = await readPages();
  expect(pages.flatMap(({ links }) => links).length).toBeGreaterThan(50);
  const found = await Promise.all(
    pages.map(async page => (await broken(page, pages)).map(text => `${page.path}: ${text}`)),
  );
  expect(found.flat()).toEqual([]);
});

it("tells a link that leads nowhere", async () => {
  const text =
    "## One, `two`!\n\n## 三・四\n\n[a](#one-two) [b](#one) [c](nothing.md) [d](README.md) [e](../up.md) `[f](no)`\n";
  const page = parsePage("README.md", text);
  expect(page.headings.map(({ anchor }) => anchor)).toEqual(["one-two", "三四"]);
  expect(await broken(page, [])).toEqual([
    "#one: no such heading",
    "nothing.md: no such file",
    "../up.md: outside of the repository",
  ]);
});
