/**
 * The `Retry-After` header (RFC 9110 section 10.2.3).
 *
 * @module
 */

const LONGEST = 7 * 24 * 60 * 60;

/** Seconds to wait, from either form of the header; `undefined` where there is none or it makes no sense. */
export function retryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== "string") return undefined;
  // Date.parse() takes almost anything, -5 and 1.5 too: only the form of RFC 9110 section 5.6.7 is a date here.
  const date = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/.test(value) ? Date.parse(value) : Number.NaN;
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : Math.ceil((date - Date.now()) / 1000);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), LONGEST) : undefined;
}
