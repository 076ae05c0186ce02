import { describe, expect, test } from "vitest";
import {
  filled,
  flag,
  list,
  matching,
  nullish,
  number,
  object,
  optional,
  read,
  type Schema,
  text,
} from "../../src/transport/schema.js";

const ANY: readonly unknown[] = ["", "a", 0, 1.5, -0, true, false, null, undefined, [], {}, [["a"]], { a: 1 }];

describe("a value", () => {
  test.each<[string, Schema<unknown>, (value: unknown) => boolean]>([
    ["text", text, value => typeof value === "string"],
    ["filled text", filled, value => value === "a"],
    ["flag", flag, value => typeof value === "boolean"],
    ["number", number, value => typeof value === "number"],
    ["optional", optional(flag), value => value === undefined || typeof value === "boolean"],
    ["nullish", nullish(flag), value => value === undefined || value === null || typeof value === "boolean"],
    ["tested", matching((value): value is 1.5 => value === 1.5), value => value === 1.5],
  ])("that is %s is read as it is, and nothing else is", (_, schema, right) => {
    for (const value of ANY) expect(read(schema, value)).toStrictEqual(right(value) ? { value } : { wrong: [""] });
    expect(ANY.filter(right).length).toBeGreaterThan(0);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, JSON.parse("-1e400")])("of %d is no number", value => {
    expect(read(number, value).wrong).toEqual([""]);
  });
});

interface Item {
  readonly id: string;
  readonly note?: string | null | undefined;
}

interface Box {
  readonly items: readonly Item[];
  readonly first?: Item | undefined;
}

const item = object<Item>({ id: text, note: nullish(text) });
const box = object<Box>({ items: list(item), first: optional(item) });

describe("an object", () => {
  test("has the members that are known and no others, and is frozen to the bottom", () => {
    const given = { more: 1, first: { note: null, id: "1" }, items: [{ id: "2", more: {} }] };
    const { value } = read(box, given);
    expect(value).toStrictEqual({ items: [{ id: "2" }], first: { id: "1", note: null } });
    const parts = [value, value?.items, value?.items[0], value?.first];
    expect(parts.map(part => Object.isFrozen(part))).toEqual([true, true, true, true]);
  });

  test("is taken over where it has no others: it is not made twice", () => {
    const given = { items: [{ id: "1", note: "n" }], first: { id: "2" } };
    const [first] = given.items;
    const { value } = read(box, given);
    expect([value === given, value?.items[0] === first]).toEqual([true, true]);
  });

  test("has no member that was absent, and one of no other name", () => {
    const { value } = read(item, JSON.parse('{"id":"1","__proto__":{"note":"evil"}}'));
    expect(Reflect.ownKeys(value ?? {})).toEqual(["id"]);
    expect(value?.note).toBeUndefined();
  });

  test.each<[unknown, readonly string[]]>([
    [{}, ["items"]],
    [{ items: {} }, ["items"]],
    [{ items: ["CANARY", {}], first: null }, ["items.0", "items.1.id", "first"]],
    [{ items: [], first: { id: null, note: 7 } }, ["first.id", "first.note"]],
    [[], [""]],
    [null, [""]],
  ])("names what is wrong by its path: %j", (given, wrong) => {
    expect(read(box, given)).toStrictEqual({ wrong });
  });
});

test("a long list is not looked at behind the fifth item that is wrong", () => {
  let looked = 0;
  const none: Schema<string> = (_, wrong) => {
    looked++;
    wrong.push("");
    return "";
  };
  expect(read(list(none), Array(1_000).fill("x")).wrong).toEqual(["0", "1", "2", "3", "4"]);
  expect(looked).toBe(5);
});
