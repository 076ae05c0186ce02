/**
 * The language that a customer reads a page in.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";

export type Language = "ja" | "en";

/** How a page is shown to the one who asked for it. */
export interface View {
  readonly language: Language;
  /** The query that leads to the same page again, without the language; `undefined` where only a form leads to it. */
  readonly query: string | undefined;
  /** Set where the language has just been chosen: the pages after this one are in it, too. */
  readonly cookie?: string;
}

const COOKIE = "minna_bank_language";
const YEAR = 365 * 86_400;

/**
 * What the customer has chosen, now or before; else what the partner asks for (`ui_locales`, OpenID Connect Core 3.1.2.1);
 * else what the browser prefers; else Japanese.
 */
export function viewOf({ url = "", method, headers }: IncomingMessage, uiLocales?: unknown): View {
  const { pathname, searchParams } = URL.parse(url, "https://bank.invalid") ?? new URL("https://bank.invalid");
  const chosen = known(searchParams.get("lang"));
  searchParams.delete("lang");
  const interaction = pathname.startsWith("/interaction/");
  const query = interaction ? "" : method === "GET" ? searchParams.toString() : undefined;
  if (chosen !== undefined) {
    const cookie = `${COOKIE}=${chosen}; Path=/; Max-Age=${YEAR}; Secure; HttpOnly; SameSite=Lax`;
    return { language: chosen, query, cookie };
  }
  const [, kept] = new RegExp(`(?:^|;\\s*)${COOKIE}=(\\w+)`).exec(headers.cookie ?? "") ?? [];
  const asked = String(uiLocales ?? "").split(" ");
  const preferred = first([known(kept), ...asked.map(known), ...accepted(headers["accept-language"] ?? "")]);
  return { language: preferred ?? "ja", query };
}

function first(languages: readonly (Language | undefined)[]): Language | undefined {
  return languages.find(language => language !== undefined);
}

/** `en-GB` is English. */
function known(tag: string | null | undefined): Language | undefined {
  const [, language] = /^(ja|en)(?:-|$)/i.exec(tag ?? "") ?? [];
  return language === undefined ? undefined : language.toLowerCase() === "ja" ? "ja" : "en";
}

/** The languages of `Accept-Language` that the bank speaks, the one of the highest weight first (RFC 9110, 12.5.4). */
function accepted(header: string): readonly (Language | undefined)[] {
  const ranges = header.split(",").map(range => {
    const [tag = "", ...parameters] = range.trim().split(/\s*;\s*/);
    const [, weight = "1"] = /^q=(\d(?:\.\d{0,3})?)$/i.exec(parameters.at(-1) ?? "") ?? [];
    return { language: known(tag), weight: Number(weight) };
  });
  return ranges
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ language }) => language);
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** A day, JST `YYYY-MM-DD`, in words. */
export function dayIn(language: Language, date: string): string {
  const [year, month = 1, day] = date.split("-").map(Number);
  return language === "ja" ? `${year}年${month}月${day}日` : `${day} ${MONTHS[month - 1]} ${year}`;
}
