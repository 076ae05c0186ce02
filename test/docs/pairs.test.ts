import { expect, it } from "vitest";
import { type Block, type Page, readPages } from "./markdown.js";

const pages = await readPages();
const japanese = pages.filter(({ path }) => path.endsWith(".ja.md"));
const pairs = japanese.map(page => [page.path.replace(".ja.md", ".md"), page] as const);

const english = (path: string): Page | undefined => pages.find(page => page.path === path);

/** Code without its comments, which are written in the page's language. */
function bare({ language, code }: Block): string[] {
  if (language === "mermaid")
    return code.split("\n").map(line => line.replace(/(:|^\s*(alt|else|opt|loop)\b).*$/, "$1").replace(/ as .*$/, ""));
  const comment = /^(ts|js)$/.test(language) ? /(^|\s+)\/\/ .*$/ : /(^|\s+)# .*$/;
  return code
    .split("\n")
    .map(line => line.replace(comment, ""))
    .filter(line => line !== "");
}

it("every page of docs/ and the README are there in both languages", () => {
  const alone = pages.filter(
    ({ path }) =>
      /^(docs\/|README)/.test(path) &&
      !path.endsWith(".ja.md") &&
      !japanese.some(page => page.path === path.replace(".md", ".ja.md")),
  );
  expect(alone.map(({ path }) => path)).toEqual([]);
  expect(pairs.length).toBeGreaterThan(5);
});

it.each(pairs)("%s and its Japanese page are built alike", (path, page) => {
  const other = english(path);
  expect(page.headings.map(({ level }) => level)).toEqual(other?.headings.map(({ level }) => level));
  expect(page.tables).toEqual(other?.tables);
  expect(page.blocks.map(block => [block.language, block.under])).toEqual(
    other?.blocks.map(block => [block.language, block.under]),
  );
  for (const [at, block] of page.blocks.entries()) expect(bare(block)).toEqual(bare(other?.blocks[at] as Block));
});

it.each(pairs)("%s and its Japanese page link to each other, and the Japanese one to Japanese pages", (path, page) => {
  const name = (full: string) => full.slice(full.lastIndexOf("/") + 1);
  expect(page.links).toContain(name(path));
  expect(english(path)?.links).toContain(name(page.path));
  const others = page.links.filter(link => {
    const [file = ""] = link.split("#");
    return file !== name(path) && pairs.some(([one]) => name(one) === name(file)) && !file.endsWith(".ja.md");
  });
  expect(others).toEqual([]);
});

it.each(pairs)("the Japanese page of %s shows no gap in a sentence where its source breaks a line", (_, page) => {
  const gaps = page.breaks.filter(sides =>
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}、。「」]/u.test(sides),
  );
  expect(gaps).toEqual([]);
});
