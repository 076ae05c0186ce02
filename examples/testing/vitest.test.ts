/** Your tests with vitest, against a bank in this process: real TLS, real redirects, no network. Run with `npx vitest`. */
import { MinnaClient } from "minna-baas";
import { type Sandbox, startSandbox } from "minna-baas/sandbox";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { charge, settle } from "./checkout.js";

let bank: Sandbox;
let minna: MinnaClient;

beforeAll(async () => {
  bank = await startSandbox(); // about half a second: one for each file
  minna = new MinnaClient(bank.client("fapi2-security"));
});
afterEach(() => bank.faults.off());
afterAll(async () => {
  await minna.close();
  await bank.close();
});

/** A customer at the bank who logs in and allows everything, without a browser. */
async function link(customer: string): Promise<string> {
  const { authorizationUrl, transaction } = await minna.links.begin({
    customerId: "u-1",
    scopes: ["balance", "debit"],
  });
  const callback = await bank.approve(authorizationUrl, { customer });
  return (await minna.links.complete(callback, { transaction })).id;
}

test("an order is charged once, however often it is asked for", async () => {
  const linkId = await link("hanako");
  const order = { id: "order-1", amount: 1980 };
  expect(await Promise.all([charge(minna, linkId, order), charge(minna, linkId, order)])).toEqual([
    "deliver",
    "deliver",
  ]);
  expect(bank.ledger.entries.filter(entry => entry.partnerTransactionId === "order-1")).toHaveLength(1);
});

test("a customer without money is told so", async () => {
  expect(await charge(minna, await link("taro"), { id: "order-2", amount: 1980 })).toBe("declined");
});

test("an answer that is lost is looked up", async () => {
  bank.faults.on("debit-commit-then-drop", { times: 1 });
  expect(await charge(minna, await link("hanako"), { id: "order-3", amount: 500 })).toBe("deliver");
});

test("a debit that the bank is not done with waits, and the job settles it", async () => {
  expect(await charge(minna, await link("saburo"), { id: "order-4", amount: 500 })).toBe("wait");
  expect(await settle(minna)).toEqual(new Map([["order-4", "deliver"]]));
});

test("a customer who took the consent back is asked again", async () => {
  const linkId = await link("hanako");
  bank.faults.on("grant-revoked-at-bank", { times: 1 });
  expect(await charge(minna, linkId, { id: "order-5", amount: 500 })).toBe("link-again");
});
