/**
 * The language that a command speaks.
 *
 * @module
 */
import { UsageError } from "./usage.js";

export type Language = "ja" | "en";

/** A text in each of them. */
export type Bilingual = Readonly<Record<Language, string>>;

/**
 * What `--lang` says, else what the environment is set to (POSIX: the first of LC_ALL, LC_MESSAGES and LANG that is set),
 * else Japanese for who is in Japan's time zone, else English.
 *
 * @throws UsageError where `--lang` is something else.
 */
export function languageOf(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Language {
  if (option === "ja" || option === "en") return option;
  if (option !== undefined)
    throw new UsageError({ en: "--lang must be ja or en", ja: "--lang には ja か en を指定してください" });
  const locale = environment["LC_ALL"] || environment["LC_MESSAGES"] || environment["LANG"] || "";
  // "C" is no language: containers and CI have it.
  if (/^(|C(\..*)?|POSIX)$/.test(locale)) return inJapan() ? "ja" : "en";
  return locale.startsWith("ja") ? "ja" : "en";
}

/** The language to speak of arguments that nobody has read yet: no `--lang` is wrong here. */
export function languageAmong(args: readonly string[]): Language {
  const at = args.lastIndexOf("--lang");
  const joined = args.findLast(arg => arg.startsWith("--lang="))?.slice("--lang=".length);
  const said = at === -1 ? joined : args[at + 1];
  return languageOf(said === "ja" || said === "en" ? said : undefined);
}

function inJapan(): boolean {
  return Intl.DateTimeFormat().resolvedOptions().timeZone === "Asia/Tokyo";
}
