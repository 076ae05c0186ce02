/**
 * Money: integer yen.
 *
 * @module
 */
import type { Schema } from "../transport/schema.js";

/** An amount in yen, an integer. On the wire it may be a decimal string; beyond 2^53-1 it is refused, never rounded. */
export const yen: Schema<number> = (value, wrong) => {
  const amount = typeof value === "string" ? integerOf(value) : value;
  if (!Number.isSafeInteger(amount)) wrong.push("");
  return amount as number;
};

const MINUS = "-".charCodeAt(0);
const ZERO = "0".charCodeAt(0);

/**
 * Reads a decimal integer without leading zeros; `NaN` for anything else. Digit by digit, for an expression takes up to three
 * times as long, twice for each row. Up to 2^53 no step rounds, and what is beyond stays beyond.
 */
function integerOf(decimal: string): number {
  const first = decimal.charCodeAt(0) === MINUS ? 1 : 0;
  let integer = decimal.length === first ? Number.NaN : 0;
  for (let index = first; index < decimal.length; index++) {
    const digit = decimal.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9 || (integer === 0 && index > first)) return Number.NaN;
    integer = integer * 10 + digit;
  }
  return first === 0 ? integer : -integer;
}
