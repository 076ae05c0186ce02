/**
 * A debit that may have been made.
 *
 * @module
 */
import { MinnaError, type MinnaErrorDetails } from "./minna-error.js";

/** The money may have moved. Ask again with the same reference: it is never sent under a second key. */
export class DebitOutcomeUnknownError extends MinnaError {
  static {
    DebitOutcomeUnknownError.prototype.name = "DebitOutcomeUnknownError";
  }

  /**
   * `debit_key_expired`: the bank shows no debit under the reference, or can't be asked for it, and so long after it was
   * sent it may not be sent again under it. Ask the bank; what it says decides whether the order may be charged under another reference.
   */
  readonly code: "debit_outcome_unknown" | "debit_key_expired";
  /** The partner's own order id, as it was given to `debits.create()`. */
  readonly reference: string;

  constructor(
    reference: string,
    details: MinnaErrorDetails & { readonly code?: DebitOutcomeUnknownError["code"] } = {},
  ) {
    const { code = "debit_outcome_unknown", ...rest } = details;
    const open = code === "debit_outcome_unknown";
    super(
      `Whether the debit ${JSON.stringify(reference)} was made is not known. Neither deliver nor charge again: ${
        open
          ? "call debits.create() with the same reference and body, or debits.find() with the reference, until it is known."
          : "the bank no longer remembers its key, so it is not sent again; where it can be asked by the reference, it shows no such debit. Ask the bank."
      }`,
      { ...rest, retryable: open, sideEffect: "possible" },
    );
    this.code = code;
    this.reference = reference;
  }
}
