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
export function checkUrl(value: unknown, option: string, problems: Problems, allowQuery = false): string {
  const expected = `an https URL without ${allowQuery ? "credentials" : "credentials, query"} and fragment`;
  if (typeof value !== "string" || !URL.canParse(value)) {
    const found = typeof value === "string" && value !== "" ? "a string that is no URL" : kindOf(value);
    problems.add(option, expected, found);
    return "";
  }
  const url = new URL(value);
  // The parts that may hold secrets (credentials, query) are not repeated.
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  if (url.username !== "" || url.password !== "") problems.add(option, expected, `${shown} with credentials`);
  else if (url.protocol !== "https:") problems.add(option, expected, shown);
  else if (value.includes("#")) problems.add(option, expected, `${shown} with a fragment`);
  else if (!allowQuery && value.includes("?")) problems.add(option, expected, `${shown} with a query`);
  return value;
}
