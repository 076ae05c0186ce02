/**
 * The main job against the embedded bank, in all three profiles, with an account of what went over the wire.
 *
 * Run it with `npm run demo`. It ends with a non-zero exit code if anything is not as expected.
 */
import assert from "node:assert/strict";
import { DebitOutcomeUnknownError, LinkError, MinnaClient, type Profile } from "minna-baas";
import { type Sandbox, type SandboxEvent, startSandbox } from "minna-baas/sandbox";

const PROFILES: Readonly<Record<Profile, string>> = {
  "fapi1-advanced": "FAPI 1.0 Advanced",
  "fapi2-security": "FAPI 2.0 Security Profile",
  "fapi2-message-signing": "FAPI 2.0 Message Signing",
};
/** What the client verified of the bank's answer to the browser. */
const VERIFIED: Readonly<Record<"iss" | "jwt", string>> = {
  iss: "iss (RFC 9207) and state of the response; then the ID Token: signature, iss, aud, exp, nonce, at_hash",
  jwt: "the response: iss, aud, exp, signature, state; then the ID Token: signature, iss, aud, exp, nonce, at_hash",
};

const started = performance.now();
/** What happens when the bank has taken a debit on, and before it answers. */
let meanwhile = () => {};
const bank = await startSandbox({
  onEvent: ({ method, endpoint }) => {
    if (endpoint === "api" && method === "POST") meanwhile();
  },
});
say(`A bank is listening: ${bank.issuer} for browsers, ${bank.apiBaseUrl} for partners (mutual TLS).`);
for (const profile of Object.keys(PROFILES) as Profile[]) await linkAndCharge(profile, bank);
await bank.close();
say(`\nAll three profiles: linked, charged once, a lost answer recovered, extended, released. ${elapsed(started)}`);

async function linkAndCharge(profile: Profile, bank: Sandbox): Promise<void> {
  say(`\n━━ ${PROFILES[profile]} ${"━".repeat(72 - PROFILES[profile].length)}`);
  const minna = new MinnaClient(bank.client(profile));
  const step = stepper(bank);

  const begun = await step("Begin a link (口座連携)", () =>
    minna.links.begin({ customerId: "u-42", scopes: ["balance", "transactions", "deposits", "identity", "debit"] }),
  );
  const pushed = bank.events.findLast(event => event.endpoint === "par");
  note(
    pushed?.detail["signed"] === false
      ? "the pushed request is not signed: the certificate authenticates the partner"
      : `the pushed request object is signed by the partner: ${pushed?.detail["signed"]}, key ${pushed?.detail["kid"]}`,
  );
  const url = new URL(begun.authorizationUrl);
  note(`the browser is sent to ${url.origin}${url.pathname} with ${[...url.searchParams.keys()].join(", ")} only`);

  const callbackUrl = await step("The customer logs in and consents, in a browser", () =>
    bank.approve(begun.authorizationUrl),
  );
  const answer = new URL(callbackUrl).searchParams;
  const jarm = answer.get("response");
  note(
    jarm === null
      ? `the bank answers with ${[...answer.keys()].join(", ")}, unsigned`
      : `the bank answers with a JWT that it signed (JARM): ${algorithmOf(jarm)}`,
  );

  const info = await step("Complete the link", () =>
    minna.links.complete(callbackUrl, { transaction: begun.transaction }),
  );
  note(`verified: ${VERIFIED[jarm === null ? "iss" : "jwt"]}`);
  note(`link ${info.id.slice(0, 8)}… of customer ${info.customerId}: ${info.scopes.join(", ")}`);
  const link = minna.link(info.id);

  const accounts = await step("Accounts (口座照会)", () => link.accounts.list());
  for (const { branchCode, branchName, accountTypeCode, accountNumber } of accounts) {
    note(`${branchCode} ${branchName} ${accountTypeCode} ${accountNumber}`);
  }
  const ordinary = accounts.find(account => account.accountTypeCode === "ordinary");
  assert(ordinary, "the customer has a 普通 account");
  const { accountId } = ordinary;

  const before = await step("Balance (残高照会)", () => link.accounts.balance(accountId));
  note(`${yen(before.balance)}, of which ${yen(before.withdrawableAmount ?? 0)} can be withdrawn`);

  const rows = await step("The first transactions (入出金明細)", async () => {
    const first = [];
    for await (const row of link.accounts.transactions(accountId, { from: "2026-01-01" })) {
      first.push(row);
      if (first.length === 3) break;
    }
    return first;
  });
  assert.equal(rows.length, 3, "the account has transactions");
  for (const { transactionDate, transactionType, amount, remarks } of rows) {
    note(`${transactionDate} ${transactionType === "1" ? "入金" : "出金"} ${yen(amount)} ${remarks ?? ""}`);
  }

  const person = await step("Verified identity (本人確認済情報)", () => link.identity.get());
  note(
    `${person.name} (${person.nameKana}), verified ${person.verification.verifiedOn} by ${person.verification.method}`,
  );
  assert.equal(person.verification.verified, true);

  const reference = `order-${profile}-1001`;
  const order = { reference, amount: 1980, description: "ﾎﾝ" };
  const debit = await step("Charge 1,980 yen (口座振替)", () => link.debits.create(order));
  note(`debit ${debit.debitId}: ${debit.status}`);
  assert.equal(debit.status, "succeeded");

  const again = await step("The same reference again", () => link.debits.create(order));
  assert.equal(again.debitId, debit.debitId, "the same reference is the same debit");
  const after = await step("Balance again", () => link.accounts.balance(accountId));
  note(`the same debit; the balance moved once: ${yen(before.balance)} → ${yen(after.balance)}`);
  assert.equal(before.balance - after.balance, 1980, "the balance moved once");

  const lost = { reference: `order-${profile}-1002`, amount: 500, description: "ﾎﾝ" };
  await step("Charge 500 yen, and lose the answer", async () => {
    const process = new AbortController();
    meanwhile = () => process.abort();
    const error = await link.debits.create(lost, { signal: process.signal }).catch(reason => reason);
    meanwhile = () => {};
    assert(error instanceof DebitOutcomeUnknownError, "what is not known is not called a failure");
    note(`${error.code}: the money may have moved, so nothing is charged again`);
  });
  await step("Recover what was left open", async () => {
    for await (const { reference, outcome, debit: found } of minna.debits.recover()) {
      note(`${reference}: ${outcome}, ${found?.status} as ${found?.debitId}`);
      assert.deepEqual([reference, outcome, found?.status], [lost.reference, "settled", "succeeded"]);
    }
  });
  const { balance } = await link.accounts.balance(accountId);
  note(`the balance moved once: ${yen(after.balance)} → ${yen(balance)}`);
  assert.equal(after.balance - balance, 500, "the lost debit was made once");

  const grant = await step("Query the grant (状態の確認)", () => link.grant.status());
  note(`${grant.status} until ${grant.expiresAt}`);
  assert.equal(grant.status, "active");
  const until = `${Number(grant.expiresAt?.slice(0, 4)) + 1}-03-31`;
  const extended = await step("Extend it (期限延長)", () => link.grant.extend({ until }));
  note(`now until ${extended.expiresAt}`);
  assert.equal(extended.expiresAt?.slice(0, 10), until);
  const released = await step("Release it (解除)", () => link.grant.revoke());
  assert.equal(released.status, "released");

  await step("The released link refuses further calls", () =>
    assert.rejects(
      link.accounts.balance(accountId),
      error => error instanceof LinkError && error.code === "link_released",
    ),
  );
  note("LinkError link_released: nothing was sent");
  await minna.close();
}

/** Times each step, and prints what the bank received during it. */
function stepper(bank: Sandbox): <T>(title: string, work: () => Promise<T>) => Promise<T> {
  let number = 0;
  let seen = bank.events.length;
  return async (title, work) => {
    const start = performance.now();
    say(`\n${String(++number).padStart(2)}. ${title}`);
    const result = await work();
    for (const event of bank.events.slice(seen)) say(`    ${describe(event)}`);
    seen = bank.events.length;
    note(elapsed(start));
    return result;
  };
}

function describe({ channel, method, path, status, certificate, detail }: SandboxEvent): string {
  const shown = certificate === undefined ? "" : `  certificate ${certificate.slice(0, 8)}…`;
  const details = Object.entries(detail).map(([name, value]) => `${name}=${value}`);
  return `${channel === "mtls" ? "mTLS   " : "browser"} ${method.padEnd(6)} ${path} ${status}${shown}  ${details.join(" ")}`.trimEnd();
}

function algorithmOf(jwt: string): string {
  const [header = ""] = jwt.split(".", 1);
  return JSON.parse(Buffer.from(header, "base64url").toString()).alg;
}

function note(text: string): void {
  say(`    · ${text}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function elapsed(since: number): string {
  return `${Math.round(performance.now() - since)} ms`;
}

function yen(amount: number): string {
  return `${amount.toLocaleString("ja-JP")} yen`;
}
