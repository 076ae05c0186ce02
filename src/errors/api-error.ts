/**
 * A refusal of the bank's API.
 *
 * @module
 */
import { MinnaError, type MinnaErrorDetails } from "./minna-error.js";

const ADVICE: Readonly<Record<ApiError["code"], string>> = {
  bad_request: "Compare the call with the bank's specification; the same call will be refused again.",
  unauthorized:
    "The bank did not accept the token: if it stays so, send the customer through links.begin() with this link.",
  forbidden: "A scope is missing, or the grant is over: link.grant.status() tells.",
  not_found: "There is no such thing for this link: check the id, or the path in the contract.",
  conflict: "Another request is at work on the same thing, or has been: ask what became of it.",
  unprocessable: "The bank understood the call and does not do it: see its code.",
  throttled: "Wait, as retryAfter says if it is there, and make fewer calls at once.",
  maintenance: "The bank is under maintenance: try again later, as retryAfter says if it is there.",
  server_error: "The fault is the bank's, or of a gateway in between: if it stays, give the bank the interaction id.",
};

/** The bank's API refused the call. */
export class ApiError extends MinnaError {
  static {
    ApiError.prototype.name = "ApiError";
  }

  /** What the status means. `maintenance` is a 503: usually planned, see `retryAfter`. */
  readonly code:
    | "bad_request"
    | "unauthorized"
    | "forbidden"
    | "not_found"
    | "conflict"
    | "unprocessable"
    | "throttled"
    | "maintenance"
    | "server_error";
  /** The HTTP status. */
  readonly status: number;
  /** The bank's own code, as it came. */
  declare readonly bankCode?: string;
  /** Seconds after which the bank wants to be asked again. */
  declare readonly retryAfter?: number;

  constructor(
    code: ApiError["code"],
    details: MinnaErrorDetails & {
      readonly status: number;
      readonly bankCode?: string | undefined;
      readonly retryAfter?: number | undefined;
    },
  ) {
    const bankCode = details.bankCode === undefined ? "" : `, ${JSON.stringify(details.bankCode)}`;
    super(`The bank's API refused: ${code} (HTTP ${details.status}${bankCode}). ${ADVICE[code]}`, details);
    this.code = code;
    this.status = details.status;
    if (details.bankCode !== undefined) this.bankCode = details.bankCode;
    if (details.retryAfter !== undefined) this.retryAfter = details.retryAfter;
  }
}
