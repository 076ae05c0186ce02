/**
 * A failure of the partner's store.
 *
 * @module
 */
import { MinnaError } from "./minna-error.js";

const STORE_ADVICE: Readonly<Record<StoreError["code"], string>> = {
  store_failed: "Look at the database and its log.",
  store_timeout: "Look at the database: its connections, locks and load.",
  store_not_durable: "Nothing was written; no debit is made until that is mended.",
  store_not_migrated: "Run its migrations: npx minna-baas migrate MODULE.",
  sealing_key_missing: "Add the key to sealing.keys: nothing is lost while you have it.",
  seal_invalid:
    "The entry was changed, moved or never sealed; it is not used. Find out who writes to the store, and restore it.",
};

/** The partner's own store failed. What the bank was asked before stands. */
export class StoreError extends MinnaError {
  static {
    StoreError.prototype.name = "StoreError";
  }

  /**
   * `store_timeout`: it did not answer within the client's `timeout`. `store_not_durable`: it would lose a debit in a crash,
   * and so does not keep any. `store_not_migrated`: its tables are not there. `sealing_key_missing`: what it holds is sealed
   * under a key that is not among `sealing.keys`. `seal_invalid`: what it holds is not what was sealed for this key.
   */
  readonly code:
    | "store_failed"
    | "store_timeout"
    | "store_not_durable"
    | "store_not_migrated"
    | "sealing_key_missing"
    | "seal_invalid";
  /** The method of the store. */
  readonly operation: string;

  constructor(operation: string, code: StoreError["code"], reason: string) {
    super(`The store failed at ${operation} (${reason}). ${STORE_ADVICE[code]}`, {
      retryable: code === "store_failed" || code === "store_timeout",
    });
    this.code = code;
    this.operation = operation;
  }
}
