/**
 * The pages where an authorization ends without the customer's decision.
 *
 * @module
 */
import { frame } from "./frame.js";
import type { Language, View } from "./language.js";
import { host, type Markup, markup, proper, whole } from "./markup.js";
import type { Party } from "./party.js";

const WORDS = {
  ja: {
    back: (partner: Markup) => markup`「${partner}」に戻る`,
    returns: (site: Markup) => markup`${site} ${whole("に戻ります。")}`,
    unlinkable: "口座連携できません",
    why: {
      account: (partner: Markup) => markup`お客さまの口座は「${partner}」と連携できません。`,
      grant: (partner: Markup) => markup`更新しようとしている「${partner}」との口座連携は、別のお客さまのものです。`,
      end: (partner: Markup) => markup`更新しようとしている「${partner}」との口座連携は、すでに終わっています。`,
    },
    unharmed: "何も許可されていません。口座の情報も伝わっていません。",
    ended: "この手続きは終わっています",
    endedMeans: (partner: Markup) => markup`ご回答は受け付けました。この先は「${partner}」の画面で続けてください。`,
    expired: "有効期限が切れました",
    expiredMeans:
      "時間がたったか、別の画面で手続きが始まったため、この画面からは続けられません。何も許可されていません。",
    restart: "口座連携を始めたサービスの画面に戻って、はじめからやり直してください。",
    failed: "手続きを続けられません",
    failedMeans: "サービスからの依頼を、銀行が受け付けられませんでした。何も許可されていません。",
    developers: "開発者の方へ",
    error: "エラー",
    description: "説明",
  },
  en: {
    back: (partner: Markup) => markup`Go back to ${partner}`,
    returns: (site: Markup) => markup`You will go back to ${site}.`,
    unlinkable: "This account can't be linked",
    why: {
      account: (partner: Markup) => markup`Your account can't be linked with ${partner}.`,
      grant: (partner: Markup) => markup`The link with ${partner} that was to be renewed is another customer's.`,
      end: (partner: Markup) => markup`The link with ${partner} that was to be renewed has ended.`,
    },
    unharmed: "Nothing has been allowed, and nothing of your account has been passed on.",
    ended: "This step is already complete",
    endedMeans: (partner: Markup) => markup`The bank has your answer. Please go on at ${partner}.`,
    expired: "This page has expired",
    expiredMeans:
      "Too much time has passed, or it was begun again elsewhere: you can't go on from this page. Nothing has been allowed.",
    restart: "Please go back to the service where you began to link your account, and start again.",
    failed: "The bank can't go on",
    failedMeans: "The bank could not accept what the service asked for. Nothing has been allowed.",
    developers: "For developers",
    error: "Error",
    description: "Description",
  },
} as const satisfies Record<Language, unknown>;

export interface UnlinkablePage extends Party {
  readonly action: string;
  /** What stands in the way: the account, or the grant, which is another customer's or has come to its end. */
  readonly why: "account" | "grant" | "end";
}

/** For a customer whose account can't be linked to this partner, or not in this way. */
export function unlinkablePage(view: View, { action, partner, site, why }: UnlinkablePage): string {
  const words = WORDS[view.language];
  const body = markup`<p class="alert" role="alert">${words.why[why](proper(partner))}</p>
<form method="post" action="${action}">
<p>${words.unharmed} ${words.returns(host(site))}</p>
<button class="primary" type="submit" name="decision" value="deny"><span>${words.back(proper(partner))}</span></button>
</form>`;
  return frame(view, { title: words.unlinkable, body });
}

/** For who comes back to an authorization that was decided. */
export function endedPage(view: View, { partner, origin }: { partner: string; origin: string }): string {
  const words = WORDS[view.language];
  const body = markup`<p>${words.endedMeans(proper(partner))}</p>
<section><a class="button primary" href="${origin}/"><span>${words.back(proper(partner))}</span></a></section>`;
  return frame(view, { title: words.ended, body });
}

/** For a request that can't be sent back to the partner. */
export function errorPage(view: View, error: string, description?: string): string {
  const words = WORDS[view.language];
  const expired = error === "session_not_found";
  const more =
    description === undefined
      ? undefined
      : markup`<div><dt>${words.description}</dt><dd><code lang="en">${description}</code></dd></div>`;
  const body = markup`<p class="alert" role="alert">${expired ? words.expiredMeans : words.failedMeans}</p>
<section><p>${words.restart}</p></section>
<section><h2>${words.developers}</h2>
<dl class="facts"><div><dt>${words.error}</dt><dd><code lang="en">${error}</code></dd></div>${more}</dl></section>`;
  return frame(view, { title: expired ? words.expired : words.failed, body });
}
