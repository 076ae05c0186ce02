/**
 * What a customer can allow, in the customer's words.
 *
 * @module
 */
import type { Language } from "./language.js";
import { type Markup, markup } from "./markup.js";

export interface Permission {
  readonly name: string;
  /** What the partner will do with it. */
  readonly meaning: string;
  /** Whether it moves money. */
  readonly money?: string;
}

const PERMISSIONS: Readonly<Record<Language, Readonly<Record<string, Permission>>>> = {
  ja: {
    balance: { name: "残高照会", meaning: "普通預金と貯蓄預金の残高を見ます。" },
    transactions: {
      name: "入出金明細照会",
      meaning: "いつ、いくら入出金があったかと、その摘要(取引の内容)、取引後の残高を見ます。",
    },
    deposits: {
      name: "入金明細照会",
      meaning: "いつ、いくら入金があったかと、振り込んだ方のお名前を見ます。",
    },
    identity: {
      name: "本人確認済情報の照会",
      meaning:
        "当行で確認したお客さまの情報を受け取ります。氏名とカナ、生年月日、性別、住所、電話番号、本人確認をした日とその方法です。",
    },
    debit: {
      name: "口座振替",
      money: "お金が動く許可です。",
      meaning:
        "サービスの代金を、お客さまの口座から引き落とします。引き落としのたびに、お客さまに確認することはありません。",
    },
  },
  en: {
    balance: { name: "Balances", meaning: "See the balances of your ordinary and savings accounts." },
    transactions: {
      name: "Transactions",
      meaning: "See when and how much came in and went out, what it was for, and the balance after it.",
    },
    deposits: { name: "Deposits", meaning: "See when and how much came in, and the names of those who sent it." },
    identity: {
      name: "Verified identity",
      meaning:
        "Receive what the bank has verified about you: name and its reading, date of birth, gender, address, phone number, and when and how you were verified.",
    },
    debit: {
      name: "Direct debit",
      money: "This moves money.",
      meaning: "Debit your account for what you buy from the service. You are not asked again each time.",
    },
  },
};

/** What a permission is called. */
export function permissionIn(language: Language, scope: string): Permission {
  return PERMISSIONS[language][scope] ?? { name: scope, meaning: "" };
}

/** What it means, as a paragraph that can be referred to. */
export function meaningOf({ money, meaning }: Permission, id?: string): Markup {
  const mark = id === undefined ? undefined : markup` id="${id}"`;
  const warning = money === undefined ? undefined : markup`<span class="money">${money}</span> `;
  return markup`<p class="soft"${mark}>${warning}${meaning}</p>`;
}
