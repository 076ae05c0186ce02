/**
 * The end of a version of FAPI at the bank.
 *
 * @module
 */
import type { Configuration } from "./configuration.js";
import { Countdown } from "./countdown.js";
import { endOfJstDate } from "./jst.js";
import { emitWarning } from "./warning.js";

/** Counts the days to the end of the version of FAPI that a configuration is of, where the bank has announced one. */
export function countdownOf({ endsOn, profile, clientId }: Configuration): readonly Countdown[] {
  if (endsOn === undefined) return [];
  const name = `${profile} of the client ${JSON.stringify(clientId)}`;
  const warnOf = (left: number) => {
    const ends =
      left === 0 ? `ended on ${endsOn}` : `ends on ${endsOn}, within ${left === 1 ? "a day" : `${left} days`}`;
    const detail = "Renew the links that are left: links.migration() counts them, links.begin() with a link renews it.";
    emitWarning("MINNA_VERSION_ENDS", `By the bank's policy, ${name} ${ends}.`, detail);
  };
  return [new Countdown(endOfJstDate(endsOn), [90, 30, 7, 1], warnOf)];
}
