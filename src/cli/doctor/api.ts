/**
 * Whether the API is where the options say: asked without a token, it asks for one.
 *
 * @module
 */
import { secureContext } from "../../transport/connection.js";
import { type Check, check } from "./check.js";
import { attempt, targetOf } from "./connection.js";
import { type Finding, ok, warning } from "./finding.js";

export const api: Check = check({
  id: "api",
  title: { en: "API", ja: "API" },
  needs: ["configuration", "certificate", "certificateAccepted"],
  network: true,
  run: async ({ configuration: { apiBaseUrl, contract }, certificate }, { timeout }) => {
    const url = `${apiBaseUrl}${contract.paths.accounts}`;
    const context = secureContext(certificate.ca, certificate);
    const { answer, code = "-" } = await attempt(targetOf(url), { context, timeout, path: new URL(url).pathname });
    return { findings: [examineAnswer(url, Number(answer?.slice(9, 12)) || code)] };
  },
});

/** @param answer - The status of the answer, or why there is none. */
export function examineAnswer(url: string, answer: number | string): Finding {
  const id = "api.base-url";
  // RFC 6750 section 3.1: without a token it is 401; some say 400 or 403.
  if (answer === 400 || answer === 401 || answer === 403) {
    return ok(id, { en: `Asks for a token (HTTP ${answer})`, ja: `アクセストークンを要求(HTTP ${answer})` }, url);
  }
  const shown = typeof answer === "number" ? `HTTP ${answer}` : answer;
  const found = { en: `Does not ask for a token (${shown})`, ja: `アクセストークンを要求しません(${shown})` };
  const busy = typeof answer === "string" || answer === 429 || answer >= 500;
  const advice = busy
    ? {
        why: {
          en: "The API may be busy, or in maintenance.",
          ja: "API が混雑またはメンテナンス中の可能性があります。",
        },
        fix: { en: "Try again later.", ja: "時間をおいて再度実行してください。" },
      }
    : {
        why: {
          en: "The API seems to be at another path: linking would work, and every call after it fail.",
          ja: "API のパスが違う可能性があります。その場合、口座連携はできても、以降の呼び出しがすべて失敗します。",
        },
        fix: {
          en: "Compare api.baseUrl (MINNA_API_BASE_URL), its path too, and contract.paths with the bank's documents.",
          ja: "api.baseUrl(MINNA_API_BASE_URL)をパスまで、contract.paths と合わせて銀行の資料と照合してください。",
        },
      };
  return warning(id, found, advice, url);
}
