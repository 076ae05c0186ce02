/**
 * What the JSON of an answer has to be.
 *
 * @module
 */

/**
 * Reads a value that was just parsed, and is nobody else's: it is taken over and frozen, so that a page of rows is not made
 * twice. Members that nobody knows are left behind. What is wrong is noted by its path, the whole by an empty one, and never by
 * its value; then the result means nothing.
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
    if (!Array.isArray(value)) wrong.push("");
    else {
      const before = wrong.length;
      for (let index = 0; index < value.length && wrong.length < before + ENOUGH; index++) {
        const noted = wrong.length;
        value[index] = schema(value[index], wrong);
        if (wrong.length > noted) nameFrom(noted, wrong, String(index));
      }
    }
    return Object.freeze(value as T[]);
  };
}

/** An object with these members, and no others. */
export function object<T extends object>(shape: { readonly [Name in keyof T]-?: Schema<T[Name]> }): Schema<T> {
  const members = Object.entries<Schema<unknown>>(shape).map(([name, schema]) => ({ name, schema }));
  return (value, wrong) => {
    if (!isRecord(value)) {
      wrong.push("");
      return value as T;
    }
    let known = 0;
    for (const { name, schema } of members) {
      const noted = wrong.length;
      const given = value[name];
      const member = schema(given, wrong);
      if (wrong.length > noted) nameFrom(noted, wrong, name);
      if (member !== given) value[name] = member;
      if (member !== undefined) known++;
    }
    return Object.freeze(Object.keys(value).length === known ? value : pick(value, members)) as T;
  };
}

/** The members that are known. */
function pick(value: Json, members: readonly { readonly name: string }[]): Json {
  const found: Json = {};
  for (const { name } of members) if (value[name] !== undefined) found[name] = value[name];
  return found;
}

type Json = Record<string, unknown>;

/** Whether it is an object of JSON. */
export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Puts a name in front of the paths noted since. */
function nameFrom(since: number, wrong: string[], name: string): void {
  for (let index = since; index < wrong.length; index++) {
    wrong[index] = wrong[index] === "" ? name : `${name}.${wrong[index]}`;
  }
}
