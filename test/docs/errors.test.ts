import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { errorPages, readErrorPages } from "../../src/cli/error-pages.js";

const LANGUAGES = ["en", "ja"] as const;
const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string) => readFileSync(`${root}/${file}`, "utf8");
const SOURCES = readdirSync(`${root}/src`, { recursive: true, encoding: "utf8" })
  .filter(file => file.endsWith(".ts"))
  .map(file => `src/${file}`);
const DOCUMENTS = { en: read("docs/errors.md"), ja: read("docs/errors.ja.md") };

/** The strings of a union of types, or of one that is alone. */
function strings(union: string): string[] {
  return [...union.matchAll(/"([A-Za-z]\w*)"/g)].map(([, name = ""]) => name);
}

/** Every code that the type of an error has, and every code of a warning. */
function codes(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const file of SOURCES.filter(name => /^src\/errors\/.*-error\.ts$/.test(name))) {
    const members = [...read(file).matchAll(/readonly code(?::| =)([^;]*);/g)].flatMap(([, type = ""]) =>
      strings(type),
    );
    if (!file.endsWith("minna-error.ts")) expect(members, file).not.toEqual([]);
    for (const code of members) found.add(code);
  }
  for (const file of SOURCES) {
    for (const [, code = ""] of read(file).matchAll(/"(MINNA_[A-Z_]+)"/g)) if (isWarning(code)) found.add(code);
    for (const [, code = ""] of read(file).matchAll(/emitWarning\(\s*"(\w+)"/g)) found.add(code);
  }
  return found;
}

const union = (file: string, name: string) =>
  strings(new RegExp(`export type ${name} =([^;]*);`).exec(read(file))?.[1] ?? "");

/** Other names that begin so are variables of the environment. */
function isWarning(code: string): boolean {
  return union("src/config/warning.ts", "WarningCode").includes(code) || code.startsWith("MINNA_REDIS_");
}

describe.each(LANGUAGES)("the pages about errors (%s)", language => {
  const { pages, checks, symptoms } = readErrorPages(language);
  const documented = pages.map(({ code }) => code);

  it("have a section for each code, and none for another, and each once", () => {
    expect(codes().size).toBeGreaterThan(60);
    expect([...documented].sort()).toEqual([...codes()].sort());
  });

  it("have a row for each check, and none for another", () => {
    const known = union("src/errors/validation-error.ts", "ValidationCheck");
    expect(known.length).toBeGreaterThan(30);
    expect(checks.map(({ check }) => check).sort()).toEqual(known.sort());
    for (const { why, what } of checks) expect(Math.min(why.length, what.length)).toBeGreaterThan(3);
  });

  it("say of each code what it means, and what to do", () => {
    const [means, now] = language === "en" ? ["- **Means:** ", "- **Now:** "] : ["- **意味:** ", "- **今すること:** "];
    for (const { code, text } of pages) {
      expect(text, code).toContain(means);
      expect(text, code).toContain(now);
    }
  });

  it("lead from what is seen to codes that there are, and links to sections", () => {
    expect(symptoms.length).toBeGreaterThan(20);
    for (const { said, codes: meant } of symptoms) {
      expect(meant, said).not.toEqual([]);
      for (const code of meant) expect(documented).toContain(code);
    }
    const anchors = [...DOCUMENTS[language].matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading.toLowerCase());
    const links = [...DOCUMENTS[language].matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor = ""]) => anchor);
    expect(links.length).toBeGreaterThan(20);
    for (const anchor of links) expect(anchors).toContain(anchor);
  });
});

describe("the pages about errors in both languages", () => {
  const [en, ja] = LANGUAGES.map(language => errorPages(DOCUMENTS[language]));
  const blocks = (document: string) => [...document.matchAll(/^```\w*\n[\s\S]*?^```$/gm)].map(([block]) => block);

  it("are about the same, in the same order", () => {
    expect(ja?.pages.map(({ code }) => code)).toEqual(en?.pages.map(({ code }) => code));
    expect(ja?.checks.map(({ check }) => check)).toEqual(en?.checks.map(({ check }) => check));
    expect(ja?.symptoms).toEqual(en?.symptoms);
  });

  it("have the same code", () => {
    expect(blocks(DOCUMENTS.en).length).toBeGreaterThan(2);
    expect(blocks(DOCUMENTS.ja)).toEqual(blocks(DOCUMENTS.en));
  });

  it("tell the same things of each code", () => {
    const labels = { 意味: "Means", SDKの対応: "Done already", お金: "Money", 見分け方: "How to tell" } as const;
    const more = { 今すること: "Now", 恒久対策: "Lasting" } as const;
    const names: Readonly<Record<string, string>> = { ...labels, ...more };
    const told = (text: string) =>
      [...text.matchAll(/^- \*\*(.*?):\*\*/gm)].map(([, label = ""]) => names[label] ?? label);
    for (const [at, page] of (en?.pages ?? []).entries()) {
      expect(told(ja?.pages[at]?.text ?? ""), page.code).toEqual(told(page.text));
    }
  });
});

it("every check that the source refuses with is one of the type", () => {
  const known = union("src/errors/validation-error.ts", "ValidationCheck");
  const used = SOURCES.filter(file => /^src\/(authorization|bank|links|transport)\/(?!guarded)/.test(file)).flatMap(
    file =>
      [...read(file).matchAll(/\b(?:refuse|untrusted|ValidationError)\(\s*"(\w+)"/g)].map(([, check = ""]) => check),
  );
  expect(new Set(used).size).toBeGreaterThan(25);
  for (const check of used) expect(known).toContain(check);
});
