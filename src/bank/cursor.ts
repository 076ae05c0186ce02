/**
 * Where an iteration over rows stands, as text that a partner can keep.
 *
 * @module
 */
import { hash } from "node:crypto";
import { isJstDate, type JstDate } from "../config/jst.js";
import { ArgumentError } from "../errors.js";
import type { RowsRange } from "./rows.js";

/** What the next page is asked for with, and which rows were on the page before it. */
export interface Position {
  /** Which rows of which account, as a digest. */
  readonly of: string;
  readonly from: JstDate | undefined;
  readonly to: JstDate | undefined;
  readonly next: string | undefined;
  readonly seen: Seen;
}

/** Rows that were there. */
export interface Seen {
  /** Whether the row with this key was. */
  has(itemKey: string): boolean;
  /** Their keys, by their digests. */
  digests(): readonly string[];
}

/** Characters of a digest: 48 bits tell the rows of a page apart. */
const DIGEST = 8;

/** A key by its digest, so that a cursor holds nothing of the bank's and stays short. */
export function digestOf(itemKey: string): string {
  return hash("sha256", itemKey, "base64url").slice(0, DIGEST);
}

/** Rows by their keys. Only a cursor needs digests, and few pages are asked for theirs. */
export function seenKeys(keys: ReadonlySet<string>): Seen {
  return { has: itemKey => keys.has(itemKey), digests: () => Array.from(keys, digestOf) };
}

/** The rows that a cursor tells of. */
function seenDigests(digests: readonly string[]): Seen {
  const set = new Set(digests);
  return { has: itemKey => set.has(digestOf(itemKey)), digests: () => digests };
}

/** The position as text. */
export function writeCursor({ of, from, to, next, seen }: Position): string {
  return Buffer.from(JSON.stringify([of, from ?? null, to ?? null, next, seen.digests().join("")])).toString(
    "base64url",
  );
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
  return { of, from, to, next: undefined, seen: seenKeys(new Set()) };
}

function readCursor(cursor: string, of: string): Position {
  try {
    const [about, from, to, next, seen] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    const real = [from, to].every(day => day === null || isJstDate(day));
    if (about === of && real && typeof next === "string" && next !== "" && typeof seen === "string") {
      const digests = seen.match(new RegExp(`.{${DIGEST}}`, "g")) ?? [];
      const days = { from: (from as JstDate) ?? undefined, to: (to as JstDate) ?? undefined };
      return { of, ...days, next, seen: seenDigests(digests) };
    }
  } catch {
    // Not one of ours: refused below.
  }
  throw new ArgumentError("cursor", "cursor must be one that a page of the same account came with.");
}
