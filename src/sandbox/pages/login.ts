/**
 * The page where a customer logs in, or goes back.
 *
 * @module
 */
import type { SandboxCustomer } from "../bank/customers.js";
import { frame } from "./frame.js";
import type { Language, View } from "./language.js";
import { host, type Markup, markup, proper, whole } from "./markup.js";
import type { Party } from "./party.js";

export interface LoginPage extends Party {
  readonly action: string;
  readonly customers: readonly SandboxCustomer[];
  /** The login id that was tried in vain. */
  readonly rejected?: string;
}

const WORDS = {
  ja: {
    title: "ログイン",
    why: (partner: Markup) => markup`「${partner}」との口座連携のため、ご本人であることを確認します。`,
    returns: (site: Markup) => markup`終わると ${site} ${whole("に戻ります。")}`,
    rejected: "お客さまIDまたはパスワードが違います。確認して、入力し直してください。",
    id: "お客さまID",
    password: "パスワード",
    submit: "ログイン",
    cancel: (partner: Markup) => markup`ログインせずに「${partner}」に戻る`,
    samples: "お試しのお客さま",
    about: "ボタンを押すと、そのお客さまでログインします。全員、架空の人物です。",
    enter: (name: Markup) => markup`${name} さんでログイン`,
    credentials: (id: Markup, password: Markup) => markup`ID ${id}、パスワード ${password}`,
  },
  en: {
    title: "Log in",
    why: (partner: Markup) => markup`Please confirm who you are, to link your account with ${partner}.`,
    returns: (site: Markup) => markup`You will go back to ${site} afterwards.`,
    rejected: "The customer ID or the password is wrong. Please check them and try again.",
    id: "Customer ID",
    password: "Password",
    submit: "Log in",
    cancel: (partner: Markup) => markup`Go back to ${partner} without logging in`,
    samples: "Sample customers",
    about: "A button logs you in as that customer. None of them is a real person.",
    enter: (name: Markup) => markup`Log in as ${name}`,
    credentials: (id: Markup, password: Markup) => markup`ID ${id}, password ${password}`,
  },
} as const satisfies Record<Language, unknown>;

/** What is special about the sample customers, for who reads English. */
const NOTES: Readonly<Record<string, string>> = {
  hanako: "Plenty of money and of history: more than 600 transactions, among them two rows that are exactly alike",
  taro: "480 yen on the ordinary account: a debit fails for insufficient funds",
  reiko: "A name with variant characters (髙, 﨑), and an address with a building",
  jiro: "Can't be linked to this partner: it ends after the login",
  saburo: "A debit is processing when it is accepted, and ends at the next inquiry",
  shiro: "The ordinary account is overdrawn",
};

export function loginPage(view: View, { action, partner, site, customers, rejected }: LoginPage): string {
  const words = WORDS[view.language];
  const failed = rejected !== undefined;
  const alert = failed ? markup`<p class="alert" role="alert" id="rejected">${words.rejected}</p>` : undefined;
  const marks = failed ? markup` aria-invalid="true" aria-describedby="rejected"` : undefined;
  const body = markup`<p>${words.why(proper(partner))}</p>
<p class="soft">${words.returns(host(site))}</p>
${alert}
<form method="post" action="${action}">
<div class="field"><label for="customer">${words.id}</label>
<input type="text" id="customer" name="customer" value="${rejected}" autocomplete="username" autocapitalize="none" spellcheck="false" required${marks}></div>
<div class="field"><label for="password">${words.password}</label>
<input type="password" id="password" name="password" autocomplete="current-password" required${marks}${
    failed ? markup` autofocus` : undefined
  }></div>
<button class="primary" type="submit">${words.submit}</button>
</form>
<form class="cancel" method="post" action="${action}">
<button class="plain" type="submit" name="decision" value="deny"><span>${words.cancel(proper(partner))}</span></button>
</form>
<details><summary>${words.samples}</summary>
<p class="soft">${words.about}</p>
<ul class="samples">${customers.map(customer => sample(view.language, action, customer))}</ul></details>`;
  return frame(view, { title: words.title, alarmed: failed, body });
}

function sample(language: Language, action: string, { id, password, name, note }: SandboxCustomer): Markup {
  const words = WORDS[language];
  const translated = language === "en" ? NOTES[id] : undefined;
  return markup`<li><p class="name">${proper(name)}</p>
<p class="soft">${translated ?? proper(note)}</p>
<p class="soft">${words.credentials(markup`<code>${id}</code>`, markup`<code>${password}</code>`)}</p>
<form method="post" action="${action}"><button type="submit" name="sample" value="${id}"><span>${words.enter(proper(name))}</span></button></form></li>`;
}
