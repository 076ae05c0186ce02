import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { retryAfter } from "../../src/transport/retry-after.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 3, 1, 0, 0, 0) });
});
afterEach(() => {
  vi.useRealTimers();
});

test.each<[string, number]>([
  ["0", 0],
  ["120", 120],
  ["999999999", 7 * 24 * 60 * 60],
  ["Wed, 01 Apr 2026 00:02:00 GMT", 120],
  ["Tue, 31 Mar 2026 23:00:00 GMT", 0],
  ["Fri, 01 Jan 2027 00:00:00 GMT", 7 * 24 * 60 * 60],
])("%j is %i seconds", (value, seconds) => {
  expect(retryAfter(value)).toBe(seconds);
});

test.each(["", "soon", "5 minutes", "-5", "1.5", "12345678901234567890"])("%j makes no sense, and is none", value => {
  expect(retryAfter(value)).toBeUndefined();
});

test("none, and more than one, is none", () => {
  expect(retryAfter(undefined)).toBeUndefined();
  expect(retryAfter(["10", "20"])).toBeUndefined();
});
