/**
 * A signer that failed.
 *
 * @module
 */
import { MinnaError, type MinnaErrorDetails } from "./minna-error.js";

/** The signer given as `signing` failed, or returned something that is no signature. The bank was not asked. */
export class SigningError extends MinnaError {
  static {
    SigningError.prototype.name = "SigningError";
  }

  /** `signing_timeout`: the call's deadline passed while the signer was at work. */
  readonly code: "signing_failed" | "signing_timeout";

  constructor(message: string, details: MinnaErrorDetails & { readonly code?: SigningError["code"] } = {}) {
    super(message, details);
    this.code = details.code ?? "signing_failed";
  }
}
