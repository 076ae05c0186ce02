import fc from "fast-check";
import { expect, test } from "vitest";
import { yen } from "../../src/bank/yen.js";
import { read } from "../../src/transport/schema.js";

const LARGEST = Number.MAX_SAFE_INTEGER;

test.each<[unknown, number]>([
  [0, 0],
  ["0", 0],
  [1980, 1980],
  ["1980", 1980],
  [-5, -5],
  ["-5", -5],
  [LARGEST, LARGEST],
  [String(LARGEST), LARGEST],
  [`-${LARGEST}`, -LARGEST],
])("%j is an amount", (wire, amount) => {
  expect(read(yen, wire)).toStrictEqual({ value: amount });
});

test.each([
  1.5,
  "1.5",
  "1980.0",
  "1e3",
  "0x10",
  "1,980",
  "007",
  "00",
  "+5",
  "--5",
  "-",
  "",
  " 5",
  "5 ",
  "5\n",
  "５",
  "円5",
  2 ** 53,
  String(2 ** 53),
  "9007199254740993",
  "99999999999999999999",
  1e21,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  null,
  undefined,
  true,
  [],
  {},
])("%j is none", wire => {
  expect(read(yen, wire)).toStrictEqual({ wrong: [""] });
});

test("an integer is the same amount in either form, and is never rounded", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n }), integer => {
      const exact = Number.isSafeInteger(Number(integer)) && BigInt(Number(integer)) === integer;
      const { value } = read(yen, integer.toString());
      expect(value !== undefined).toBe(exact);
      if (value !== undefined) expect(BigInt(value)).toBe(integer);
    }),
    { seed: 3 },
  );
});
