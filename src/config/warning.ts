/**
 * Warnings: what an operator should know and no call fails of.
 *
 * @module
 */

/** What can be warned of. */
export type WarningCode =
  | "MINNA_CERTIFICATE_EXPIRES"
  | "MINNA_CERTIFICATE_REJECTED"
  | "MINNA_KEYS_REJECTED"
  | "MINNA_MEMORY_STORE"
  | "MINNA_NO_INQUIRY"
  | "MINNA_VERSION_ENDS";

/** Warns the process. `detail` says what to do. */
export function emitWarning(code: WarningCode, message: string, detail: string): void {
  process.emitWarning(message, { type: "MinnaBaasWarning", code, detail });
}
