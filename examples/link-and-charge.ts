import { MinnaClient } from "minna-baas";
import { startSandbox } from "minna-baas/sandbox";

// The bank and its customer, in a box, with one client for each profile. At the real bank these values come from its
// onboarding. In short: new MinnaClient(bank.client("fapi1-advanced")).
const bank = await startSandbox();
const { issuer, clientId, redirectUri, certificate, api } = bank.client("fapi2-security");

const minna = new MinnaClient({
  profile: "fapi2-security", // or "fapi1-advanced", "fapi2-message-signing": these two also ask for `signing`
  issuer, // "https://auth.bank.example"
  clientId,
  redirectUri, // "https://partner.example/bank/callback"
  certificate, // { cert, key } in PEM, or a function that loads them
  api, // { baseUrl: "https://api.bank.example" }
});

// 口座連携: send the customer to the bank …
const { authorizationUrl, transaction } = await minna.links.begin({
  customerId: "u-42",
  scopes: ["balance", "transactions", "identity", "debit"],
});
// … set `transaction` as an HttpOnly cookie, redirect; later, at the callback:
const requestUrl = await bank.approve(authorizationUrl);
const { id } = await minna.links.complete(requestUrl, { transaction });

// 口座照会 · 本人確認 · 口座振替
const link = minna.link(id); // a handle; no I/O
const [account] = await link.accounts.list();
if (account === undefined) throw new Error("the customer has no account");
const { balance } = await link.accounts.balance(account.accountId);
console.log(`${account.branchName}: ${balance} yen`);
for await (const row of link.accounts.transactions(account.accountId, { from: "2026-04-01" })) {
  console.log(row.transactionDate, row.transactionType === "1" ? "入金" : "出金", row.amount);
  break;
}
const person = await link.identity.get();
console.log(`verified: ${person.verification.verified}`);
const debit = await link.debits.create({ reference: "order-1001", amount: 1980, description: "ﾎﾝ" });
console.log(`debit of ${debit.amount} yen: ${debit.status}`);

// 認可: 状態の確認 · 期限延長 · 解除
const { status, expiresAt } = await link.grant.status();
console.log(`grant: ${status} until ${expiresAt}`); // "2027-03-31T23:59:59+09:00"
await link.grant.extend({ until: `${Number(expiresAt?.slice(0, 4)) + 1}-03-31` });
await link.grant.revoke();

await minna.close();
await bank.close();
