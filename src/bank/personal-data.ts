/**
 * Keeps personal data out of logs.
 *
 * @module
 */
import { inspect } from "node:util";

/**
 * The value, whose contents `console.log` and `util.inspect` don't print. A copy of it, `{ ...value }`, is printed as any
 * other object, and so is its JSON.
 */
export function unprinted<T extends object>(value: T, name: string): T {
  return Object.defineProperty(value, inspect.custom, {
    value: () => `${name} { personal data: to print it, print a copy: { ...value } }`,
  });
}
