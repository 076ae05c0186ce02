/**
 * The pages that a customer sees: login, consent, and the two ways they can end early.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { SandboxCustomer } from "../bank/customers.js";
import { PERMISSIONS } from "../bank/scopes.js";

const STYLE = `
:root { color-scheme: light; font-family: system-ui, "Hiragino Sans", "Noto Sans JP", sans-serif; line-height: 1.7 }
body { margin: 0; background: #f4f4f2; color: #1a1a1a }
header { background: #1a1a1a; color: #fff; padding: 1rem }
header p { margin: 0 auto; max-width: 32rem; font-weight: 700 }
header span { border: 1px solid #fff; border-radius: 1rem; padding: 0 .6rem; margin-left: .5rem; font-size: .75rem; font-weight: 400 }
main { box-sizing: border-box; margin: 1.5rem auto; max-width: 32rem; padding: 1.5rem; background: #fff; border-radius: .75rem }
h1 { margin: 0 0 1rem; font-size: 1.35rem; line-height: 1.4 }
label { display: block; margin: 1rem 0 .25rem; font-weight: 700 }
input[type=text], input[type=password] { box-sizing: border-box; width: 100%; padding: .75rem; font: inherit; border: 1px solid #767676; border-radius: .5rem }
fieldset { margin: 1rem 0; padding: .5rem 1rem; border: 1px solid #767676; border-radius: .5rem }
legend { font-weight: 700; padding: 0 .25rem }
fieldset label { display: flex; gap: .75rem; align-items: baseline; margin: .5rem 0; font-weight: 400 }
button { display: block; width: 100%; margin-top: 1rem; padding: .9rem; font: inherit; font-weight: 700; border: 2px solid #1a1a1a; border-radius: 2rem; background: #fff; color: #1a1a1a; cursor: pointer }
button.primary { background: #1a1a1a; color: #fff }
:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px }
.alert { padding: .75rem 1rem; border-left: .3rem solid #b3261e; background: #fcebea }
details { margin-top: 1.5rem } summary { cursor: pointer }
table { width: 100%; border-collapse: collapse; font-size: .875rem }
th, td { padding: .4rem .25rem; border-top: 1px solid #ccc; text-align: left; vertical-align: top }
code { font-size: .9em; overflow-wrap: anywhere }`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/**
 * What the browser may do with a page. A form that leads on to the partner needs the partner's origin too: browsers
 * hold the whole chain of redirects after a submission to `form-action`.
 */
export function pageHeaders(redirectUri?: string): Record<string, string> {
  const partner = redirectUri === undefined ? "" : ` ${new URL(redirectUri).origin}`;
  return {
    "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'${partner}; base-uri 'none'; frame-ancestors 'none'`,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
}

export interface LoginPage {
  readonly action: string;
  readonly partner: string;
  readonly customers: readonly SandboxCustomer[];
  /** The login id that was tried in vain. */
  readonly rejected?: string;
}

export function loginPage({ action, partner, customers, rejected }: LoginPage): string {
  const alert =
    rejected === undefined
      ? ""
      : '<p class="alert" role="alert">お客さまIDまたはパスワードが違います。もう一度入力してください。</p>';
  const rows = customers.map(
    ({ id, password, name, note }) =>
      `<tr><td>${text(name)}</td><td><code>${text(id)}</code></td><td><code>${text(password)}</code></td><td>${text(note)}</td></tr>`,
  );
  return page(
    "ログイン",
    `<p>「${text(partner)}」との口座連携を始めます。ご本人の確認のため、ログインしてください。</p>${alert}
<form method="post" action="${text(action)}">
<label for="customer">お客さまID</label>
<input type="text" id="customer" name="customer" value="${text(rejected ?? "")}" autocomplete="username" autocapitalize="none" required>
<label for="password">パスワード</label>
<input type="password" id="password" name="password" autocomplete="current-password" required>
<button class="primary" type="submit">ログイン</button>
</form>
<details><summary>お試しのお客さま(すべて架空です)</summary>
<table><thead><tr><th scope="col">氏名</th><th scope="col">ID</th><th scope="col">パスワード</th><th scope="col">特徴</th></tr></thead>
<tbody>${rows.join("")}</tbody></table></details>`,
  );
}

export interface ConsentPage {
  readonly action: string;
  readonly partner: string;
  readonly customer: string;
  /** The permissions that are asked for, by scope. */
  readonly scopes: readonly string[];
  /** The last day of the consent, JST `YYYY-MM-DD`. */
  readonly until: string;
}

export function consentPage({ action, partner, customer, scopes, until }: ConsentPage): string {
  const choices = scopes.map(
    scope =>
      `<label><input type="checkbox" name="scope" value="${text(scope)}" checked><span>${text(PERMISSIONS[scope] ?? scope)}</span></label>`,
  );
  const asked = choices.length === 0 ? "" : `<fieldset><legend>許可する内容</legend>${choices.join("")}</fieldset>`;
  return page(
    "口座連携の確認",
    `<p>${text(customer)} さま</p>
<p>「<strong>${text(partner)}</strong>」が、次のことを求めています。</p>
<form method="post" action="${text(action)}">
${asked}
<p>この許可は<strong>${text(inJapanese(until))}まで</strong>有効です。いつでも取り消せます。</p>
<button class="primary" type="submit" name="decision" value="allow">許可する</button>
<button type="submit" name="decision" value="deny">許可しない</button>
</form>`,
  );
}

/** For a customer whose account can't be linked to this partner. */
export function unlinkablePage({ action, partner }: Pick<ConsentPage, "action" | "partner">): string {
  return page(
    "口座連携できません",
    `<p class="alert" role="alert">お客さまの口座は「${text(partner)}」と連携できません。</p>
<form method="post" action="${text(action)}">
<button class="primary" type="submit" name="decision" value="deny">「${text(partner)}」にもどる</button>
</form>`,
  );
}

/** For a request that can't be sent back to the partner. */
export function errorPage(error: string, description: string | undefined): string {
  return page(
    "手続きを続けられません",
    `<p class="alert" role="alert">はじめの画面からやり直してください。</p>
<p>エラー: <code>${text(error)}</code></p><p><code>${text(description ?? "")}</code></p>`,
  );
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="ja">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} | みんなの銀行 サンドボックス</title><style>${STYLE}</style></head>
<body><header><p>みんなの銀行<span>サンドボックス</span></p></header>
<main><h1>${title}</h1>
${content}
</main></body></html>
`;
}

function inJapanese(date: string): string {
  const [year, month, day] = date.split("-").map(Number);
  return `${year}年${month}月${day}日`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function text(value: string): string {
  return value.replace(/[&<>"']/g, character => ESCAPES[character] ?? character);
}
