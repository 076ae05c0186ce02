/**
 * Misbehaviour by chance: the same seed and the same order of requests bring the same of it.
 *
 * @module
 */
import { generator } from "../random.js";
import type { FaultName } from "./fault-name.js";

/** How likely each fault is, from 0 (never) to 1 (always), each time that its place is passed. */
export type FaultOdds = Readonly<Partial<Record<FaultName, number>>>;

export class Chance {
  readonly #odds: Map<FaultName, number>;
  readonly #random: () => number;

  /** @throws RangeError if the seed is no integer, or the odds of a fault are not from 0 to 1. */
  constructor(seed: number, odds: FaultOdds) {
    if (!Number.isSafeInteger(seed)) throw new RangeError("the seed must be an integer");
    this.#odds = new Map(Object.entries(odds) as [FaultName, number][]);
    for (const [name, value] of this.#odds) {
      if (typeof value !== "number" || !(value >= 0 && value <= 1)) {
        throw new RangeError(`the odds of ${name} must be from 0 to 1`);
      }
    }
    this.#random = generator(seed);
  }

  /** Takes a fault out. */
  forget(name: FaultName): void {
    this.#odds.delete(name);
  }

  /** Draws for a fault whose place is passed. */
  strikes(name: FaultName): boolean {
    const odds = this.#odds.get(name);
    return odds !== undefined && this.#random() < odds;
  }
}
