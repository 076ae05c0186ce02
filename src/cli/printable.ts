/**
 * What others have written, on a terminal.
 *
 * @module
 */

/** Without what moves the cursor, begins a line, or shows letters in another order than they are in. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, "?");
}
