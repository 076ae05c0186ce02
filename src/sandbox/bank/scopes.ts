/**
 * What a customer can allow a partner to do, and the words in which the bank asks.
 *
 * @module
 */

/** The permissions a customer decides about one by one, in the order the bank shows them. */
export const PERMISSIONS: Readonly<Record<string, string>> = {
  balance: "口座の残高を見る",
  transactions: "入出金の明細を見る",
  deposits: "入金の明細(振込の依頼人名を含みます)を見る",
  identity: "本人確認済みの情報(氏名・生年月日・住所など)を受け取る",
  debit: "お客さまの口座から代金を引き落とす(口座振替)",
};

/** What comes with every link and needs no decision of its own. */
export const TECHNICAL_SCOPES: readonly string[] = [
  "openid",
  "offline_access",
  "grant_management_query",
  "grant_management_revoke",
];

export const SCOPES: readonly string[] = [...TECHNICAL_SCOPES, ...Object.keys(PERMISSIONS)];
