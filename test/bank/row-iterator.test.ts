import { beforeEach, describe, expect, test } from "vitest";
import { RowIterator } from "../../src/bank/row-iterator.js";

let events: string[];

beforeEach(() => {
  events = [];
});

/** Pages that come late, and tell what is done with them. */
async function* pages(
  ...all: (readonly number[] | Error)[]
): AsyncGenerator<{ readonly rows: readonly number[] }, void> {
  try {
    for (const rows of all) {
      events.push("asked");
      await new Promise(setImmediate);
      if (rows instanceof Error) throw rows;
      yield { rows };
    }
  } finally {
    events.push("closed");
  }
}

const OVER = { done: true, value: undefined };

describe("rows", () => {
  test("come one by one over pages, some of them empty, and end", async () => {
    const rows = new RowIterator(pages([1, 2], [], [3], []));
    const found: number[] = [];
    for await (const row of rows) found.push(row);
    expect(found).toEqual([1, 2, 3]);
    expect(await rows.next()).toEqual(OVER);
  });

  test("that are asked for all at once come in order, and then the end", async () => {
    const rows = new RowIterator(pages([1, 2], [3], [], [4]));
    const found = await Promise.all(Array.from({ length: 6 }, () => rows.next()));
    expect(found.map(({ value }) => value)).toEqual([1, 2, 3, 4, undefined, undefined]);
    expect(found.map(({ done }) => done)).toEqual([false, false, false, false, true, true]);
  });

  test("that wait keep their place before one that would be at hand", async () => {
    const rows = new RowIterator(pages([1, 2, 3]));
    const order: unknown[] = [];
    const first = rows.next().then(({ value }) => order.push(value));
    const second = rows.next().then(({ value }) => order.push(value));
    await first;
    await Promise.all([second, rows.next().then(({ value }) => order.push(value))]);
    expect(order).toEqual([1, 2, 3]);
  });

  test("ask for no page before it is wanted", async () => {
    const rows = new RowIterator(pages([1, 2], [3]));
    expect(events).toEqual([]);
    await rows.next();
    await rows.next();
    expect(events).toEqual(["asked"]);
    await rows.next();
    expect(events).toEqual(["asked", "asked"]);
  });

  test("that are left early close their pages, and are over", async () => {
    const rows = new RowIterator(pages([1, 2], [3]));
    for await (const row of rows) if (row === 1) break;
    expect(events).toEqual(["asked", "closed"]);
    expect(await rows.next()).toEqual(OVER);
  });

  test("that are closed while a page is on its way still give its first row to who asked before", async () => {
    const rows = new RowIterator(pages([1, 2], [3]));
    const [first, closed, after] = await Promise.all([rows.next(), rows.return(), rows.next()]);
    expect([first, closed, after]).toEqual([{ done: false, value: 1 }, OVER, OVER]);
  });

  test("fail once, after the rows before, and are over", async () => {
    const rows = new RowIterator(pages([1], new Error("lost"), [2]));
    expect(await rows.next()).toEqual({ done: false, value: 1 });
    const [failed, after] = await Promise.allSettled([rows.next(), rows.next()]);
    expect(failed).toMatchObject({ status: "rejected", reason: new Error("lost") });
    expect(after).toEqual({ status: "fulfilled", value: OVER });
    expect(events.at(-1)).toBe("closed");
  });
});
