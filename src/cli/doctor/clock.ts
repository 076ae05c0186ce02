/**
 * How far this machine's clock is from the bank's.
 *
 * @module
 */
import { CLOCK_TOLERANCE } from "../../authorization/jwt.js";
import { type Check, check } from "./check.js";
import { addressesOf } from "./discovery.js";
import { fetchDocument } from "./document.js";
import { type Finding, ok, problem, skipped, warning } from "./finding.js";

const SAMPLES = 4;
/** Seconds. */
const NOTICEABLE = 2;
/** Seconds from which on a bank may refuse a signed request: it is not valid yet, or its hour is over (nbf, exp). */
const REFUSED = 10;

/** A `Date` header, and when it was written at the earliest and the latest, by this machine's clock; milliseconds. */
export interface Sample {
  readonly date: number;
  readonly from: number;
  readonly to: number;
}

/** Milliseconds that the bank's clock is ahead of this one's, at least and at most. */
export interface Offset {
  readonly least: number;
  readonly most: number;
}

export const clock: Check = check({
  id: "clock",
  title: { en: "Clock", ja: "時計" },
  needs: ["configuration", "trusted", "issuerHost"],
  network: true,
  run: async ({ configuration: { issuer, rules }, trusted }, { timeout }) => {
    const samples: Sample[] = [];
    for (let count = 0; count < SAMPLES; count++) {
      const fetched = await fetchDocument(addressesOf(issuer)[0], trusted, timeout).catch(() => undefined);
      const date = Date.parse(fetched?.date ?? "");
      if (fetched !== undefined && !Number.isNaN(date)) samples.push({ date, from: fetched.from, to: fetched.to });
    }
    const offset = offsetOf(samples);
    if (offset !== undefined) return { findings: [examineOffset(offset, rules.signedRequest)] };
    const found = { en: "The bank sends no Date header", ja: "銀行の応答に Date ヘッダーがありません" };
    return { findings: [skipped("clock.offset", found)] };
  },
});

/** The header counts whole seconds, and was written at some time in between: each sample says a little more. */
export function offsetOf(samples: readonly Sample[]): Offset | undefined {
  if (samples.length === 0) return undefined;
  const least = Math.max(...samples.map(({ date, to }) => date - to));
  const most = Math.min(...samples.map(({ date, from }) => date + 1000 - from));
  // A bank of several machines contradicts itself: then the widest answer is the honest one.
  return least <= most ? { least, most } : { least: most, most: least };
}

export function examineOffset({ least, most }: Offset, signs: boolean): Finding {
  const middle = (least + most) / 2000;
  const seconds = `${middle >= 0 ? "+" : "-"}${Math.abs(middle).toFixed(1)}`;
  const spread = ((most - least) / 2000).toFixed(1);
  const found = {
    en: `The bank's clock differs by ${seconds} s (± ${spread} s)`,
    ja: `銀行の時計との差は ${seconds} 秒(± ${spread} 秒)です`,
  };
  // What is certain: nothing where zero is possible.
  const certain = least > 0 ? least / 1000 : most < 0 ? -most / 1000 : 0;
  if (certain <= NOTICEABLE) return ok("clock.offset", found);
  const advice = {
    why:
      certain > CLOCK_TOLERANCE || signs
        ? {
            en: `Requests are signed with the time (nbf, exp), and answers are refused beyond ${CLOCK_TOLERANCE} seconds.`,
            ja: `署名付きリクエストには時刻(nbf、exp)が入り、応答も ${CLOCK_TOLERANCE} 秒を超えるずれは拒否されます。`,
          }
        : {
            en: `Answers are refused beyond ${CLOCK_TOLERANCE} seconds.`,
            ja: `${CLOCK_TOLERANCE} 秒を超えるずれがあると、銀行の応答が拒否されます。`,
          },
    fix: {
      en: "Let this machine keep its clock by NTP. (The time zone does not matter.)",
      ja: "NTP でこの機械の時計を合わせてください(タイムゾーンは関係ありません)。",
    },
    command: process.platform === "darwin" ? "sntp -sS time.apple.com" : "timedatectl set-ntp true",
  };
  const broken = certain > CLOCK_TOLERANCE || (signs && certain > REFUSED);
  return broken ? problem("clock.offset", found, advice) : warning("clock.offset", found, advice);
}
