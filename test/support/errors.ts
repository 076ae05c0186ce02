/** Looks at what went wrong. */
import { inspect } from "node:util";
import { expect } from "vitest";
import { ConfigurationError, type ConfigurationProblem, MinnaError } from "../../src/errors.js";

type ErrorClass<E extends Error> = abstract new (...parameters: never[]) => E;

/** An error of ours says in whole sentences what went wrong: nothing left out of it, nothing undefined. */
function saying<E extends Error>(error: E): E {
  if (error instanceof MinnaError && !(error instanceof ConfigurationError)) {
    expect(error.message).toMatch(/^[A-Za-z]\S*( \S+)+[.)]$/s);
    expect(error.message).not.toMatch(/ [.,]|: \./);
  }
  return error;
}

/** What the promise rejects with, which must be of this class. */
export async function rejection<E extends Error>(promise: Promise<unknown>, type: ErrorClass<E>): Promise<E> {
  const settled = await promise.then(
    value => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!("error" in settled))
    throw new Error(`resolved to ${inspect(settled.value).slice(0, 500)}, and should have rejected`);
  expect(settled.error).toBeInstanceOf(type);
  return saying(settled.error as E);
}

/** What the function throws, which must be of this class. */
export function thrown<E extends Error>(work: () => unknown, type: ErrorClass<E>): E {
  let value: unknown;
  try {
    value = work();
  } catch (error) {
    expect(error).toBeInstanceOf(type);
    return saying(error as E);
  }
  throw new Error(`returned ${inspect(value).slice(0, 200)}, and should have thrown`);
}

/** The problems of the options. */
export function problemsOf(work: () => unknown): readonly ConfigurationProblem[] {
  return thrown(work, ConfigurationError).problems;
}

/** Everything that a log could show of an error. */
export function everythingShown(error: Error): string {
  const own = Object.fromEntries(Object.getOwnPropertyNames(error).map(name => [name, Reflect.get(error, name)]));
  return [
    error.message,
    error.stack,
    String(error),
    JSON.stringify(error),
    JSON.stringify(own),
    inspect(error, { depth: 10, showHidden: true }),
  ].join("\n");
}
