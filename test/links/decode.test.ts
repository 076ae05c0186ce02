import { describe, expect, test } from "vitest";
import { type SideEffect, ValidationError } from "../../src/errors.js";
import { decode, decodeBody, freeze } from "../../src/links/decode.js";
import { list, nullish, number, object, optional, text } from "../../src/transport/schema.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { everythingShown, thrown } from "../support/errors.js";
import { answer } from "../support/stub-rooms.js";

interface Named {
  readonly name: string;
  readonly note?: string | null | undefined;
  readonly list?: readonly string[] | undefined;
}

const schema = object<Named>({ name: text, note: nullish(text), list: optional(list(text)) });

describe("an answer", () => {
  test("is decoded with the interaction id of its call, and frozen to the bottom", () => {
    const result = decode(schema, answer(200, { name: "a", list: ["x"] }), "test", aCall());
    expect(result).toEqual({ name: "a", list: ["x"], interactionId: INTERACTION_ID });
    expect(Object.isFrozen(result) && Object.isFrozen(result.list)).toBe(true);
  });

  test("keeps absent, null and empty apart", () => {
    expect(decode(schema, answer(200, { name: "a" }), "test", aCall())).not.toHaveProperty("note");
    expect(decode(schema, answer(200, { name: "a", note: null }), "test", aCall()).note).toBeNull();
    expect(decode(schema, answer(200, { name: "a", note: "" }), "test", aCall()).note).toBe("");
    expect(decode(schema, answer(200, { name: "a", list: [] }), "test", aCall()).list).toEqual([]);
  });

  test("loses what nobody knows, be it named __proto__", () => {
    const result = decode(schema, answer(200, '{"name":"a","__proto__":{"evil":1},"new":2}'), "test", aCall());
    expect(Object.keys(result).sort()).toEqual(["interactionId", "name"]);
    expect(result).not.toHaveProperty("evil");
  });

  test.each(["", "<html>CANARY</html>", '{"name":"CANARY'])("that is not JSON is refused: %j", body => {
    const error = thrown(() => decode(schema, answer(200, body), "test", aCall()), ValidationError);
    expect(error).toMatchObject({ check: "body", interactionId: INTERACTION_ID, retryable: false });
    expect(error.message).toBe("The bank's answer (test) is not JSON. What to do: npx minna-baas explain body.");
    expect(everythingShown(error)).not.toContain("CANARY");
  });

  test.each<[unknown, string]>([
    [{ name: 7, note: "CANARY" }, "name"],
    [{ name: "CANARY", list: ["CANARY", 7] }, "list.1"],
    [["CANARY"], "the whole"],
  ])("of another form is refused with the names of its members and none of their values: %j", (body, member) => {
    const error = thrown(() => decode(schema, answer(200, body), "test", aCall()), ValidationError);
    expect(error.message).toContain(`(${member})`);
    expect(everythingShown(error)).not.toContain("CANARY");
  });

  test("of quite another form is refused with the names of five members", () => {
    const numbers = list(number);
    const error = thrown(() => decode(numbers, answer(200, Array(6).fill("CANARY")), "test", aCall()), ValidationError);
    expect(error.message).toContain("(0, 1, 2, 3, 4)");
  });

  test.each([
    ["a result", (sideEffect?: SideEffect) => decode(schema, answer(200, "7"), "test", aCall(), sideEffect)],
    ["a body", (sideEffect?: SideEffect) => decodeBody(schema, answer(200, "7"), "test", aCall(), sideEffect)],
  ])("that is refused as %s says whether something can have changed", (_, read) => {
    expect(thrown(() => read(), ValidationError).sideEffect).toBe("none");
    expect(thrown(() => read("possible"), ValidationError).sideEffect).toBe("possible");
  });
});

test("freezing goes all the way down", () => {
  const value = freeze({ a: [{ b: { c: 1 } }] });
  expect(Object.isFrozen(value.a[0]?.b)).toBe(true);
  expect(freeze([null, undefined, "text", 7])).toEqual([null, undefined, "text", 7]);
});
