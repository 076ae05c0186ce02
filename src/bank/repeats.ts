/**
 * Rows that stand on two pages.
 *
 * @module
 */
import { digestOf } from "./cursor.js";

/** A row, as far as it is known across pages. */
export interface Keyed {
  readonly itemKey?: string | null | undefined;
}

/**
 * Leaves out what stood on the page before: rows come in order, so a repeat comes from there. Without a key equal rows are both
 * kept, for both can be real.
 *
 * Nothing of a page is kept but numbers: who holds rows while the next page is on its way has both in memory.
 */
export class Repeats {
  /** The keys of the last page that had any. */
  #before: ReadonlySet<number> = new Set();
  /** The same as a cursor tells them, before the first page. */
  #told: ReadonlySet<string>;

  /** @param seen - The digests of the keys on the page before the first one. */
  constructor(seen: readonly string[]) {
    this.#told = new Set(seen);
  }

  /** The digests of the keys on the last page that had any, for whoever asks: they take long, and few are asked for. */
  get digests(): () => readonly string[] {
    const [before, told] = [this.#before, this.#told];
    return () => [...told, ...Array.from(before, digestOf)];
  }

  /** The rows of the next page without those that were there. */
  leftOut<Row extends Keyed>(rows: readonly Row[]): readonly Row[] {
    const keys = new Set<number>();
    const fresh = rows.filter(({ itemKey }) => {
      if (!itemKey) return true;
      const key = numberOf(itemKey);
      const { size } = keys;
      return keys.add(key).size > size && !this.#before.has(key) && !this.#isTold(key);
    });
    // A page without keys leaves those before it to be compared with.
    if (keys.size > 0) {
      this.#before = keys;
      this.#told = new Set();
    }
    return Object.freeze(fresh);
  }

  #isTold(key: number): boolean {
    return this.#told.size > 0 && this.#told.has(digestOf(key));
  }
}

/**
 * A key as a number of 53 bits, more than a digest has. Not the key itself: on Node 26 a string of JSON takes four times as long to
 * be looked up, and keeps the page that it was read from in memory.
 */
export function numberOf(itemKey: string): number {
  let high = 0;
  let low = FNV_BASIS;
  for (let index = 0; index < itemKey.length; index++) {
    const unit = itemKey.charCodeAt(index);
    high = (Math.imul(high, 31) + unit) | 0;
    // FNV-1a.
    low = Math.imul(low ^ unit, FNV_PRIME);
  }
  return (high & 0x1f_ffff) * 2 ** 32 + (low >>> 0);
}

const FNV_BASIS = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;
