/**
 * Collects what is wrong with the options, so that one error names everything at once.
 *
 * @module
 */
import { ConfigurationError, type ConfigurationProblem } from "../errors.js";

/** The wrong options found so far. */
export class Problems {
  readonly #found: ConfigurationProblem[] = [];
  readonly #within: string;

  /** `within`: what stands before the name of every option, as `previous.`. */
  constructor(within = "") {
    this.#within = within;
  }

  add(option: string, expected: string, found: string): void {
    this.#found.push(Object.freeze({ option: this.#within + option, expected, found }));
  }

  /** Takes over what was found elsewhere. */
  addAll({ found }: Problems): void {
    this.#found.push(...found);
  }

  /** What is wrong so far. */
  get found(): readonly ConfigurationProblem[] {
    return this.#found;
  }

  throwIfAny(): void {
    if (this.#found.length > 0) throw new ConfigurationError(this.#found);
  }
}

/** Whether a value can hold options: an array or bytes can't, though their type is `object` too. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** The class of an error that a partner's own function threw: its message, and even its name, may say anything. */
export function classOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return /^[A-Z]\w{0,40}$/.test(error.name) ? error.name : "Error";
}

/** Says what kind of thing a value is, never the value: it may be a secret in the wrong place. */
export function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (value === "") return "an empty string";
  if (Array.isArray(value)) return "an array";
  if (ArrayBuffer.isView(value)) return "bytes";
  const type = typeof value;
  return type === "object" ? "an object" : `a ${type}`;
}
