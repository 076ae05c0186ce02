/**
 * What all errors have in common.
 *
 * @module
 */
import { type SupportBundle, supportBundle } from "./support-bundle.js";

/** Whether the failed call can have changed something at the bank. */
export type SideEffect = "none" | "possible";

/** What every {@link MinnaError} is made from. */
export interface MinnaErrorDetails {
  /** Default `false`. */
  readonly retryable?: boolean;
  /** Default `none`. */
  readonly sideEffect?: SideEffect;
  /** The `x-fapi-interaction-id` of the call. */
  readonly interactionId?: string | undefined;
  /** An error without secrets. */
  readonly cause?: Error | undefined;
}

/** The base of all errors of this package. Catch a subclass, or switch on `code`. */
export abstract class MinnaError extends Error {
  /** What happened, as a constant that does not change between releases. */
  abstract readonly code: string;
  /** Whether the same call may be made again as it is. */
  readonly retryable: boolean;
  /** Whether the call can have changed something at the bank. */
  readonly sideEffect: SideEffect;
  /** The `x-fapi-interaction-id` of the call, which the bank's support asks for. */
  declare readonly interactionId?: string;
  readonly #time: number = Date.now();

  constructor(message: string, details: MinnaErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.retryable = details.retryable ?? false;
    this.sideEffect = details.sideEffect ?? "none";
    if (details.interactionId !== undefined) this.interactionId = details.interactionId;
  }

  /**
   * Everything about the error that the bank's support asks for, or whoever is on call: what failed and when, the last
   * requests of the call that failed, and the versions at work. A plain object, to be written as JSON.
   *
   * It holds no token, code, key or personal data, and no id but those of the partner: ids in a path are replaced by their
   * names.
   */
  toSupportBundle(): SupportBundle {
    return supportBundle(this, this.#time);
  }
}
