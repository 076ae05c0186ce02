/**
 * Rows one by one, out of pages that are fetched as they are wanted.
 *
 * @module
 */

/** A page, as far as it is rows. */
interface OfRows<Row> {
  readonly rows: readonly Row[];
}

/**
 * An iterator as an async generator would be, without what one costs for each row: a row of the page at hand comes in a
 * promise that is settled already.
 */
export class RowIterator<Row> implements AsyncIterableIterator<Row, undefined, undefined> {
  readonly #pages: AsyncGenerator<OfRows<Row>, void, undefined>;
  #rows: readonly Row[] = [];
  #next = 0;
  /** Calls that wait for a page, or for those before them. */
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(pages: AsyncGenerator<OfRows<Row>, void, undefined>) {
    this.#pages = pages;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Row, undefined>> {
    if (this.#waiting === 0 && this.#next < this.#rows.length) return Promise.resolve(this.#take());
    return this.#inTurn(async () => {
      while (this.#next === this.#rows.length) {
        // The page that is over is let go first, so that no more than one is ever held.
        this.#turnTo([]);
        const { done, value } = await this.#pages.next();
        if (done === true) return { done, value: undefined };
        this.#turnTo(value.rows);
      }
      return this.#take();
    });
  }

  /** Ends it: no further page is asked for. */
  return(): Promise<IteratorReturnResult<undefined>> {
    return this.#inTurn(async () => {
      this.#turnTo([]);
      await this.#pages.return();
      return { done: true, value: undefined };
    });
  }

  #turnTo(rows: readonly Row[]): void {
    this.#rows = rows;
    this.#next = 0;
  }

  #take(): IteratorYieldResult<Row> {
    return { done: false, value: this.#rows[this.#next++] as Row };
  }

  /** Calls that are made before the ones before them have ended get their results in order. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const turn = this.#last.then(work).finally(() => {
      this.#waiting--;
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}
