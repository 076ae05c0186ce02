import { MemoryStore, MinnaClient, type Store } from "minna-baas";
import { startSandbox } from "minna-baas/sandbox";
import { expect, it, onTestFinished } from "vitest";
import { CATALOGUE, type Product } from "../../examples/shop/catalogue.js";
import { Checkout } from "../../examples/shop/checkout.js";
import { type Order, Orders } from "../../examples/shop/orders.js";

const [, BOOK] = CATALOGUE as [Product, Product, Product];
const CUSTOMER = "shop-1001";

/** The shop's checkout beside a bank, without pages. */
async function open(store: Store = new MemoryStore(), customer = "hanako") {
  const bank = await startSandbox();
  const minna = new MinnaClient({ ...bank.client("fapi2-security"), store });
  onTestFinished(async () => {
    await minna.close();
    await bank.close();
  });
  const { authorizationUrl, transaction } = await minna.links.begin({ customerId: CUSTOMER, scopes: ["debit"] });
  const { id: linkId } = await minna.links.complete(await bank.approve(authorizationUrl, { customer }), {
    transaction,
  });
  const orders = new Orders();
  const checkout = new Checkout(minna, orders, () => {}, 0);
  const take = (): Order => {
    const order = orders.take(orders.offer(CUSTOMER, BOOK).id, linkId);
    if (order === undefined) throw new Error("the order is open");
    return order;
  };
  const stateOf = ({ id }: Order) => orders.find(CUSTOMER, id)?.state;
  const debited = () => bank.ledger.entries.map(({ amount }) => amount);
  return { bank, minna, orders, checkout, take, stateOf, debited };
}

it("gives an order to one of those who press its button", () => {
  const orders = new Orders();
  const { id } = orders.offer(CUSTOMER, BOOK);
  expect(orders.offer(CUSTOMER, BOOK).id, "in another tab").toBe(id);
  expect(orders.offer("shop-1002", BOOK).id).not.toBe(id);
  expect([orders.take(id, "link"), orders.take(id, "link")].map(order => order?.state)).toEqual(["paying", undefined]);
  expect(orders.offer(CUSTOMER, BOOK).id, "none else while it is not known").toBe(id);
  orders.change(id, { state: "paid" });
  expect(orders.offer(CUSTOMER, BOOK).id).not.toBe(id);
  expect(orders.find("shop-1002", id)).toBeUndefined();
});

it("learns what another process recovered and could not write down", async () => {
  const { minna, checkout, take, stateOf, debited } = await open(undefined, "saburo");
  const order = take();
  await checkout.pay(order);
  expect(stateOf(order)).toBe("processing");
  for await (const { outcome } of minna.debits.recover()) expect(outcome).toBe("settled");
  expect(stateOf(order)).toBe("processing");
  await checkout.settle();
  expect([stateOf(order), debited()]).toEqual(["paid", [-880]]);
});

it("makes a debit that a failing store kept from being made, once", async () => {
  const memory = new MemoryStore();
  let broken = false;
  const store: Store = {
    get: key => memory.get(key),
    put: async (key, value, options) => {
      if (broken && key.startsWith("debit")) throw new Error("disk full");
      return memory.put(key, value, options);
    },
    take: key => memory.take(key),
    find: options => memory.find(options),
    lock: (key, owner, milliseconds) => memory.lock(key, owner, milliseconds),
    unlock: (key, owner) => memory.unlock(key, owner),
  };
  const { checkout, take, stateOf, debited } = await open(store);
  broken = true;
  const order = take();
  await checkout.pay(order);
  expect([stateOf(order), debited()]).toEqual(["unknown", []]);
  await checkout.settle();
  expect(stateOf(order)).toBe("unknown");
  broken = false;
  await checkout.settle();
  await checkout.settle();
  expect([stateOf(order), debited()]).toEqual(["paid", [-880]]);
});

it("knows a debit that was certainly not made from one in doubt", async () => {
  const { bank, checkout, take, stateOf, debited } = await open();
  bank.faults.on("grant-revoked-at-bank", { times: 1 });
  const order = take();
  await checkout.pay(order);
  expect([stateOf(order), debited()]).toEqual(["not_charged", []]);
});

it("does not take a debit that stands under the order's reference with another body for none", async () => {
  const { minna, checkout, take, stateOf, debited } = await open();
  const order = take();
  // What the shop's last release made of the order, before its process died.
  const debits = minna.link(order.linkId ?? "").debits;
  await debits.create({ reference: order.id, amount: order.amount, description: "ｾﾝﾉﾅﾏｴ" });
  await checkout.settle();
  expect([stateOf(order), debited()]).toEqual(["unknown", [-880]]);
});

it("lets a doubt that comes late take nothing back", () => {
  const orders = new Orders();
  const { id } = orders.offer(CUSTOMER, BOOK);
  orders.take(id, "link");
  orders.change(id, { state: "paid" });
  orders.change(id, { state: "unknown" });
  expect(orders.find(CUSTOMER, id)?.state).toBe("paid");
});
