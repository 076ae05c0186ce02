/**
 * Wrong options.
 *
 * @module
 */
import { MinnaError } from "./minna-error.js";

/** One wrong option: its name as the caller writes it, what was expected, what was found (never a secret). */
export interface ConfigurationProblem {
  /** The option, as `certificate.key`. */
  readonly option: string;
  /** What it should be. */
  readonly expected: string;
  /** What it is, in words. */
  readonly found: string;
}

/** The options are wrong. Thrown before any I/O, with every wrong option at once. */
export class ConfigurationError extends MinnaError {
  static {
    ConfigurationError.prototype.name = "ConfigurationError";
  }

  /** {@inheritDoc MinnaError.code} */
  readonly code = "configuration_invalid";
  /** Every wrong option. */
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    const lines = problems.map(({ option, expected, found }) => `  ${option}: expected ${expected}; found ${found}`);
    super(`${problems.length === 1 ? "1 option is" : `${problems.length} options are`} wrong:\n${lines.join("\n")}`);
    this.problems = Object.freeze([...problems]);
  }
}
