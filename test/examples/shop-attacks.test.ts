/** The shop under requests that no page of its own would send. */
import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultName, SandboxEvent } from "minna-baas/sandbox";
import { expect, it, vi } from "vitest";
import { CATALOGUE } from "../../examples/shop/catalogue.js";
import { Checkout } from "../../examples/shop/checkout.js";
import { Orders } from "../../examples/shop/orders.js";
import { type OpenShop, openShopAndBank } from "../browser/open-shop.js";

/** A browser without a screen: cookies, and forms with the shop's origin. */
class Visitor {
  readonly cookies = new Map<string, string>();
  readonly #shop: OpenShop;

  constructor(shop: OpenShop) {
    this.#shop = shop;
  }

  async get(path: string): Promise<Response> {
    return this.#send(path, { method: "GET" });
  }

  async post(path: string, form: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, { method: "POST", body: new URLSearchParams(form) });
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const { origin } = this.#shop;
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(origin + path, { ...init, headers: { cookie, origin }, redirect: "manual" });
    for (const set of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      this.cookies.set(name, value);
    }
    return response;
  }

  /** Begins a link, and goes to the bank; the callback that the browser would open. */
  async approve(customer?: string): Promise<string> {
    const url = (await this.get("/bank/link")).headers.get("location") ?? "";
    const callback = new URL(await this.#shop.bank.approve(url, customer === undefined ? {} : { customer }));
    return callback.pathname + callback.search;
  }

  /** The paths of the orders that the shop's page has buttons for. */
  async offers(): Promise<string[]> {
    const page = await (await this.get("/")).text();
    return [...page.matchAll(/action="(\/orders\/[^"]+)\/pay"/g)].map(([, path = ""]) => path);
  }

  async stateOf(order: string): Promise<string> {
    return ((await (await this.get(`${order}/state`)).json()) as { state: string }).state;
  }
}

async function visit(shop: OpenShop, customer = "shop-1001"): Promise<Visitor> {
  const visitor = new Visitor(shop);
  await visitor.post("/login", { customer });
  return visitor;
}

async function linksOf({ minna }: OpenShop): Promise<string[]> {
  const active = [];
  for await (const { customerId } of minna.links.list()) active.push(customerId);
  return active;
}

function debited({ bank }: OpenShop): number[] {
  return bank.ledger.entries.map(({ amount }) => amount);
}

const isDebit = ({ endpoint, method, detail }: SandboxEvent) =>
  endpoint === "api" && method === "POST" && detail["debitId"] !== undefined;

it.each<FaultName>([
  "debit-commit-then-drop",
  "debit-commit-then-504",
  "debit-504-then-succeeded",
  "debit-409",
  "debit-key-forgotten",
  "debit-answer-truncated",
  "api-503-maintenance",
  "refresh-response-lost",
])("charges once for twelve clicks at once, under %s", async fault => {
  const shop = await openShopAndBank();
  const visitor = await visit(shop);
  await visitor.get(await visitor.approve());
  const [order = ""] = await visitor.offers();
  shop.bank.faults.on(fault, { times: 2 });
  await Promise.all(Array.from({ length: 12 }, () => visitor.post(`${order}/pay`)));
  shop.bank.faults.off();
  await shop.settle();
  await shop.settle();
  expect(await visitor.stateOf(order)).toBe("paid");
  expect(debited(shop)).toEqual([-300]);
});

it("begins no payment while it unlinks: nobody could ask what became of it", async () => {
  const shop = await openShopAndBank();
  const visitor = await visit(shop);
  await visitor.get(await visitor.approve("saburo"));
  const [order = ""] = await visitor.offers();
  const events = new EventEmitter();
  const revoking = once(events, "revoking");
  const paid = once(events, "paid");
  const link = shop.minna.link.bind(shop.minna);
  vi.spyOn(shop.minna, "link").mockImplementation(id => {
    const handle = link(id);
    const revoke = handle.grant.revoke.bind(handle.grant);
    // A bank that takes its time.
    vi.spyOn(handle.grant, "revoke").mockImplementation(async options => {
      events.emit("revoking");
      await paid;
      return revoke(options);
    });
    return handle;
  });
  const unlinked = visitor.post("/bank/unlink");
  await revoking;
  await visitor.post(`${order}/pay`);
  events.emit("paid");
  await unlinked;
  expect(await visitor.stateOf(order)).toBe("open");
  expect(shop.bank.events.filter(isDebit)).toEqual([]);
  vi.restoreAllMocks();

  await visitor.get(await visitor.approve("saburo"));
  await visitor.post(`${order}/pay`);
  expect(await visitor.stateOf(order), "linked again, it sells again").toBe("processing");
});

it("links nothing for a customer who planted their cookie, also while the bank can't be told of an end", async () => {
  const shop = await openShopAndBank();
  const [attacker, victim] = [await visit(shop, "shop-1001"), await visit(shop, "shop-1002")];
  const callback = await attacker.approve();
  victim.cookies.set("bank", attacker.cookies.get("bank") ?? "");
  vi.spyOn(shop.minna.links, "end").mockRejectedValue(new Error("The bank is out of reach."));
  expect((await victim.get(callback)).status).toBe(403);
  vi.restoreAllMocks();
  expect(await linksOf(shop)).toEqual([]);
  expect(await attacker.offers()).toEqual([]);
});

it.each(["/.//elsewhere.example", "/%2e//elsewhere.example", "ORIGIN//elsewhere.example", "//elsewhere.example"])(
  "leads nobody away by the language switch: %s",
  async back => {
    const shop = await openShopAndBank();
    const visitor = new Visitor(shop);
    const { headers } = await visitor.post("/language", { back: back.replace("ORIGIN", shop.origin) });
    expect(headers.get("location")).toBe("/");
  },
);

it("asks once for a forgotten order, however many jobs look after it", async () => {
  const shop = await openShopAndBank();
  const visitor = await visit(shop);
  await visitor.get(await visitor.approve());
  const { value: link } = await shop.minna.links.list().next();
  const orders = new Orders();
  const [product] = CATALOGUE;
  if (product === undefined || !link) throw new Error("there is a product, and a link");
  const { id } = orders.offer("shop-1001", product);
  // Whoever took it died at once.
  orders.take(id, link.id);
  await sleep(50);
  const jobs = [1, 2].map(() => new Checkout(shop.minna, orders, () => {}, 40));
  shop.bank.faults.on("api-429", { times: 2 });
  await Promise.all(jobs.map(job => job.settle()));
  // The customer has been told so, and may have bought it again: nobody may charge this one any more.
  expect(orders.find("shop-1001", id)?.state).toBe("not_charged");
  expect(debited(shop)).toEqual([]);
});
