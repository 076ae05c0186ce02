/**
 * Wrong arguments.
 *
 * @module
 */
import { MinnaError } from "./minna-error.js";

/** A call's arguments are wrong, or contradict an earlier call. Nothing left the process. */
export class ArgumentError extends MinnaError {
  static {
    ArgumentError.prototype.name = "ArgumentError";
  }

  /** `reference_reused`: the reference already stands for a debit with another body. */
  readonly code: "argument_invalid" | "reference_reused";
  /** The argument's name as the caller writes it. */
  readonly argument: string;

  constructor(argument: string, message: string, code: ArgumentError["code"] = "argument_invalid") {
    super(message);
    this.code = code;
    this.argument = argument;
  }
}
