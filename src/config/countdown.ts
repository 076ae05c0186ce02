/**
 * Says in time that something ends.
 *
 * @module
 */

const DAY = 24 * 60 * 60 * 1000;

/**
 * Counts the days to an end and warns at some of them, once at each, whenever somebody looks. It has no timer.
 *
 * Who looks late hears of the nearest only: not of thirty days when seven are left.
 */
export class Countdown {
  readonly #endsAt: number;
  readonly #days: readonly number[];
  readonly #warn: (daysLeft: number) => void;
  #said: number = Number.POSITIVE_INFINITY;
  /** Milliseconds since the epoch: before that there is nothing to say. */
  #next: number = Number.NEGATIVE_INFINITY;

  /**
   * @param endsAt - Milliseconds since the epoch.
   * @param days - How many days before the end to warn, such as `[30, 7, 1]`; and at the end itself.
   * @param warn - Told how many days are left, begun ones included: 0 once it is over.
   */
  constructor(endsAt: number, days: readonly number[], warn: (daysLeft: number) => void) {
    this.#endsAt = endsAt;
    this.#days = [...days, 0];
    this.#warn = warn;
  }

  /** Warns if it is time to. */
  look(now: number = Date.now()): void {
    // It is asked with each request.
    if (now < this.#next) return;
    const left = this.#endsAt - now;
    const reached = Math.min(...this.#days.filter(day => left <= day * DAY));
    const following = Math.max(...this.#days.filter(day => left > day * DAY));
    this.#next = this.#endsAt - following * DAY;
    if (reached >= this.#said) return;
    this.#said = reached;
    this.#warn(Math.max(0, Math.ceil(left / DAY)));
  }
}
