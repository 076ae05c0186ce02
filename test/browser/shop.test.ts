import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeInBrowser, openBrowser, PHONE } from "../support/chromium.js";
import { decide, goToBank, link, logIn, logInAtBank, type OpenShop, openShopAndBank, textOf } from "./open-shop.js";

const SCREENSHOTS = process.env["MINNA_SCREENSHOTS"];
const DESKTOP = { viewport: { width: 1280, height: 900 } };

async function open(): Promise<{ shop: OpenShop; page: Page }> {
  const [shop, browser] = await Promise.all([openShopAndBank(), openBrowser(DESKTOP)]);
  return { shop, page: await browser.newPage() };
}

const buyButton = (page: Page, name: string) => page.getByRole("button", { name: `${name}を口座振替で購入` });

async function buy(page: Page, { origin }: OpenShop, name: string): Promise<string> {
  await page.goto(`${origin}/`);
  await buyButton(page, name).click();
  await page.waitForURL(/\/orders\/order-[^/]+$/);
  return textOf(page);
}

/** The debits at the bank, by the shop's order. */
const debited = ({ bank }: OpenShop) => bank.ledger.entries.map(({ amount }) => -amount);

describeInBrowser("the shop")("the shop", { timeout: 120_000 }, () => {
  it("links an account, shows its balance, sells and settles", async () => {
    const { shop, page } = await open();
    await logIn(page, shop);
    await page.getByRole("link", { name: "口座を連携する" }).click();
    await page.waitForURL(url => url.origin === shop.bank.issuer);
    await goToBank(page, shop);
    await decide(page, shop, "allow");
    const account = await textOf(page);
    expect(account).toContain("口座を連携しました。");
    expect(account).toContain("1,500,000円");
    await page.reload();
    expect(await textOf(page), "said once").not.toContain("口座を連携しました。");

    expect(await buy(page, shop, "文庫本")).toContain("お支払いが完了しました");
    expect(debited(shop)).toEqual([880]);
    await page.goto(`${shop.origin}/account`);
    const after = await textOf(page);
    expect(after).toContain("1,499,120円");
    expect(after).toContain("お支払いが完了しました");

    await page.getByRole("button", { name: "English" }).click();
    await page.waitForURL(`${shop.origin}/account`);
    expect(await textOf(page)).toContain("¥1,499,120");
  });

  it("debits once for a double click, a reload, the back button and two tabs", async () => {
    const { shop, page } = await open();
    await link(page, shop);
    await page.goto(`${shop.origin}/`);
    const other = await page.context().newPage();
    await other.goto(`${shop.origin}/`);

    const posted: string[] = [];
    page.on("request", request => request.method() === "POST" && posted.push(request.url()));
    await buyButton(page, "文庫本").dblclick();
    await page.waitForURL(/\/orders\//);
    await buyButton(other, "文庫本").click();
    await other.waitForURL(/\/orders\//);
    expect(other.url(), "both tabs show the same order").toBe(page.url());
    expect(debited(shop)).toEqual([880]);

    await page.reload();
    // Two clicks in one turn of the event loop: both forms are sent, whatever the browser does with the first answer.
    await page.goto(`${shop.origin}/`);
    const path = await page.locator("form[action$='/pay']").first().getAttribute("action");
    const statuses = await page.evaluate(
      url => Promise.all([0, 1, 2].map(() => fetch(url, { method: "POST" }).then(({ status }) => status))),
      path ?? "",
    );
    expect(statuses).toEqual([200, 200, 200]);
    expect(debited(shop)).toEqual([880, 300]);

    // Back to the form of an order that is paid: its button leads to that order.
    await page.goto(`${shop.origin}/`);
    const form = await page.locator("main").innerHTML();
    await buyButton(page, "文庫本").click();
    await page.waitForURL(/\/orders\//);
    const paid = page.url();
    await page.goto(`${shop.origin}/`);
    await page.locator("main").evaluate((main, old) => main.setHTMLUnsafe(old), form);
    await buyButton(page, "文庫本").click();
    await page.waitForURL(paid);
    expect(debited(shop)).toEqual([880, 300, 880]);
    expect(posted.length).toBeGreaterThanOrEqual(5);
  });

  it("goes through two tabs that link at once: the newer one counts, and the older one hurts nothing", async () => {
    const { shop, page } = await open();
    await logIn(page, shop);
    const other = await page.context().newPage();
    await goToBank(page, shop);
    // The newer tab begins, and so overwrites the cookie, while the older one is at the bank.
    const begun = await page.context().request.get(`${shop.origin}/bank/link`, { maxRedirects: 0 });
    let callback = "";
    page.on("request", request => {
      if (request.url().includes("/bank/callback")) callback = request.url();
    });
    await decide(page, shop, "allow");
    expect(await textOf(page)).toContain("はじめからやり直してください");
    expect(shop.bank.events.filter(({ endpoint }) => endpoint === "token")).toEqual([]);

    await other.goto(begun.headers()["location"] ?? "");
    await logInAtBank(other);
    await decide(other, shop, "allow");
    expect(await textOf(other)).toContain("口座を連携しました。");
    await page.goto(callback);
    expect(await textOf(page), "it is linked: there is nothing to do again").toContain("1,500,000円");
    expect(await textOf(page)).not.toContain("やり直して");
  });

  it("lets the customer say no, and begin again", async () => {
    const { shop, page } = await open();
    await logIn(page, shop);
    await goToBank(page, shop);
    await decide(page, shop, "deny");
    expect(await textOf(page)).toContain("口座連携は許可されませんでした");
    await goToBank(page, shop, "jiro");
    await decide(page, shop, "deny");
    expect(await textOf(page), "the bank does not link this customer").toContain("口座連携は許可されませんでした");
  });

  it("goes back from the bank and forward again, and back after the callback", async () => {
    const { shop, page } = await open();
    await logIn(page, shop);
    await page.goto(`${shop.origin}/account`);
    await page.getByRole("link", { name: "みんなの銀行の口座を連携する" }).click();
    await page.locator("[name=password]").waitFor();
    await page.goBack();
    await page.waitForURL(`${shop.origin}/account`);
    await page.goForward();
    await logInAtBank(page);
    let callback = "";
    page.on("request", request => {
      if (request.url().includes("/bank/callback")) callback = request.url();
    });
    await decide(page, shop, "allow");

    expect(callback).toContain("code=");
    await page.goBack();
    await page.goto(callback);
    await page.waitForURL(`${shop.origin}/account`);
    const replayed = await textOf(page);
    expect(replayed).toContain("1,500,000円");
    expect(replayed, "no error, and no news").not.toContain("やり直して");
    await page.reload();
    expect(await textOf(page)).toContain("1,500,000円");
    expect(shop.bank.events.filter(({ endpoint }) => endpoint === "token").length).toBe(1);
  });

  it("unlinks at the bank, and links again", async () => {
    const { shop, page } = await open();
    await link(page, shop);
    await page.getByText("口座連携を解除する").click();
    await page.getByRole("button", { name: "解除する" }).click();
    await page.waitForURL(`${shop.origin}/account`);
    expect(await textOf(page)).toContain("口座連携を解除しました。");
    expect(await textOf(page)).toContain("まだ口座は連携されていません。");
    const grants = shop.bank.events.filter(({ endpoint, method }) => endpoint === "grant" && method === "DELETE");
    expect(grants.map(({ status }) => status)).toEqual([204]);
    await goToBank(page, shop);
    await decide(page, shop, "allow");
    expect(await textOf(page)).toContain("1,500,000円");
  });

  it("says what the bank declined, and sells it under a new order afterwards", async () => {
    const { shop, page } = await open();
    await link(page, shop, "taro");
    expect(await buy(page, shop, "文庫本")).toContain("残高が足りません");
    expect(await buy(page, shop, "しおり")).toContain("お支払いが完了しました");
    shop.bank.faults.on("debit-fails-stopped_by_customer", { times: 1 });
    expect(await buy(page, shop, "しおり")).toContain("口座振替が停止されています");
    expect(await buy(page, shop, "しおり")).toContain("残高が足りません");
    expect(debited(shop)).toEqual([300]);
  });

  it("waits while the bank is at it, and shows the end without being asked", async () => {
    const { shop, page } = await open();
    await link(page, shop, "saburo");
    shop.bank.faults.on("debit-stuck-processing");
    expect(await buy(page, shop, "文庫本")).toContain("お支払いの処理中です");
    await shop.settle();
    await page.reload();
    expect(await textOf(page)).toContain("お支払いの処理中です");
    await page.goto(`${shop.origin}/account`);
    await page.getByText("口座連携を解除する").click();
    await page.getByRole("button", { name: "解除する" }).click();
    await page.waitForURL(`${shop.origin}/account`);
    expect(await textOf(page)).toContain("まだ解除できません");
    await page.getByRole("link", { name: "文庫本" }).click();
    await page.getByText("お支払いの処理中です").waitFor();
    shop.bank.faults.off();
    await shop.settle();
    await page.getByText("お支払いが完了しました").waitFor();
    expect(debited(shop)).toEqual([880]);
  });

  it("offers no second payment while the first is in doubt, and recovers it", async () => {
    const { shop, page } = await open();
    await link(page, shop);
    // The money moves, the answer is lost, and then the bank can't be asked either.
    shop.bank.faults.on("debit-commit-then-drop");
    shop.onEvent = ({ endpoint, method }) => {
      if (endpoint === "api" && method === "POST") shop.bank.faults.on("api-503-maintenance");
    };
    const text = await buy(page, shop, "文庫本");
    expect(text).toContain("もう一度購入しないでください");
    expect(text).not.toContain("商品のページへ");
    await page.goto(`${shop.origin}/`);
    expect(await buyButton(page, "文庫本").count(), "no button for the same").toBe(0);
    await page.getByRole("link", { name: "前のご注文を確認中です" }).click();
    await page.getByText("もう一度購入しないでください").waitFor();
    await shop.settle();
    expect(await textOf(page), "the bank still can't be asked").toContain("もう一度購入しないでください");
    shop.bank.faults.off();
    await shop.settle();
    await page.getByText("お支払いが完了しました").waitFor();
    expect(debited(shop)).toEqual([880]);
    expect(shop.logged.join()).toMatch(
      /"debit unknown","order":"order-[^"]+","code":"debit_outcome_unknown","interactionId":"/,
    );
  });

  it("sells nothing while the bank is closed or out of reach, and says so", async () => {
    const { shop, page } = await open();
    await link(page, shop);
    shop.bank.faults.on("api-503-maintenance");
    const closed = await page.goto(`${shop.origin}/account`);
    expect(closed?.status()).toBe(503);
    expect(closed?.headers()["retry-after"]).toBe("120");
    expect(await textOf(page)).toContain("みんなの銀行はメンテナンス中です");
    // A 503 says nothing of the debit: it is in doubt until the bank is back, and made then.
    expect(await buy(page, shop, "文庫本")).toContain("もう一度購入しないでください");
    expect(debited(shop)).toEqual([]);
    shop.bank.faults.off();
    await shop.settle();
    await page.getByText("お支払いが完了しました").waitFor();
    expect(debited(shop)).toEqual([880]);

    await shop.bank.close();
    const down = await page.goto(`${shop.origin}/account`);
    expect(down?.status()).toBe(503);
    expect(await textOf(page)).toContain("みんなの銀行につながりません");
    expect((await page.goto(`${shop.origin}/bank/link`))?.status()).toBe(503);
    await page.getByRole("link", { name: "商品にもどる" }).click();
    await buyButton(page, "しおり").waitFor();
  });

  it("asks for what was refused, and for a consent that is over", async () => {
    const { shop, page } = await open();
    await logIn(page, shop);
    await goToBank(page, shop);
    await page.locator("[name=scope][value=debit]").uncheck();
    await decide(page, shop, "allow");
    expect(await textOf(page)).toContain("口座振替が許可されていないため、購入できません。");
    await page.goto(`${shop.origin}/`);
    expect(await buyButton(page, "文庫本").count()).toBe(0);
    await page.getByRole("link", { name: "口座振替を許可する" }).click();
    await logInAtBank(page);
    await decide(page, shop, "allow");
    expect(await buy(page, shop, "文庫本")).toContain("お支払いが完了しました");

    shop.bank.faults.on("grant-revoked-at-bank", { times: 1 });
    await page.goto(`${shop.origin}/account`);
    shop.bank.faults.off();
    expect(await textOf(page)).toContain("もう一度、許可が必要です");
    expect(await buy(page, shop, "文庫本")).toContain("もう一度許可してください");
    await page.getByRole("link", { name: "口座連携を確かめる" }).click();
    await page.getByRole("link", { name: "みんなの銀行で許可する" }).click();
    await logInAtBank(page);
    await decide(page, shop, "allow");
    expect(await buy(page, shop, "文庫本")).toContain("お支払いが完了しました");
    expect(debited(shop)).toEqual([880, 880]);

    shop.bank.faults.on("grant-suspended");
    await page.goto(`${shop.origin}/account`);
    expect(await textOf(page)).toContain("口座連携が停止されています");
  });

  it("takes no form of another site, and no link that somebody else began", async () => {
    const { shop, page } = await open();
    await logIn(page, shop);
    const forged = await page
      .context()
      .request.post(`${shop.origin}/bank/unlink`, { headers: { origin: "https://elsewhere.example" } });
    expect(forged.status()).toBe(403);

    await goToBank(page, shop);
    const other = await page.context().newPage();
    await other.goto(shop.origin);
    await other.getByRole("button", { name: "ログアウト" }).click();
    await logIn(other, shop, "お客さま B");
    await page.locator("[name=decision][value=allow]").click();
    await page.getByText("何も連携していません").waitFor();
    const links = [];
    for await (const { customerId } of shop.minna.links.list()) links.push(customerId);
    expect(links).toEqual([]);
  });

  it.each([
    ["phone", PHONE],
    ["desktop", DESKTOP],
  ])("shows pages that everybody can use, on a %s", async (device, options) => {
    const [shop, browser] = await Promise.all([openShopAndBank(), openBrowser(options)]);
    const page = await browser.newPage();
    const { origin, bank } = shop;
    const look = (name: string) => lookAt(page, `${name}-${device}`);
    const go = (path: string) => page.goto(origin + path);

    await go("/");
    await look("log-in");
    await logIn(page, shop);
    await look("shop-not-linked");
    await go("/account");
    await look("account-not-linked");
    await goToBank(page, shop);
    await decide(page, shop, "deny");
    await look("account-declined");
    await goToBank(page, shop);
    await page.locator("[name=scope][value=debit]").uncheck();
    await decide(page, shop, "allow");
    await look("account-cannot-pay");
    await go("/");
    await look("shop-cannot-pay");
    await goToBank(page, shop);
    await decide(page, shop, "allow");
    await look("account-linked");
    await go("/");
    await look("shop");
    await buy(page, shop, "しおり");
    await look("order-paid");
    await buy(page, shop, "文学全集(全48巻)");
    await look("order-over-limit");
    bank.faults.on("debit-fails-insufficient_funds", { times: 1 });
    await buy(page, shop, "しおり");
    await look("order-insufficient-funds");
    bank.faults.on("debit-504-then-succeeded", { times: 1 });
    bank.faults.on("debit-stuck-processing");
    await buy(page, shop, "しおり");
    await look("order-processing");
    bank.faults.on("debit-commit-then-drop");
    shop.onEvent = ({ endpoint, method }) => {
      if (endpoint === "api" && method === "POST") bank.faults.on("api-503-maintenance");
    };
    await buy(page, shop, "文庫本");
    await look("order-unknown");
    await go("/");
    await look("shop-waiting");
    await go("/account");
    await look("maintenance");
    bank.faults.off();
    await go("/account");
    await page.locator("summary").click();
    await look("account-orders");
    await page.getByRole("button", { name: "English" }).click();
    await page.waitForLoadState();
    await look("account-english");
    await page.getByRole("button", { name: "日本語" }).click();
    await page.waitForLoadState();
    await go("/orders/order-0");
    await look("not-found");
    bank.faults.on("grant-revoked-at-bank", { times: 1 });
    await go("/account");
    await look("renewal");
    await bank.close();
    await go("/bank/link");
    await look("outage");
  });
});

/** Nothing that axe finds, nothing wider than the screen, no script or style that the page's own policy stops. */
async function lookAt(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS !== undefined) {
    await mkdir(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  }
  await page.evaluate(axe.source);
  const found = (await page.evaluate("axe.run()")) as { violations: { id: string; nodes: { html: string }[] }[] };
  expect(
    found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
    name,
  ).toEqual([]);
  const wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
  expect(wide, `${name} is wider than the screen`).toBe(false);
}
