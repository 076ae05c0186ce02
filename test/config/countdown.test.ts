import { describe, expect, test } from "vitest";
import { Countdown } from "../../src/config/countdown.js";

const DAY = 86_400_000;
const END = Date.parse("2026-12-31T00:00:00Z");

/** What is said when somebody looks so many days before the end, each time with one countdown. */
function said(...daysBefore: number[]): number[] {
  const left: number[] = [];
  const countdown = new Countdown(END, [30, 7, 1], days => left.push(days));
  for (const days of daysBefore) countdown.look(END - days * DAY);
  return left;
}

describe("a countdown", () => {
  test("says nothing before the first of its days", () => {
    expect(said(300, 31, 30.001)).toEqual([]);
  });

  test("says each of its days once, and the end", () => {
    expect(said(31, 30, 29, 8, 7, 6.5, 2, 1, 0.5, 0, -1, -100)).toEqual([30, 7, 1, 0]);
  });

  test("says to who looks late what is left, and nothing that has passed", () => {
    expect(said(12.5, 6.2, 0.1)).toEqual([13, 7, 1]);
    expect(said(-3, -4)).toEqual([0]);
    expect(said(0.5, -1)).toEqual([1, 0]);
  });

  test("does not go back with a clock that does", () => {
    expect(said(6, 20, 6)).toEqual([6]);
  });
});
