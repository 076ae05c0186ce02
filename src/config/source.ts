/**
 * Where a value of the options comes from that may be replaced while the client runs.
 *
 * @module
 */
import { ConfigurationError } from "../errors.js";
import { classOf, Problems } from "./problems.js";

/** The options that may be replaced. */
export type ReplaceableOption = "certificate" | "signing" | "decryption";

/** Loads a value, again and again. */
export interface Loader<T> {
  /** Milliseconds after which it is looked at again. */
  readonly every: number;
  /** Milliseconds for which what can't be used is nothing to warn of: files are written one after the other. */
  readonly patience: number;
  /**
   * Loads what takes the place of `before`; `before` itself where that is still it.
   *
   * @param forced - Whether to load it also where nothing seems to have changed.
   * @throws {@link ConfigurationError} when it can't be loaded or can't be used.
   */
  load(before: T | undefined, forced: boolean): Promise<T>;
}

/** A value of the options, and how to get the next one. */
export interface Source<T> {
  readonly option: ReplaceableOption;
  /** The value, where it was given and not a way to load it. */
  readonly given?: T;
  /** Absent where the value was given. */
  readonly loader?: Loader<T>;
  /** Checks what was handed over in the place of `before`; throws a `ConfigurationError` that names what is wrong. */
  check: Check<T>;
}

/** Checks a value that takes the place of `before`. Returns `before` itself where it is the same. */
export type Check<T> = (value: unknown, before: T | undefined) => T;

const FIVE_MINUTES = 5 * 60 * 1000;

/** A value that was given. */
export function givenSource<T>(option: ReplaceableOption, given: T, check: Check<T>): Source<T> {
  return Object.freeze({ option, given, check });
}

/** A value that a function of the partner's loads. `form` says what it should load. */
export function loadedSource<T>(
  option: ReplaceableOption,
  load: () => unknown,
  form: string,
  check: Check<T>,
): Source<T> {
  const loader: Loader<T> = {
    every: FIVE_MINUTES,
    patience: 0,
    load: async before => check(await callLoader(option, load, form), before),
  };
  return Object.freeze({ option, loader, check });
}

/** Runs a check that notes problems, and throws them all at once. */
export function checked<T>(work: (problems: Problems) => T | undefined): T {
  const problems = new Problems();
  const value = work(problems);
  problems.throwIfAny();
  // Without a problem there is a value.
  return value as T;
}

async function callLoader(option: ReplaceableOption, load: () => unknown, form: string): Promise<unknown> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    // The loader's own error may say anything: only its class is repeated.
    const found = `one that failed with ${classOf(error)}`;
    throw new ConfigurationError([{ option, expected: `a function that loads ${form}`, found }]);
  }
}
