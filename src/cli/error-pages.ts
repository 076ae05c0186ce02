/**
 * The pages about errors that come with the package.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { Language } from "./language.js";

/** What is said of one code. */
export interface ErrorPage {
  readonly code: string;
  /** The class of the error, or what else the code is of. */
  readonly of: string;
  /** Markdown. */
  readonly text: string;
}

/** What is said of one check of a `ValidationError`. */
export interface CheckRow {
  readonly check: string;
  readonly why: string;
  readonly what: string;
}

/** Something that other software says, and the codes that it stands behind. */
export interface Symptom {
  readonly said: string;
  readonly codes: readonly string[];
}

/** All pages in a language. */
export interface ErrorPages {
  readonly pages: readonly ErrorPage[];
  readonly checks: readonly CheckRow[];
  readonly symptoms: readonly Symptom[];
}

/** Reads the pages of the installed package. */
export function readErrorPages(language: Language): ErrorPages {
  const file = language === "ja" ? "errors.ja.md" : "errors.md";
  return errorPages(readFileSync(new URL(`../../docs/${file}`, import.meta.url), "utf8"));
}

/** The pages in a document: a chapter for each class, in it a section for each code. */
export function errorPages(document: string): ErrorPages {
  const pages: ErrorPage[] = [];
  for (const chapter of document.split(/^## /m).slice(1)) {
    const [of = "", ...sections] = chapter.split(/^### /m);
    for (const section of sections) {
      const [code = "", ...lines] = section.split("\n");
      pages.push({ code: code.trim(), of: of.split("\n", 1).join().trim(), text: lines.join("\n").trim() });
    }
  }
  const rows = [...document.matchAll(/^\| (.*) \|$/gm)].map(([, row = ""]) => row.split(" | "));
  const checks = rows.flatMap(([name = "", why = "", what]) => {
    const [, check] = /^`(\w+)`$/.exec(name) ?? [];
    return check === undefined || what === undefined ? [] : [{ check, why, what }];
  });
  const symptoms = rows.flatMap(([said = "", links, ...more]) => {
    if (links === undefined || more.length > 0) return [];
    const codes = [...links.matchAll(/\]\(#(\w+)\)/g)].map(([, code = ""]) => code);
    return [...said.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => ({ said: text, codes }));
  });
  return { pages, checks, symptoms };
}
