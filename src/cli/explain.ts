/**
 * `minna-baas explain`: what an error means, and what to do.
 *
 * @module
 */

import { readArguments } from "./arguments.js";
import { distance } from "./distance.js";
import { type CheckRow, type ErrorPage, type ErrorPages, readErrorPages } from "./error-pages.js";
import { type Bilingual, type Language, languageOf } from "./language.js";
import { write } from "./partner-module.js";
import { UsageError } from "./usage.js";

const EXAMPLES = `  minna-baas explain connection_lost
  minna-baas explain at_hash
  minna-baas explain "other side closed"
  minna-baas explain MINNA_CERTIFICATE_EXPIRES --lang ja`;

export const EXPLAIN_HELP: Bilingual = {
  en: `Usage: minna-baas explain [CODE] [--lang ja|en]

Says what a code of an error or of a warning means, what was done already, and what to do; without
CODE it lists them all.

CODE is an error's code, the check of a ValidationError, the name of a class, or what another layer
says:

${EXAMPLES}`,
  ja: `使い方: minna-baas explain [コード] [--lang ja|en]

エラーや警告のコードの意味、その時点で済んでいること、対処方法を表示します。
コードを付けずに実行すると、一覧を表示します。

コードには、エラーの code、ValidationError の check、クラス名のほか、ほかの層のメッセージも
指定できます:

${EXAMPLES}`,
};

/** Explains one code, or lists all. */
export async function runExplain(args: string[]): Promise<void> {
  const { asked, language } = read(args);
  const pages = readErrorPages(language);
  await write(`${asked === "" ? overview(pages, language) : explanation(asked, pages, language)}\n`);
}

const WIDTH = 100;
const COLUMN = 34;
const MARKS = /\*\*|`/g;
const TEXTS = {
  usage: {
    en: "Say more: npx minna-baas explain CODE",
    ja: "詳しくは: npx minna-baas explain コード",
  },
  check: { en: "A ValidationError with this check:", ja: "この check を持つ ValidationError:" },
  leads: { en: "This leads to:", ja: "対応するコード:" },
} satisfies Record<string, Bilingual>;

function overview({ pages }: ErrorPages, language: Language): string {
  const chapters = [...new Set(pages.map(page => page.of))].map(of => {
    const codes = pages.filter(page => page.of === of).map(page => `  ${page.code.padEnd(COLUMN)}${summary(page)}`);
    return [of, ...codes].join("\n");
  });
  return [...chapters, TEXTS.usage[language]].join("\n\n");
}

/** The first sentence. */
function summary({ text }: ErrorPage): string {
  const [, sentence = ""] = /^- \*\*[^*]+\*\* (.*?(?:\.(?= |$)|。|[;:](?= )))/m.exec(text) ?? [];
  const short = sentence.replace(/[ ]?[（(][^（()）]{12,}[)）]/g, "").replace(/[;:]$/, ".");
  return short.replace(MARKS, "");
}

function explanation(asked: string, all: ErrorPages, language: Language): string {
  const { pages, checks } = all;
  const isAsked = (name: string) => name.toLowerCase() === asked.toLowerCase();
  const page = pages.find(({ code }) => isAsked(code));
  if (page !== undefined) return shown(page);
  const ofClass = pages.filter(({ of }) => isAsked(of));
  if (ofClass.length > 0) return ofClass.map(shown).join("\n\n");
  const row = checks.find(({ check }) => isAsked(check));
  const general = pages.filter(({ code }) => code === "validation_failed");
  if (row !== undefined) return [TEXTS.check[language], shownRow(row), ...general.map(shown)].join("\n\n");
  const codes = behind(asked, all);
  const found = pages.filter(({ code }) => codes.includes(code.toLowerCase()));
  if (found.length === 0) throw unknown(asked, all);
  return [`${TEXTS.leads[language]} ${codes.join(", ")}`, ...found.map(shown)].join("\n\n");
}

/** The alerts that are about the client certificate (RFC 8446 section 6.2), as OpenSSL spells them in code and message. */
const CERTIFICATE_ALERT =
  /alert[ _](bad[ _]certificate|unsupported[ _]certificate|certificate[ _](required|revoked|expired|unknown)|unknown[ _]ca|access[ _]denied)/i;
const OF_TLS = /ERR_SSL_|ERR_TLS_|SSL routines|SSL alert|\bCERT_|UNABLE_TO_/i;

/** The codes behind what another layer says, be it within a longer text. Of several, what says most. */
function behind(asked: string, { pages, symptoms }: ErrorPages): readonly string[] {
  const text = asked.toLowerCase();
  const named = pages.filter(({ code }) => code.includes("_") && text.includes(code.toLowerCase()));
  const [longest] = [
    ...named.map(({ code }) => ({ said: code, codes: [code.toLowerCase()] })),
    ...symptoms.filter(({ said }) => text.includes(said.toLowerCase())),
  ].sort((one, other) => other.said.length - one.said.length);
  if (CERTIFICATE_ALERT.test(asked)) return ["client_certificate_refused"];
  if (longest !== undefined) return longest.codes;
  return OF_TLS.test(asked) ? ["tls_failed"] : [];
}

function unknown(asked: string, { pages, checks }: ErrorPages): UsageError {
  const names = [...pages.map(({ code }) => code), ...checks.map(({ check }) => check)];
  const near = names.filter(name => isNear(asked.toLowerCase(), name.toLowerCase()));
  const called = asked.slice(0, 80);
  if (near.length > 0) {
    return new UsageError({
      en: `no code is called ${called}; did you mean ${near.join(", ")}?`,
      ja: `${called} というコードはありません。近いもの: ${near.join(", ")}`,
    });
  }
  return new UsageError({
    en: `no code is called ${called}; without a code, explain lists them all`,
    ja: `${called} というコードはありません。コードを付けずに実行すると、一覧を表示します`,
  });
}

function isNear(asked: string, name: string): boolean {
  if (asked.length >= 4 && (name.includes(asked) || (name.length >= 6 && asked.includes(name)))) return true;
  return distance(asked, name) <= Math.min(3, Math.floor(name.length / 3));
}

function shown({ code, of, text }: ErrorPage): string {
  return `${code} (${of})\n\n${plain(text)}`;
}

function shownRow({ check, why, what }: CheckRow): string {
  return `  ${check}: ${plain(why)}\n  → ${plain(what)}`;
}

/** Markdown as a terminal shows it well: no marks, no links, no table, lines of a width. What is to be copied is indented. */
function plain(markdown: string): string {
  const text = markdown.replace(/^\|.*\|\n?/gm, "");
  const parts = text.split(/^```(?:\w+\n)?/m);
  const shownParts = parts.map((part, at) => (at % 2 === 1 ? part.replace(/^(?=.)/gm, "    ") : prose(part)));
  return shownParts
    .join("")
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd();
}

function prose(markdown: string): string {
  const text = markdown.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1").replace(MARKS, "");
  return text.split("\n").flatMap(wrapped).join("\n");
}

/** Breaks between words, where there are any: Japanese is broken by the terminal. */
function wrapped(line: string): string[] {
  if (/[\u3040-\u30ff\u4e00-\u9fff]/.test(line)) return [line];
  const lines: string[] = [];
  for (const word of line.split(" ")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length === 0) lines.push(word);
    else if (longer.length > WIDTH) lines.push(`  ${word}`);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function read(args: string[]): { readonly asked: string; readonly language: Language } {
  const { values, positionals } = readArguments({
    args,
    allowPositionals: true,
    options: { lang: { type: "string" } },
  });
  // Somebody may paste a message without quotes.
  return { asked: positionals.join(" ").trim(), language: languageOf(values.lang) };
}
