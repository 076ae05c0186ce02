/**
 * A Markdown page, as far as the tests look at it.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

export interface Heading {
  readonly level: number;
  readonly text: string;
  /** What a link to it says behind `#`, as GitHub makes it. */
  readonly anchor: string;
}

export interface Block {
  readonly language: string;
  readonly code: string;
  /** The place of the heading that it stands under, among those of the page; -1 above the first. */
  readonly under: number;
}

export interface Page {
  /** From the root of the package. */
  readonly path: string;
  readonly headings: readonly Heading[];
  readonly blocks: readonly Block[];
  /** The number of rows of each table, its head included. */
  readonly tables: readonly number[];
  /** Where links go, as they are written. */
  readonly links: readonly string[];
  /** Where a line of a text ends and the text goes on: the characters on both sides. */
  readonly breaks: readonly string[];
}

/** Reads what of the repository is for its readers: the pages in the root, and those of docs/. */
export async function readPages(): Promise<readonly Page[]> {
  const named = async (folder: string) =>
    (await readdir(join(root, folder))).filter(name => name.endsWith(".md")).map(name => join(folder, name));
  const paths = [...(await named(".")), ...(await named("docs"))].sort();
  return Promise.all(paths.map(async path => parsePage(path, await readFile(join(root, path), "utf8"))));
}

export function parsePage(path: string, markdown: string): Page {
  const headings: Heading[] = [];
  const blocks: Block[] = [];
  const tables: number[] = [];
  const links: string[] = [];
  const breaks: string[] = [];
  const anchors = new Map<string, number>();
  let open: { fence: string; language: string; lines: string[] } | undefined;
  let inTable = false;
  let text = "";
  for (const line of markdown.split("\n")) {
    const [, fence, language] = /^\s*(```+)(\w*)/.exec(line) ?? [];
    if (open !== undefined) {
      if (fence === open.fence && language === "") {
        blocks.push({ language: open.language, code: `${open.lines.join("\n")}\n`, under: headings.length - 1 });
        open = undefined;
      } else open.lines.push(line);
      continue;
    }
    if (fence !== undefined) {
      open = { fence, language: language ?? "", lines: [] };
      inTable = false;
      text = "";
      continue;
    }
    const [, marks, title] = /^(#{1,6}) (.+)$/.exec(line) ?? [];
    if (marks !== undefined && title !== undefined) {
      headings.push({ level: marks.length, text: title, anchor: anchorOf(title, anchors) });
    }
    const row = line.startsWith("|");
    if (row && !inTable) tables.push(0);
    if (row) tables[tables.length - 1] = (tables.at(-1) ?? 0) + 1;
    inTable = row;
    if (text !== "" && line !== "" && !row && !/^\s*([-*]|\d+\.) /.test(line)) {
      breaks.push(`${text.at(-1)}${line.trimStart().charAt(0)}`);
    }
    text = row || marks !== undefined ? "" : line;
    for (const [, target] of withoutCode(line).matchAll(/\]\(([^)\s]+)\)/g)) links.push(target ?? "");
  }
  if (open !== undefined) throw new Error(`${path}: a code block is not closed`);
  return { path, headings, blocks, tables, links, breaks };
}

function anchorOf(title: string, taken: Map<string, number>): string {
  const anchor = title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, "")
    .replaceAll(" ", "-");
  const before = taken.get(anchor) ?? 0;
  taken.set(anchor, before + 1);
  return before === 0 ? anchor : `${anchor}-${before}`;
}

/** Inline code holds what only looks like a link; the code of a link's text may go. */
function withoutCode(line: string): string {
  return line.replace(/`[^`]*`/g, "");
}
