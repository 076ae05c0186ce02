/**
 * Dates of the bank: Japan Standard Time, whatever the server's time zone.
 *
 * @module
 */

/** A calendar date in Japan, `YYYY-MM-DD`. */
export type JstDate = string;

/** A date-time in Japan, `YYYY-MM-DDThh:mm:ss+09:00`. */
export type JstDateTime = string;

// Japan has had no daylight saving time since 1951.
const OFFSET = 9 * 60 * 60 * 1000;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Formats milliseconds since the epoch as a date-time in Japan. */
export function toJst(milliseconds: number): JstDateTime {
  return `${new Date(milliseconds + OFFSET).toISOString().slice(0, 19)}+09:00`;
}

/** Whether the value is a date of the calendar: `2026-02-30` is not. */
export function isJstDate(value: unknown): value is JstDate {
  if (typeof value !== "string" || !DATE.test(value)) return false;
  const time = Date.parse(`${value}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value);
}

/** The last millisecond of a date in Japan, since the epoch. */
export function endOfJstDate(date: JstDate): number {
  return Date.parse(`${date}T23:59:59.999+09:00`);
}

/** A date or date-time as milliseconds since the epoch: without an offset it is Japan's; `undefined` for any other text. */
export function fromJst(text: string): number | undefined {
  if (isJstDate(text)) return endOfJstDate(text);
  const time = Date.parse(/(Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}+09:00`);
  return Number.isNaN(time) ? undefined : time;
}

/** The last day of a month in Japan, `YYYY-MM`, a number of years later. */
export function lastDayOf(month: string, yearsLater: number): JstDate {
  const [year = "", number = ""] = month.split("-");
  return new Date(Date.UTC(Number(year) + yearsLater, Number(number), 0)).toISOString().slice(0, 10);
}
