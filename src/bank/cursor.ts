/**
 * Where an iteration over rows stands, as text that a partner can keep.
 *
 * @module
 */
import { hash } from "node:crypto";
import { isJstDate, type JstDate } from "../config/jst.js";
import { ArgumentError } from "../errors.js";
import type { RowsRange } from "./rows.js";

/** What the next page is asked for with, and what its rows are compared with. */
export interface Position {
  /** Which rows of which account, as a digest. */
  readonly of: string;
  readonly from: JstDate | undefined;
  readonly to: JstDate | undefined;
  readonly next: string | undefined;
  /** The keys of the rows on the page before it, by their digests. */
  readonly seen: readonly string[];
}

/** Characters of a digest: 48 bits tell the rows of a page apart. */
const DIGEST = 8;

/** What it is by its digest, so that a cursor holds nothing of the bank's and stays short. */
export function digestOf(key: string | number): string {
  return hash("sha256", String(key), "base64url").slice(0, DIGEST);
}

/** The position as text. */
export function writeCursor({ of, from, to, next, seen }: Position): string {
  return Buffer.from(JSON.stringify([of, from ?? null, to ?? null, next, seen.join("")])).toString("base64url");
}

/**
 * The position that a range stands for.
 *
 * @throws {@link ArgumentError} when a date is none, `from` is after `to`, or the cursor is none.
 */
export function checkRange(range: RowsRange, of: string): Position {
  const { from, to, cursor } = range ?? {};
  if (cursor !== undefined) {
    if (from !== undefined || to !== undefined) {
      throw new ArgumentError("cursor", "cursor holds the days of its request: leave from and to out.");
    }
    return readCursor(cursor, of);
  }
  for (const [name, value] of Object.entries({ from, to })) {
    if (value !== undefined && !isJstDate(value)) {
      throw new ArgumentError(name, `${name} must be a date of the calendar, YYYY-MM-DD.`);
    }
  }
  if (from !== undefined && to !== undefined && from > to)
    throw new ArgumentError("from", "from must not be after to.");
  return { of, from, to, next: undefined, seen: [] };
}

function readCursor(cursor: string, of: string): Position {
  try {
    const [about, from, to, next, seen] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    const real = [from, to].every(day => day === null || isJstDate(day));
    if (about === of && real && typeof next === "string" && next !== "" && typeof seen === "string") {
      const digests = seen.match(new RegExp(`.{${DIGEST}}`, "g")) ?? [];
      const days = { from: (from as JstDate) ?? undefined, to: (to as JstDate) ?? undefined };
      return { of, ...days, next, seen: digests };
    }
  } catch {
    // Not one of ours: refused below.
  }
  throw new ArgumentError("cursor", "cursor must be one that a page of the same account came with.");
}
