/**
 * How long the bank still takes the version of FAPI that each configuration is of.
 *
 * @module
 */
import { endOfJstDate } from "../../config/jst.js";
import { type Check, check } from "./check.js";
import { type Finding, ok, problem, warning } from "./finding.js";

const DAY = 86_400_000;
/** Days from which on the client warns of the end. */
const SOON = 90;

export const versionEnd: Check = check({
  id: "version",
  title: { en: "Version of FAPI", ja: "FAPI のバージョン" },
  needs: ["configurations"],
  run: ({ configurations }) => ({
    findings: configurations.all.map(({ profile, endsOn }) => examineEnd(profile, endsOn, Date.now())),
  }),
});

export function examineEnd(profile: string, endsOn: string | undefined, now: number): Finding {
  const id = "version.end";
  if (endsOn === undefined) {
    const found = {
      en: `${profile}: no end announced (announcedIn is not set)`,
      ja: `${profile}: 終了予定の設定なし(announcedIn 未設定)`,
    };
    return ok(id, found, profile);
  }
  const left = Math.ceil((endOfJstDate(endsOn) - now) / DAY);
  const found =
    left > 0
      ? {
          en: `${profile} ends on ${endsOn}, ${left} days left`,
          ja: `${profile} は ${endsOn} に終了します(残り ${left} 日)`,
        }
      : { en: `${profile} ended on ${endsOn}`, ja: `${profile} は ${endsOn} に終了しました` };
  if (left > SOON) return ok(id, found, profile);
  const advice = {
    why: {
      en: "After that day the bank refuses this version: links that have not moved end with it.",
      ja: "終了日を過ぎると、銀行はこのバージョンを受け付けません。移行していない連携は使えなくなります。",
    },
    fix: {
      en: "Let the bank register the new profile, make the present options `previous`, and renew the links with links.begin({ link }).",
      ja: "銀行に新しいプロファイルの登録を依頼し、現在の設定を previous に移して、links.begin({ link }) で連携を更新してください。",
    },
  };
  return left > 0 ? warning(id, found, advice, profile) : problem(id, found, advice, profile);
}
