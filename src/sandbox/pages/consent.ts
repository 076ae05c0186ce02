/**
 * The page where a customer decides what to allow.
 *
 * @module
 */
import type { SandboxAccount } from "../bank/customers.js";
import { frame } from "./frame.js";
import { dayIn, type Language, type View } from "./language.js";
import { host, type Markup, markup, proper, whole } from "./markup.js";
import type { Party } from "./party.js";
import { meaningOf, permissionIn } from "./permission.js";

/** A grant that this consent changes. */
export interface EarlierGrant {
  readonly action: "merge" | "replace";
  /** The permissions it holds. */
  readonly scopes: readonly string[];
  /** Its last day, JST `YYYY-MM-DD`. */
  readonly until: string;
}

export interface ConsentPage extends Party {
  readonly action: string;
  readonly customer: string;
  readonly accounts: readonly SandboxAccount[];
  /** The permissions that are asked for, by scope. */
  readonly scopes: readonly string[];
  /** What comes with every link and is not decided about, by scope. */
  readonly technical: readonly string[];
  /** The last day of the consent, JST `YYYY-MM-DD`. */
  readonly until: string;
  readonly earlier?: EarlierGrant | undefined;
  /** Whether the customer has allowed nothing at all. */
  readonly nothingChosen?: boolean;
}

const WORDS = {
  ja: {
    title: "口座連携の確認",
    renewalTitle: "口座連携の更新の確認",
    customer: (name: Markup) => markup`${name} さま`,
    question: (partner: Markup) => markup`「${partner}」に、次の内容を許可しますか。`,
    addition: (partner: Markup) => markup`「${partner}」に、新しい内容も許可しますか。`,
    extension: (partner: Markup) => markup`「${partner}」に許可している内容はそのままで、期限だけを延ばしますか。`,
    identification: (partner: Markup) => markup`「${partner}」に、お客さまがログインしたことを伝えますか。`,
    to: "許可する相手",
    returns: (site: Markup) => markup`終わると ${site} ${whole("に戻ります")}`,
    accounts: "対象の口座",
    ordinary: "普通預金",
    savings: "貯蓄預金",
    until: "期限",
    day: (day: Markup) => markup`${day}まで`,
    now: (day: Markup) => markup`いまの許可は${day}まで`,
    given: "すでに許可している内容",
    givenMeans: "そのまま続きます。",
    added: "新しく許可する内容",
    asked: "許可する内容",
    choose: "許可しないものは、チェックをはずしてください。",
    ending: "終わる許可",
    endingMeans: "これまでの許可は、今回選ぶ内容に置きかわります。次のものは、今回求められていないため終わります。",
    nothing: "許可する内容を1つ以上選んでください。何も許可しない場合は「許可しない」を押してください。",
    notes: "ご確認ください",
    release: "この許可は、期限の前でもいつでも解除できます。",
    accountsTold: "口座番号、支店名、口座名義も伝わります。",
    openid: "お客さまを見分けるための番号が伝わります。氏名や口座番号ではありません。",
    offline: "サービスを使っていないあいだも、許可は期限まで続きます。",
    management: "サービスの側からも、この許可が有効かどうかの確認と、解除ができます。",
    allow: "許可する",
    deny: "許可しない",
  },
  en: {
    title: "Confirm the link",
    renewalTitle: "Confirm the renewal of the link",
    customer: (name: Markup) => markup`Hello, ${name}.`,
    question: (partner: Markup) => markup`Do you allow ${partner} to do the following?`,
    addition: (partner: Markup) => markup`Do you allow ${partner} to do more than before?`,
    extension: (partner: Markup) =>
      markup`Do you let ${partner} do what it may do already for longer? Nothing else changes.`,
    identification: (partner: Markup) => markup`May ${partner} know that you have logged in?`,
    to: "Service",
    returns: (site: Markup) => markup`You will go back to ${site}`,
    accounts: "Accounts",
    ordinary: "Ordinary",
    savings: "Savings",
    until: "Until",
    day: (day: Markup) => day,
    now: (day: Markup) => markup`At present until ${day}`,
    given: "What you allow already",
    givenMeans: "It goes on as it is.",
    added: "What is new",
    asked: "What you allow",
    choose: "Clear the check mark of anything you do not want to allow.",
    ending: "What ends",
    endingMeans:
      "What you choose now takes the place of what you allowed before. The following is not asked for any more, and ends.",
    nothing: "Please choose at least one item. If you want to allow nothing, press “Do not allow”.",
    notes: "Please note",
    release: "You can release this permission at any time, also before it ends.",
    accountsTold: "Your account numbers, the branch and the name on the accounts are shown, too.",
    openid: "A number that tells you apart from others is passed on. It is neither your name nor an account number.",
    offline: "The permission goes on until it ends, also while you are not using the service.",
    management: "The service, too, can see whether this permission is in force, and release it.",
    allow: "Allow",
    deny: "Do not allow",
  },
} as const satisfies Record<Language, unknown>;

export function consentPage(view: View, consent: ConsentPage): string {
  const { action, customer, scopes, earlier, nothingChosen = false } = consent;
  const { language } = view;
  const words = WORDS[language];
  const partner = proper(consent.partner);
  const merged = earlier?.action === "merge" ? earlier.scopes : [];
  const asked = scopes.filter(scope => !merged.includes(scope));
  const first = merged.length === 0;
  const [some, none] = first ? [words.question, words.identification] : [words.addition, words.extension];
  const question = asked.length > 0 ? some : none;
  const given = list(language, merged, words.given, words.givenMeans, "given");
  const ends = earlier?.action === "replace" ? earlier.scopes.filter(scope => !scopes.includes(scope)) : [];
  const body = markup`<p>${words.customer(proper(customer))}</p>
<p>${question(partner)}</p>
${facts(language, consent)}
${given}
<form method="post" action="${action}">
${choices(language, asked, first ? words.asked : words.added, nothingChosen)}
${list(language, ends, words.ending, words.endingMeans, "ends")}
<section><h2>${words.notes}</h2>
<ul class="notes">${notes(language, consent).map(note => markup`<li>${note}</li>`)}</ul></section>
<div class="decision"><button class="primary" type="submit" name="decision" value="allow">${words.allow}</button>
<button type="submit" name="decision" value="deny">${words.deny}</button></div>
</form>`;
  return frame(view, { title: earlier === undefined ? words.title : words.renewalTitle, alarmed: nothingChosen, body });
}

/** To whom, for which accounts, until when. */
function facts(language: Language, { partner, site, accounts, until, earlier, ...consent }: ConsentPage): Markup {
  const words = WORDS[language];
  const named = accounts.map(
    ({ accountTypeCode, accountNumber }) => markup`<p>${words[accountTypeCode]} ${whole(accountNumber)}</p>`,
  );
  const from = concernsAccounts({ ...consent, earlier })
    ? markup`<div><dt>${words.accounts}</dt><dd class="accounts">${named}</dd></div>`
    : undefined;
  const now =
    earlier === undefined ? undefined : markup`<p class="soft">${words.now(whole(dayIn(language, earlier.until)))}</p>`;
  return markup`<dl class="facts">
<div><dt>${words.to}</dt><dd><p>${proper(partner)}</p><p class="soft">${words.returns(host(site))}</p></dd></div>
${from}
<div><dt>${words.until}</dt><dd><p>${words.day(whole(dayIn(language, until)))}</p>${now}</dd></div></dl>`;
}

function concernsAccounts({ scopes, earlier }: Pick<ConsentPage, "scopes" | "earlier">): boolean {
  const kept = earlier?.action === "merge" ? earlier.scopes : [];
  return [...scopes, ...kept].some(scope => scope !== "identity");
}

function choices(
  language: Language,
  scopes: readonly string[],
  legend: string,
  nothingChosen: boolean,
): Markup | undefined {
  if (scopes.length === 0) return undefined;
  const words = WORDS[language];
  const alert = nothingChosen ? markup`<p class="alert" role="alert" id="nothing">${words.nothing}</p>` : undefined;
  const items = scopes.map((scope, index) => {
    const permission = permissionIn(language, scope);
    const id = `scope-${scope}`;
    const state = nothingChosen
      ? markup` aria-invalid="true" aria-describedby="nothing ${id}-means"${index === 0 ? markup` autofocus` : undefined}`
      : markup` checked aria-describedby="${id}-means"`;
    return markup`<li><input type="checkbox" id="${id}" name="scope" value="${scope}"${state}>
<label for="${id}">${permission.name}</label>${meaningOf(permission, `${id}-means`)}</li>`;
  });
  return markup`<fieldset><legend>${legend}</legend><p class="soft">${words.choose}</p>
${alert}<ul class="choices">${items}</ul></fieldset>`;
}

/** Permissions that are not for the customer to choose now. */
function list(
  language: Language,
  scopes: readonly string[],
  title: string,
  means: string,
  mark: "given" | "ends",
): Markup | undefined {
  if (scopes.length === 0) return undefined;
  const items = scopes.map(scope => {
    const permission = permissionIn(language, scope);
    return markup`<li><span class="item">${permission.name}</span>${meaningOf(permission)}</li>`;
  });
  return markup`<section><h2>${title}</h2><p class="soft">${means}</p>
<ul class="choices settled ${mark}">${items}</ul></section>`;
}

/** What comes with it. */
function notes(language: Language, consent: ConsentPage): readonly string[] {
  const words = WORDS[language];
  const technical = (scope: RegExp, note: string) => (consent.technical.some(name => scope.test(name)) ? [note] : []);
  return [
    words.release,
    ...technical(/^offline_access$/, words.offline),
    ...(concernsAccounts(consent) ? [words.accountsTold] : []),
    ...technical(/^openid$/, words.openid),
    ...technical(/^grant_management_/, words.management),
  ];
}
