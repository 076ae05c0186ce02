/**
 * A link that can't be used.
 *
 * @module
 */
import { MinnaError, type MinnaErrorDetails } from "./minna-error.js";

/** The link is unknown, over, or needs the customer again. */
export class LinkError extends MinnaError {
  static {
    LinkError.prototype.name = "LinkError";
  }

  /**
   * `link_unknown`: the store has no such link. `link_released`: it was released with `grant.revoke()`.
   * `reauthorization_required`: the bank no longer accepts its tokens; send the customer through `links.begin()` again.
   * `scope_missing`: the customer did not grant what the call needs. `link_elsewhere`: the link was made with another
   * issuer or client id than the configured one. `grant_expired`, `grant_revoked`, `grant_suspended`: so the bank says of the
   * grant; an expired one or one that the customer released at the bank needs them again, a suspended one the bank.
   */
  readonly code:
    | "link_unknown"
    | "link_released"
    | "reauthorization_required"
    | "scope_missing"
    | "link_elsewhere"
    | "grant_expired"
    | "grant_revoked"
    | "grant_suspended";
  /** The link. */
  readonly linkId: string;

  constructor(code: LinkError["code"], linkId: string, message: string, details: MinnaErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.linkId = linkId;
  }
}
