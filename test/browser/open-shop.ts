/** The shop of examples/, open on a free port beside a sandbox, with a browser's way through both. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { MinnaClient } from "minna-baas";
import { type Sandbox, type SandboxEvent, startSandbox } from "minna-baas/sandbox";
import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { openShop } from "../../examples/shop/shop.js";

export interface OpenShop {
  /** Called with what the bank receives, before it answers. */
  onEvent: (event: SandboxEvent) => void;
  readonly origin: string;
  readonly bank: Sandbox;
  readonly minna: MinnaClient;
  /** What the shop logged. */
  readonly logged: string[];
  /** Looks after what is open, as the shop's own loop does. */
  settle(): Promise<void>;
}

/** Opens both, until the test has finished. */
export async function openShopAndBank(): Promise<OpenShop> {
  // The port is in the redirect URI, which the bank is told before there is a shop.
  const server = createServer().listen(0, "localhost");
  await once(server, "listening");
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const redirectUri = `${origin}/bank/callback`;
  let shop: OpenShop | undefined;
  const bank = await startSandbox({ redirectUris: [redirectUri], onEvent: event => shop?.onEvent(event) });
  const minna = new MinnaClient({ ...bank.client("fapi2-security"), redirectUri });
  const logged: string[] = [];
  const log = (event: string, details: object) => logged.push(JSON.stringify({ event, ...details }));
  const { app, checkout } = openShop({ minna, origin, log, forgotten: 0 });
  await app.ready();
  server.on("request", (request, response) => app.routing(request, response));
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await app.close();
    await minna.close();
    await bank.close();
  });
  shop = { origin, bank, minna, logged, settle: () => checkout.settle(), onEvent: () => {} };
  return shop;
}

/** Logs in at the shop as the first of its customers, or another. */
export async function logIn(page: Page, { origin }: OpenShop, customer = "お客さま A"): Promise<void> {
  await page.goto(origin);
  await page.getByRole("button", { name: customer }).click();
  await page.waitForURL(`${origin}/`);
}

/** Begins a link, and goes to the bank's page of consent: past its login, where the browser is not logged in there yet. */
export async function goToBank(page: Page, { origin, bank }: OpenShop, customer = "hanako"): Promise<void> {
  await page.goto(`${origin}/bank/link`);
  await page.waitForURL(url => url.origin === bank.issuer);
  await logInAtBank(page, customer);
}

/** From the bank's login page, where that is shown, to its page of consent. */
export async function logInAtBank(page: Page, customer = "hanako"): Promise<void> {
  const password = page.locator("[name=password]");
  // Both pages have a way back to the shop.
  await page.locator("[name=decision][value=deny]").waitFor();
  if (await password.isVisible()) {
    await page.locator("[name=customer]").fill(customer);
    await password.fill(`sandbox-${customer}`);
    await password.press("Enter");
  }
  await page.locator(":root:not(:has([name=password])) [name=decision][value=deny]").waitFor();
}

/** Allows or refuses there, and waits until the shop shows where that led. */
export async function decide(page: Page, { origin }: OpenShop, decision: "allow" | "deny"): Promise<void> {
  await page.locator(`[name=decision][value=${decision}]`).click();
  await page.waitForURL(`${origin}/account`);
}

/** Logs in and links: the page then shows the account. */
export async function link(page: Page, shop: OpenShop, customer?: string): Promise<void> {
  await logIn(page, shop);
  await goToBank(page, shop, customer);
  await decide(page, shop, "allow");
}

/** What the page says, as a reader sees it. */
export function textOf(page: Page): Promise<string> {
  return page
    .locator("main")
    .allInnerTexts()
    .then(texts => texts.join("\n"));
}
