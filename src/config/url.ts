/**
 * Checks of the URLs among the options.
 *
 * @module
 */
import { kindOf, type Problems } from "./problems.js";

/**
 * Returns the URL as it was written, or notes the problem. The string is kept: issuers and redirect URIs are compared as
 * strings.
 */
export function checkUrl(value: unknown, option: string, problems: Problems): string {
  return check(value, option, problems, "an https URL without credentials, query and fragment", false);
}

/** The same for a redirect URI, which may have a query, and be http on the browser's own machine (RFC 8252 section 7.3). */
export function checkRedirectUri(value: unknown, option: string, problems: Problems): string {
  const expected = "an https URL, or an http one of localhost, without credentials and fragment";
  return check(value, option, problems, expected, true);
}

function check(value: unknown, option: string, problems: Problems, expected: string, redirect: boolean): string {
  // URL.canParse() overlooks whitespace around a URL and in it, which a comparison of strings does not. And it mends what is
  // no URL: where RFC 3986 is kept, the host of http://localhost\@elsewhere.example is another one.
  if (typeof value !== "string" || /[\s\p{Cc}\\]|^https?:(?!\/\/[^/])/iu.test(value) || !URL.canParse(value)) {
    const found = typeof value === "string" && value !== "" ? "a string that is no URL" : kindOf(value);
    problems.add(option, expected, found);
    return "";
  }
  const url = new URL(value);
  // What may hold secrets is not repeated: credentials, the query, and all of what is no web address.
  const web = url.protocol === "https:" || url.protocol === "http:";
  const shown = web ? `${url.protocol}//${url.host}${url.pathname}` : "a URL with another scheme";
  if (url.username !== "" || url.password !== "") problems.add(option, expected, `${shown} with credentials`);
  else if (url.protocol !== "https:" && !(redirect && isLoopback(url))) problems.add(option, expected, shown);
  else if (value.includes("#")) problems.add(option, expected, `${shown} with a fragment`);
  else if (!redirect && value.includes("?")) problems.add(option, expected, `${shown} with a query`);
  return value;
}

/** Nothing leaves the machine on its way there: this is for development. */
function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
