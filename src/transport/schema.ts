/**
 * What the JSON of an answer has to be.
 *
 * @module
 */

/**
 * Reads a value out of JSON: a new one, frozen, without the members that nobody knows. What is wrong is noted by its path,
 * the whole by an empty one, and never by its value; then the result means nothing.
 */
export type Schema<T> = (value: unknown, wrong: string[]) => T;

/** What a value was read as, or the paths of what is wrong with it. */
export type Reading<T> =
  | { readonly value: T; readonly wrong?: never }
  | { readonly value?: never; readonly wrong: readonly string[] };

/** Reads a value. */
export function read<T>(schema: Schema<T>, json: unknown): Reading<T> {
  const wrong: string[] = [];
  const value = schema(json, wrong);
  return wrong.length === 0 ? { value } : { wrong };
}

/** What passes a test. */
export function matching<T>(test: (value: unknown) => value is T): Schema<T> {
  return (value, wrong) => {
    if (!test(value)) wrong.push("");
    return value as T;
  };
}

/** A string. */
export const text: Schema<string> = (value, wrong) => {
  if (typeof value !== "string") wrong.push("");
  return value as string;
};

/** A string that is not empty. */
export const filled: Schema<string> = matching((value): value is string => typeof value === "string" && value !== "");

/** `true` or `false`. */
export const flag: Schema<boolean> = matching(value => typeof value === "boolean");

/** A number. JSON can write some that are too large to be read: they are none. */
export const number: Schema<number> = matching((value): value is number => Number.isFinite(value));

/** What may be absent. */
export function optional<T>(schema: Schema<T>): Schema<T | undefined> {
  return (value, wrong) => (value === undefined ? undefined : schema(value, wrong));
}

/** What may be absent or `null`, and stays what it is. */
export function nullish<T>(schema: Schema<T>): Schema<T | null | undefined> {
  return (value, wrong) => (value === undefined || value === null ? value : schema(value, wrong));
}

/** Wrong places after which a list is looked at no further: a message names a few, and an answer can have millions. */
const ENOUGH = 5;

/** A list whose items are all alike. */
export function list<T>(schema: Schema<T>): Schema<readonly T[]> {
  return (value, wrong) => {
    const items: T[] = [];
    if (!Array.isArray(value)) wrong.push("");
    else {
      const before = wrong.length;
      for (const [index, item] of value.entries()) {
        const noted = wrong.length;
        items.push(schema(item, wrong));
        if (wrong.length > noted) nameFrom(noted, wrong, String(index));
        if (wrong.length >= before + ENOUGH) break;
      }
    }
    return Object.freeze(items);
  };
}

/** An object. Its members come in the order of the shape, so that all objects of a shape are laid out alike in memory. */
export function object<T extends object>(shape: { readonly [Name in keyof T]-?: Schema<T[Name]> }): Schema<T> {
  const members = Object.entries<Schema<unknown>>(shape).map(([name, schema]) => ({ name, schema }));
  return (value, wrong) => {
    const found: Record<string, unknown> = {};
    if (!isRecord(value)) wrong.push("");
    else {
      for (const { name, schema } of members) {
        const noted = wrong.length;
        const member = schema(value[name], wrong);
        if (wrong.length > noted) nameFrom(noted, wrong, name);
        if (member !== undefined) found[name] = member;
      }
    }
    return Object.freeze(found) as T;
  };
}

/** Whether it is an object of JSON. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Puts a name in front of the paths noted since. */
function nameFrom(since: number, wrong: string[], name: string): void {
  for (let index = since; index < wrong.length; index++) {
    wrong[index] = wrong[index] === "" ? name : `${name}.${wrong[index]}`;
  }
}
