import { afterEach, describe, expect, test, vi } from "vitest";
import { endOfJstDate, isJstDate, toJst } from "../../src/config/jst.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Moves the process to another time zone, and makes sure that it has moved. */
function standIn(zone: string): void {
  vi.stubEnv("TZ", zone);
  expect(new Intl.DateTimeFormat().resolvedOptions().timeZone).toBe(zone);
}

describe("a date", () => {
  test.each(["2026-04-01", "2024-02-29", "2000-02-29", "2026-12-31", "0001-01-01"])("is %s", value => {
    expect(isJstDate(value)).toBe(true);
  });

  test.each([
    "2026-02-30",
    "2026-02-29",
    "1900-02-29",
    "2026-04-31",
    "2026-13-01",
    "2026-00-01",
    "2026-04-00",
    "2026-4-1",
    "20260401",
    "2026/04/01",
    "2026-04-01T00:00:00",
    "2026-04-01\n",
    " 2026-04-01",
    "12026-04-01",
    "２０２６-04-01",
    "",
    undefined,
    null,
    20260401,
    new Date(0),
  ])("is not %j", value => {
    expect(isJstDate(value)).toBe(false);
  });
});

// Where the server stands must not matter: each of these has another day at some of these moments.
describe.each(["UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Apia"])(
  "in the time zone %s",
  zone => {
    test("a moment is shown as it is in Japan", () => {
      standIn(zone);
      expect(toJst(0)).toBe("1970-01-01T09:00:00+09:00");
      expect(toJst(Date.UTC(2026, 2, 31, 14, 59, 59, 999))).toBe("2026-03-31T23:59:59+09:00");
      expect(toJst(Date.UTC(2026, 2, 31, 15, 0, 0))).toBe("2026-04-01T00:00:00+09:00");
      expect(toJst(Date.UTC(2024, 1, 28, 15))).toBe("2024-02-29T00:00:00+09:00");
    });

    test("a date ends when the day ends in Japan", () => {
      standIn(zone);
      expect(endOfJstDate("2026-04-01")).toBe(Date.UTC(2026, 3, 1, 14, 59, 59, 999));
      expect(toJst(endOfJstDate("2027-11-30"))).toBe("2027-11-30T23:59:59+09:00");
      expect(isJstDate("2026-04-01")).toBe(true);
      expect(isJstDate("2026-02-30")).toBe(false);
    });
  },
);
