/**
 * Errors as the attribute `error.type` has them.
 *
 * @module
 */

/** A constant that does not change between releases, of which there are few. */
export function errorType(error: Error): string {
  // What an answer failed says more than that it failed.
  if ("check" in error && typeof error.check === "string") return error.check;
  return "code" in error && typeof error.code === "string" ? error.code : "_OTHER";
}
