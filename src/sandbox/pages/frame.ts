/**
 * What is around the content of every page.
 *
 * @module
 */
import type { Language, View } from "./language.js";
import { Markup, markup } from "./markup.js";
import { STYLE } from "./style.js";

export interface Content {
  readonly title: string;
  /** Whether the page says that something went wrong, which its title tells first. */
  readonly alarmed?: boolean;
  readonly body: Markup;
}

const BANK = {
  ja: {
    name: "みんなの銀行",
    badge: "サンドボックス",
    languages: "表示言語",
    error: "エラー: ",
    footer: "これは開発用のサンドボックスです。お客さまも口座もお金も、すべて架空のものです。",
  },
  en: {
    name: "Minna Bank",
    badge: "Sandbox",
    languages: "Language",
    error: "Error: ",
    footer: "This is a sandbox for development. Every customer, account and yen in it is made up.",
  },
} as const satisfies Record<Language, unknown>;

const NAMES = { ja: "日本語", en: "English" } as const;

export function frame({ language, query }: View, { title, alarmed = false, body }: Content): string {
  const words = BANK[language];
  return markup`<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${alarmed ? words.error : ""}${title} | ${words.name} ${words.badge}</title><style>${new Markup(STYLE)}</style></head>
<body><header><div class="bar"><p class="brand">${words.name}<span class="badge">${words.badge}</span></p>${
    query === undefined ? undefined : languages(language, query)
  }</div></header>
<main><h1>${title}</h1>
${body}
</main>
<footer><p>${words.footer}</p></footer></body></html>
`.html;
}

function languages(current: Language, query: string): Markup {
  const items = (["ja", "en"] as const).map(language => {
    const href = `?${query === "" ? "" : `${query}&`}lang=${language}`;
    const mark = language === current ? markup` aria-current="true"` : undefined;
    return markup`<li><a href="${href}" lang="${language}" hreflang="${language}"${mark}>${NAMES[language]}</a></li>`;
  });
  return markup`<nav aria-label="${BANK[current].languages}"><ul>${items}</ul></nav>`;
}
