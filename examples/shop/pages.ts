/** The shop's pages. */
import type { Account, Balance } from "minna-baas";
import { CATALOGUE } from "./catalogue.js";
import { type Html, html } from "./html.js";
import { isWaiting, type Order } from "./orders.js";
import { CUSTOMERS, type Customer } from "./sessions.js";
import { type Language, type Notice, TEXTS, type Texts } from "./texts.js";

/** What every page needs to know. */
export interface Visitor {
  readonly language: Language;
  readonly customer: Customer | undefined;
  /** The path that is shown: where switching the language leads back to. */
  readonly path: string;
  readonly notice?: Notice | undefined;
}

/** What the customer may do with the linked account; `undefined` where none is linked. */
export type Permission = { readonly balance: boolean; readonly debit: boolean } | undefined;

export function logInPage(visitor: Visitor): string {
  const t = TEXTS[visitor.language].logIn;
  const buttons = CUSTOMERS.map(
    ({ id, name }) => html`<button type="submit" name="customer" value="${id}">${t.as(name)}</button>`,
  );
  return page(
    visitor,
    t.title,
    html`<div class="card"><p>${t.intro}</p>
<form method="post" action="/login" class="stack">${buttons}</form></div>`,
  );
}

/** `offers`: one order for each product, made for the form that is shown. */
export function shopPage(visitor: Visitor, permission: Permission, offers: readonly Order[]): string {
  const texts = TEXTS[visitor.language];
  const t = texts.shopPage;
  const goods = CATALOGUE.map(({ id, name, price, sign }) => {
    const offer = offers.find(({ product }) => product.id === id);
    const title = name[visitor.language];
    return html`<li><div class="sign" aria-hidden="true" lang="ja">${sign}</div><h2>${title}</h2>
<p class="price">${texts.yen(price)}</p>${permission?.debit && offer ? buy(offer, title, t) : undefined}</li>`;
  });
  return page(visitor, t.title, html`${hint(permission, t)}<ul class="goods">${goods}</ul>`, true);
}

function hint(permission: Permission, t: Texts["shopPage"]): Html {
  if (permission === undefined) return html`<p class="note">${t.link} <a href="/bank/link">${t.toLink}</a></p>`;
  if (!permission.debit) return html`<p class="note warn">${t.cannotPay} <a href="/bank/link">${t.toAllow}</a></p>`;
  return html`<p class="soft">${t.oneClick}</p>`;
}

/** No button where an earlier order of the same is not decided: who buys again because of it would pay twice. */
function buy(offer: Order, title: string, t: Texts["shopPage"]): Html {
  if (isWaiting(offer)) return html`<a class="waiting" href="/orders/${offer.id}">${t.waiting}</a>`;
  return html`<form method="post" action="/orders/${offer.id}/pay">
<button type="submit" aria-label="${t.buyNamed(title)}">${t.buy}</button></form>`;
}

export interface AccountView {
  readonly permission: Permission;
  readonly accounts: readonly { readonly account: Account; readonly balance: Balance | undefined }[];
  readonly orders: readonly Order[];
}

export function accountPage(visitor: Visitor, { permission, accounts, orders }: AccountView): string {
  const texts = TEXTS[visitor.language];
  const t = texts.account;
  const bank =
    permission === undefined
      ? html`<div class="card"><p><strong>${t.notLinked}</strong></p><p>${t.notLinkedMore}</p>
<p><a class="button" href="/bank/link">${t.link}</a></p></div>`
      : html`${missing(permission, t)}${accountList(accounts, texts)}
<p><a href="/bank/link">${t.renew}</a></p>
<details><summary>${t.unlink}</summary><div class="card"><p>${t.unlinkSure}</p>
<form method="post" action="/bank/unlink"><button class="danger" type="submit">${t.unlinkNow}</button></form></div></details>`;
  const rows = orders.map(
    ({ id, product, amount, state }) => html`<li><span><a href="/orders/${id}">${product.name[visitor.language]}</a>
<span class="soft">${texts.yen(amount)}</span></span><span>${texts.order.state[state]}</span></li>`,
  );
  const history = rows.length === 0 ? html`<p class="soft">${t.noOrders}</p>` : html`<ul class="orders">${rows}</ul>`;
  return page(visitor, t.title, html`${bank}<h2>${t.orders}</h2>${history}`);
}

function missing(permission: NonNullable<Permission>, t: Texts["account"]): Html {
  const allow = html`<a href="/bank/link">${t.allow}</a>`;
  const debit = permission.debit ? undefined : html`<p class="note warn">${t.cannotPay} ${allow}</p>`;
  return html`${debit}${permission.balance ? undefined : html`<p class="note warn">${t.noBalance} ${allow}</p>`}`;
}

function accountList(accounts: AccountView["accounts"], texts: Texts): Html {
  const t = texts.account;
  const cards = accounts.map(({ account, balance }) => {
    const { accountTypeCode, branchName, accountNumber } = account;
    // 現在残高 is not what can be paid with: that is 支払可能残高, where the bank tells it.
    const { balance: present, withdrawableAmount } = balance ?? {};
    return html`<section class="card"><h3>${t.accountType(accountTypeCode)}</h3>
<p class="soft">${t.number(branchName, accountNumber)}</p>
${present === undefined ? undefined : html`<p><span class="soft">${t.balance}</span><br><span class="money">${texts.yen(present)}</span></p>`}
${withdrawableAmount === undefined || withdrawableAmount === null || withdrawableAmount === present ? undefined : html`<p class="soft">${t.withdrawable}: ${texts.yen(withdrawableAmount)}</p>`}
</section>`;
  });
  return cards.length === 0 ? html`` : html`<h2>${t.linked}</h2><div class="accounts">${cards}</div>`;
}

export function orderPage(visitor: Visitor, order: Order): string {
  const texts = TEXTS[visitor.language];
  const t = texts.order;
  const { id, product, amount, state, reason = "", interactionId } = order;
  const waiting = isWaiting(order);
  const look = waiting ? "wait" : state === "paid" ? "" : "stop";
  const more = Object.hasOwn(t.reasons, reason) ? t.reasons[reason] : t.more[state];
  const next = waiting
    ? html`<a class="button second" href="/orders/${id}">${t.refresh}</a>`
    : reason === "renew"
      ? html`<a class="button" href="/account">${t.renew}</a>`
      : html`<a class="button second" href="/">${t.again}</a>`;
  const watch = waiting ? html` data-watch="/orders/${id}/state" data-state="${state}"` : undefined;
  return page(
    visitor,
    t.title,
    html`<div class="card"${watch}>
<div role="status"><p class="state ${look}">${t.state[state]}</p><p>${more}</p></div>
<dl><dt>${t.product}</dt><dd>${product.name[visitor.language]}</dd>
<dt>${t.amount}</dt><dd>${texts.yen(amount)}</dd><dt>${t.number}</dt><dd class="id">${id}</dd>${support(interactionId, texts)}</dl>
<div class="row">${next}</div></div>${waiting ? html`<script src="/watch.js" defer></script>` : undefined}`,
  );
}

export interface Trouble {
  readonly title: string;
  readonly why: string;
  /** When to come back. */
  readonly after?: string;
  /** What the customer can do: a path and its name. */
  readonly actions: readonly { readonly href: string; readonly name: string }[];
  readonly interactionId?: string | undefined;
}

export function troublePage(visitor: Visitor, { title, why, after, actions, interactionId }: Trouble): string {
  const links = actions.map(
    ({ href, name }, index) => html`<a class="button${index === 0 ? "" : " second"}" href="${href}">${name}</a>`,
  );
  const id = interactionId && html`<dl>${support(interactionId, TEXTS[visitor.language])}</dl>`;
  return page(
    visitor,
    title,
    html`<div class="card"><p>${why}</p>${after && html`<p><strong>${after}</strong></p>`}${id || undefined}<div class="row">${links}</div></div>`,
  );
}

function support(interactionId: string | undefined, texts: Texts): Html | undefined {
  return interactionId === undefined
    ? undefined
    : html`<dt>${texts.supportId}</dt><dd class="id">${interactionId}</dd>`;
}

function page({ language, customer, path, notice }: Visitor, title: string, content: Html, wide = false): string {
  const t = TEXTS[language];
  const item = (href: string, name: string) =>
    html`<a href="${href}"${path === href ? html` aria-current="page"` : undefined}>${name}</a>`;
  const nav =
    customer &&
    html`<nav>${item("/", t.nav.shop)}${item("/account", t.nav.account)}
<form method="post" action="/logout"><button class="quiet" type="submit">${t.nav.logOut}</button></form></nav>`;
  const said = notice && html`<p class="note" role="status">${t.notices[notice]}</p>`;
  const other = language === "ja" ? "en" : "ja";
  return html`<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} | ${t.shop}</title><link rel="stylesheet" href="/shop.css"></head>
<body><header><div class="bar"><a class="brand" href="/">${t.shop}<small>${t.demo}</small></a>
${nav}${customer && html`<span class="who">${customer.name}</span>`}
<form method="post" action="/language"><input type="hidden" name="back" value="${path}">
<button class="quiet" type="submit" name="language" value="${other}" lang="${other}">${t.other}</button></form></div></header>
<main${wide ? undefined : html` class="narrow"`}><h1>${title}</h1>${said}
${content}</main></body></html>`.markup;
}
