/**
 * Values that were never filled in.
 *
 * @module
 */
import { isObject } from "../../config/problems.js";
import { type Finding, warning } from "./finding.js";

/** What templates and READMEs write where a value of one's own belongs. */
const TEMPLATE = /^<.*>$|\$\{|\bchange[-_ ]?me\b|\byour[-_ ]|\bTODO\b|\bFIXME\b|^x{3,}$|^\.{3}$|placeholder|ここに/i;
/** RFC 2606: names that nobody can have. */
const RESERVED = /(^|\.)(example|invalid|test)$|(^|\.)example\.(com|net|org)$/;

/** Looks at what is a text and no secret. */
export function examinePlaceholders(options: Readonly<Record<string, unknown>>): readonly Finding[] {
  const { issuer, clientId, redirectUri, api } = options;
  const baseUrl = isObject(api) && "baseUrl" in api ? api.baseUrl : undefined;
  // The sandbox redirects to a reserved name that nobody opens, and is no mistake.
  const sandbox = typeof issuer === "string" && /^https:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]?/.test(issuer);
  return Object.entries({ issuer, clientId, redirectUri, "api.baseUrl": baseUrl }).flatMap(([option, value]) => {
    if (typeof value !== "string") return [];
    const reserved = option !== "clientId" && URL.canParse(value) && RESERVED.test(new URL(value).hostname);
    return TEMPLATE.test(value) || (reserved && !sandbox) ? [unfilled(option)] : [];
  });
}

function unfilled(option: string): Finding {
  return warning(
    "options.placeholder",
    { en: `${option} looks like a placeholder`, ja: `${option} がひな型の値のままのようです` },
    {
      why: {
        en: "The bank knows nothing of a value from a template or an example.",
        ja: "ひな型や例の値は、銀行に登録されていません。",
      },
      fix: {
        en: `Set ${option} to the value from the bank's onboarding.`,
        ja: `${option} に、銀行から通知された(銀行に登録した)値を設定してください。`,
      },
    },
    option,
  );
}
