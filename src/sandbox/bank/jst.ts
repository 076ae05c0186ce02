/**
 * Calendar and clock of the bank: Japan Standard Time, which knows no daylight saving, whatever the machine's zone.
 *
 * @module
 */

const OFFSET = 9 * 3_600_000;
const DAY = 86_400_000;

function wall(epochMs: number): string {
  return new Date(epochMs + OFFSET).toISOString();
}

/** The day in Tokyo, `YYYY-MM-DD`. */
export function jstDate(epochMs: number): string {
  return wall(epochMs).slice(0, 10);
}

/** The time of day in Tokyo, `HH:mm:ss+09:00`. */
export function jstTime(epochMs: number): string {
  return `${wall(epochMs).slice(11, 19)}+09:00`;
}

/** Date and time in Tokyo, `YYYY-MM-DDTHH:mm:ss+09:00`. */
export function jstDateTime(epochMs: number): string {
  return `${wall(epochMs).slice(0, 19)}+09:00`;
}

/** The first moment of a Tokyo day, as epoch milliseconds. */
export function startOfDay(date: string): number {
  return Date.parse(`${date}T00:00:00+09:00`);
}

export function addDays(date: string, days: number): string {
  return jstDate(startOfDay(date) + days * DAY);
}

/** Whether this is a day of the calendar, spelled `YYYY-MM-DD`: `2026-02-30` is not. */
export function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(startOfDay(text)) && jstDate(startOfDay(text)) === text;
}

/** Reads a day (its last second in Tokyo) or a date-time with an offset; `undefined` for anything else. */
export function parseExpiry(text: string): number | undefined {
  if (isDate(text)) return startOfDay(text) + DAY - 1000;
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : moment;
}
