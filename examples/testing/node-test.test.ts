/** The same with Node's own test runner: `node --test`. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { MinnaClient } from "minna-baas";
import { type Sandbox, startSandbox } from "minna-baas/sandbox";
import { charge, settle } from "./checkout.js";

let bank: Sandbox;
let minna: MinnaClient;

before(async () => {
  bank = await startSandbox();
  minna = new MinnaClient(bank.client("fapi2-security"));
});
afterEach(() => bank.faults.off());
after(async () => {
  await minna.close();
  await bank.close();
});

async function link(customer: string): Promise<string> {
  const { authorizationUrl, transaction } = await minna.links.begin({
    customerId: "u-1",
    scopes: ["balance", "debit"],
  });
  const callback = await bank.approve(authorizationUrl, { customer });
  return (await minna.links.complete(callback, { transaction })).id;
}

test("a customer who declines is not linked", async () => {
  const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-1", scopes: ["debit"] });
  const callback = await bank.decline(authorizationUrl);
  await assert.rejects(minna.links.complete(callback, { transaction }), {
    name: "AuthorizationError",
    code: "access_denied",
  });
});

test("an order is charged once, though the answer is lost and the process restarts", async () => {
  const linkId = await link("hanako");
  // The money moves, and from then on the bank says nothing.
  bank.faults.on("debit-commit-then-504");
  bank.faults.on("api-html-error");
  assert.equal(await charge(minna, linkId, { id: "order-1", amount: 500 }), "wait");
  bank.faults.off();
  assert.deepEqual(await settle(minna), new Map([["order-1", "deliver"]]));
  const entries = bank.ledger.entries.filter(entry => entry.partnerTransactionId === "order-1");
  assert.deepEqual(
    entries.map(({ amount }) => amount),
    [-500],
  );
});
