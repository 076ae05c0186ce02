import { mkdir, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner, SCOPE, type Tokens } from "../sandbox/partner.js";
import { describeInBrowser, openBrowser, PHONE } from "../support/chromium.js";

const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 900 } };
const NARROW: BrowserContextOptions = { ...PHONE, viewport: { width: 320, height: 640 } };
const LOCALES = { ja: "ja-JP", en: "en-GB" } as const;

describeInBrowser("the bank's pages in a browser")("the bank's pages", () => {
  let sandbox: Sandbox;
  let partner: Partner;
  let site: Server;
  let home: string;
  let callback: string;
  /** What the browser has asked of the partner's site. */
  const arrivals: string[] = [];

  beforeAll(async () => {
    site = createServer((request, response) => {
      const path = request.url ?? "/";
      if (path !== "/favicon.ico") arrivals.push(path);
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end("<!doctype html><title>partner</title><h1>Back at the partner</h1>");
    });
    await new Promise<void>(resolve => site.listen(0, "127.0.0.1", resolve));
    home = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
    callback = `${home}/callback`;
    sandbox = await startSandbox({ redirectUris: [callback], now: () => Date.parse("2026-11-22T03:00:00Z") });
    partner = new Partner(sandbox, "fapi2-security");
  });
  beforeEach(() => {
    arrivals.length = 0;
  });
  afterAll(async () => {
    await partner.close();
    await sandbox.close();
    site.closeAllConnections();
    await new Promise(resolve => site.close(resolve));
  });

  type Checks = Awaited<ReturnType<Partner["begin"]>>["checks"];

  const begin = (parameters: Record<string, string> = {}) => partner.begin({ redirect_uri: callback, ...parameters });

  /** The login page of a new authorization. */
  async function arrive(page: Page, parameters: Record<string, string> = {}): Promise<Checks> {
    const { url, checks } = await begin(parameters);
    await page.goto(url.href);
    return checks;
  }

  async function logIn(page: Page, id = "hanako", password = `sandbox-${id}`): Promise<void> {
    await page.locator("#customer").fill(id);
    await page.locator("#password").fill(password);
    await page.locator("main form").first().getByRole("button").click();
  }

  const press = (page: Page, decision: "allow" | "deny") => page.locator(`button[value=${decision}]`).click();

  /** What the partner is told, once the browser is back. */
  async function back(page: Page): Promise<URLSearchParams> {
    await page.getByRole("heading", { name: "Back at the partner" }).waitFor();
    expect(page.url()).toContain(`${callback}?`);
    return new URL(page.url()).searchParams;
  }

  async function link(checks: Checks, page: Page): Promise<Tokens> {
    await back(page);
    return partner.complete(page.url(), checks);
  }

  const grants = () => sandbox.events.filter(({ endpoint, status }) => endpoint === "token" && status === 200).length;

  it("lead a customer from the login, at the second try, to the partner", async () => {
    const page = await open(PHONE);
    const checks = await arrive(page);
    expect(await page.title()).toBe("ログイン | みんなの銀行 サンドボックス");
    await logIn(page, "hanako", "wrong");
    expect(await page.title()).toMatch(/^エラー: ログイン/);
    const password = page.locator("#password");
    expect(await page.getByRole("alert").textContent()).toContain("パスワードが違います");
    expect(await page.locator("#customer").inputValue()).toBe("hanako");
    expect(await password.getAttribute("aria-invalid")).toBe("true");
    expect(await page.locator(`#${await password.getAttribute("aria-describedby")}`).textContent()).toContain(
      "違います",
    );
    expect(await focused(page)).toBe("password");

    await password.fill("sandbox-hanako");
    await page.keyboard.press("Enter");
    await page.waitForSelector("fieldset");
    const text = await page.locator("main").textContent();
    for (const words of ["見本 花子 さま", "サンプル書店", `127.0.0.1:${new URL(home).port}`, "2027年11月22日まで"]) {
      expect(text).toContain(words);
    }
    expect(await page.getByRole("checkbox").count()).toBe(5);
    for (const name of ["残高照会", "入出金明細照会", "入金明細照会", "本人確認済情報の照会", "口座振替"]) {
      expect(await page.getByRole("checkbox", { name, exact: true }).isChecked()).toBe(true);
    }
    await press(page, "allow");
    expect((await link(checks, page)).scope.split(" ").sort()).toEqual(SCOPE.split(" ").sort());
  });

  it("need no mouse: what has the focus comes in the order of reading", async () => {
    const page = await open(DESKTOP);
    const checks = await arrive(page, { scope: "openid balance debit" });
    const tabs = async (count: number): Promise<string[]> => {
      const names: string[] = [];
      for (let tab = 0; tab < count; tab++) {
        await page.keyboard.press("Tab");
        names.push(await focused(page));
        // What has the focus is seen to have it.
        expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
      }
      return names;
    };
    expect(await tabs(3)).toEqual(["日本語", "English", "customer"]);
    await page.keyboard.type("hanako");
    await tabs(1);
    await page.keyboard.type("sandbox-hanako");
    expect(await tabs(3)).toEqual(["ログイン", "ログインせずに「サンプル書店」に戻る", "お試しのお客さま"]);
    for (let tab = 0; tab < 2; tab++) await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector("fieldset");
    expect(await tabs(6)).toEqual(["日本語", "English", "scope-balance", "scope-debit", "許可する", "許可しない"]);
    for (let tab = 0; tab < 2; tab++) await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Space");
    await tabs(1);
    await page.keyboard.press("Enter");
    expect((await link(checks, page)).scope).toBe("openid balance");
  });

  it("are in the language of the browser, until the customer chooses another for all of them", async () => {
    const page = await open({ ...PHONE, locale: "en-GB" });
    await arrive(page);
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
    expect(await page.locator("h1").textContent()).toBe("Log in");
    await page.getByRole("link", { name: "日本語" }).click();
    expect(await page.locator("html").getAttribute("lang")).toBe("ja");
    expect(await page.getByRole("link", { name: "日本語" }).getAttribute("aria-current")).toBe("true");
    await logIn(page);
    expect(await page.locator("h1").textContent()).toBe("口座連携の確認");
    await page.goto(`${sandbox.issuer}/authorize?client_id=unknown&scope=%22%3E%3Cb%3E`);
    expect(await page.locator("h1").textContent()).toBe("手続きを続けられません");

    // The switch of an error page leads to the same error.
    await page.getByRole("link", { name: "English" }).click();
    expect(await page.locator("h1").textContent()).toBe("The bank can't go on");
    expect(await page.locator("main").textContent()).toContain("invalid_client");
    await arrive(page);
    expect(await page.locator("h1").textContent()).toBe("Log in");
    await logIn(page);
    expect(await page.locator("main").textContent()).toContain("22 November 2027");

    const other = await open({ ...PHONE, locale: "en-GB" });
    await arrive(other, { ui_locales: "fr ja-JP" });
    expect(await other.locator("html").getAttribute("lang")).toBe("ja");
  });

  it("let a customer go back without logging in, and decline", async () => {
    const page = await open(PHONE);
    await arrive(page);
    await page.getByRole("button", { name: "ログインせずに" }).click();
    expect((await back(page)).get("error")).toBe("access_denied");

    await arrive(page);
    await page.getByText("お試しのお客さま").click();
    await page.getByRole("button", { name: "例示 太郎 さんでログイン" }).click();
    expect(await page.locator("main").textContent()).toContain("例示 太郎 さま");
    const [allow, deny] = [page.locator("button[value=allow]"), page.locator("button[value=deny]")];
    const [first, second] = [await allow.boundingBox(), await deny.boundingBox()];
    expect([second?.width, second?.height]).toEqual([first?.width, first?.height]);
    await press(page, "deny");
    expect((await back(page)).get("error")).toBe("access_denied");
  });

  it("grant what is chosen, and ask again where nothing is", async () => {
    const page = await open(PHONE);
    const checks = await arrive(page);
    await logIn(page);
    const boxes = page.getByRole("checkbox");
    for (const box of await boxes.all()) await box.uncheck();
    await press(page, "allow");
    expect(await page.getByRole("alert").textContent()).toContain("1つ以上選んでください");
    expect(await page.title()).toMatch(/^エラー: 口座連携の確認/);
    expect(await focused(page)).toBe("scope-balance");
    expect(await page.getByRole("checkbox", { checked: true }).count()).toBe(0);
    // All of an item can be pressed, not the box alone.
    const deposits = page.getByRole("checkbox", { name: "入金明細照会", exact: true });
    await page
      .getByRole("listitem")
      .filter({ has: deposits })
      .click({ position: { x: 150, y: 60 } });
    await press(page, "allow");
    expect((await link(checks, page)).scope.split(" ").sort()).toEqual(
      ["openid", "offline_access", "deposits", "grant_management_query", "grant_management_revoke"].sort(),
    );
  });

  it("tell at a renewal what goes on, what is new, and what ends", async () => {
    const page = await open(PHONE);
    const { grant_id } = await partner.link("hanako", { scope: "openid balance debit" });
    const merge = { grant_management_action: "merge", grant_id, scope: "openid balance identity" };
    const checks = await arrive(page, merge);
    await logIn(page);
    expect(await page.locator("h1").textContent()).toBe("口座連携の更新の確認");
    expect(await page.getByRole("checkbox").count()).toBe(1);
    expect(await page.getByRole("checkbox", { name: "本人確認済情報の照会" }).isChecked()).toBe(true);
    expect(await section(page, "すでに許可している内容")).toMatch(/残高照会.*口座振替/s);
    await press(page, "allow");
    const renewed = await link(checks, page);
    expect(renewed.grant_id).toBe(grant_id);

    // Nothing new: only the time is longer, and nothing is to be chosen.
    await arrive(page, { ...merge, scope: "openid balance" });
    await logIn(page);
    expect(await page.getByRole("checkbox").count()).toBe(0);
    expect(await page.locator("main").textContent()).toContain("期限だけを延ばしますか");
    await press(page, "deny");
    await back(page);

    const replacing = await arrive(page, { ...merge, grant_management_action: "replace", scope: "openid balance" });
    await logIn(page);
    expect(await section(page, "終わる許可")).toMatch(/本人確認済情報の照会.*口座振替/s);
    await press(page, "allow");
    expect((await link(replacing, page)).scope).toBe("openid balance");

    // Another customer is shown nothing of this grant.
    await arrive(page, { ...merge, scope: "openid transactions" });
    await logIn(page, "reiko");
    const text = await page.locator("main").textContent();
    expect(text).toContain("別のお客さまのもの");
    expect(text).not.toMatch(/残高照会|2027/);
    await press(page, "deny");
    expect((await back(page)).get("error")).toBe("invalid_grant_id");
  });

  it("do not bring back a grant that is released while the customer decides", async () => {
    const page = await open(PHONE);
    const tokens = await partner.link("hanako");
    await arrive(page, { grant_management_action: "merge", grant_id: tokens.grant_id, scope: "openid identity" });
    await logIn(page);
    const { mtls_endpoint_aliases: at = {} } = (await partner.configuration()).serverMetadata();
    const endpoint = `${(at as Record<string, unknown>)["grant_management_endpoint"]}/${tokens.grant_id}`;
    expect((await partner.call(endpoint, { method: "DELETE", token: tokens.access_token })).status).toBe(204);
    await press(page, "allow");
    expect((await back(page)).get("error")).toBe("invalid_grant_id");
  });

  it("lead on who comes back to a step that is over", async () => {
    const page = await open(PHONE);
    const checks = await arrive(page);
    const login = page.url();
    await logIn(page);
    await page.waitForSelector("fieldset");
    const consent = page.url();
    await page.goBack();
    await page.waitForSelector("fieldset");
    expect(page.url()).toBe(consent);
    // No page is the answer to a form: the browser would ask whether to send it again.
    for (const box of await page.getByRole("checkbox").all()) await box.uncheck();
    await press(page, "allow");
    await page.getByRole("alert").waitFor();
    await page.getByRole("checkbox").first().check();
    await press(page, "allow");
    await link(checks, page);

    await page.goBack();
    await page.waitForSelector("a.button");
    expect(await page.locator("h1").textContent()).toBe("この手続きは終わっています");
    await page.goto(login);
    expect(await page.locator("h1").textContent()).toBe("この手続きは終わっています");
    await page.getByRole("link", { name: "「サンプル書店」に戻る" }).click();
    await page.waitForURL(`${home}/`);
  });

  it("take two clicks on a button as one", async () => {
    const page = await open(PHONE);
    const checks = await arrive(page);
    await logIn(page);
    await page.waitForSelector("fieldset");
    arrivals.length = 0;
    const before = grants();
    await page.locator("button[value=allow]").dblclick({ noWaitAfter: true });
    await link(checks, page);
    expect(grants()).toBe(before + 1);
    expect(arrivals).toHaveLength(1);

    // The same by two requests for certain, with the cookies of the browser.
    const again = await arrive(page);
    await logIn(page);
    await page.waitForSelector("fieldset");
    const form = { maxRedirects: 0, form: { decision: "allow", scope: "balance" } };
    const other = { maxRedirects: 0, form: { decision: "deny" } };
    const first = await page.request.post(page.url(), form);
    const second = await page.request.post(page.url(), other);
    expect([first.status(), second.status()]).toEqual([303, 303]);
    expect(second.headers()["location"]).toBe(first.headers()["location"]);
    await page.goto(first.headers()["location"] ?? "");
    expect((await link(again, page)).scope).toContain("balance");
  });

  it("tell who waited too long, and where to begin again", async () => {
    const page = await open(PHONE);
    await arrive(page);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * 3_600_000 });
    try {
      await logIn(page);
      expect(await page.locator("h1").textContent()).toBe("有効期限が切れました");
      expect(await page.getByRole("alert").textContent()).toContain("何も許可されていません");
      await page.getByRole("link", { name: "English" }).click();
      expect(await page.locator("h1").textContent()).toBe("This page has expired");
    } finally {
      vi.useRealTimers();
    }
  });

  it("send a customer back whose account can't be linked", async () => {
    const page = await open(PHONE);
    await arrive(page);
    await logIn(page, "jiro");
    expect(await page.getByRole("alert").textContent()).toBe("お客さまの口座は「サンプル書店」と連携できません。");
    await page.getByRole("button", { name: "「サンプル書店」に戻る" }).click();
    expect((await back(page)).get("error")).toBe("access_denied");
  });

  describeEach(["ja", "en"] as const, language => {
    it(`are accessible at every size, in ${language}`, { timeout: 300_000 }, async () => {
      const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
      const { grant_id } = await partner.link("hanako", { scope: "openid offline_access balance transactions" });
      // What is larger than a phone differs by its width only: one language shows it, and all of them whoever looks at the screenshots.
      const desktop = language === "ja" || process.env["MINNA_SCREENSHOTS"] !== undefined ? { desktop: DESKTOP } : {};
      for (const [size, options] of Object.entries({ phone: PHONE, ...desktop, narrow: NARROW })) {
        const page = await open({ ...options, locale: LOCALES[language] });
        const titles = new Set<string>();
        const look = async (name: string): Promise<void> => {
          titles.add(await page.title());
          expect(await page.locator("html").getAttribute("lang")).toBe(language);
          const what = `${name}, ${size}, ${language}`;
          if (size !== "narrow") await checkRules(page, axe, what, size === "phone" && language === "ja");
          await checkSizes(page, what);
          await shoot(page, `${name}-${size}-${language}`);
        };
        await arrive(page);
        await look("login");
        await page.locator("summary").click();
        await look("login-samples");
        await logIn(page, "hanako", "wrong");
        await look("login-error");
        await logIn(page);
        await page.waitForSelector("fieldset");
        await look("consent");
        for (const box of await page.getByRole("checkbox").all()) await box.uncheck();
        await press(page, "allow");
        await look("consent-nothing");
        await press(page, "deny");
        await back(page);
        await page.goBack();
        await look("ended");
        const merge = { grant_management_action: "merge", grant_id };
        const replace = { grant_management_action: "replace", grant_id, scope: "openid balance" };
        const consents: [string, string, Record<string, string>][] = [
          ["renewal", "hanako", merge],
          ["extension", "hanako", { ...merge, scope: "openid balance" }],
          ["replacement", "hanako", replace],
          ["grant-of-another", "reiko", merge],
          ["unlinkable", "jiro", {}],
        ];
        for (const [name, customer, parameters] of consents) {
          await arrive(page, parameters);
          await logIn(page, customer);
          await page.waitForSelector("button[value=deny]:last-of-type");
          await look(name);
          await press(page, "deny");
          await back(page);
        }
        await page.goto(`${sandbox.issuer}/authorize?client_id=unknown&response_type=code&scope=openid`);
        await look("error");
        await page.goto(`${sandbox.issuer}/interaction/unknown`);
        await look("expired");
        expect(titles.size).toBe(9);
      }
    });
  });
});

function describeEach<Value>(values: readonly Value[], define: (value: Value) => void): void {
  for (const value of values) define(value);
}

async function open(options: BrowserContextOptions): Promise<Page> {
  const context = await openBrowser(options);
  return context.pages()[0] ?? (await context.newPage());
}

/** The id of what has the focus, or what it says. */
function focused(page: Page): Promise<string> {
  return page.evaluate<string>("document.activeElement.id || document.activeElement.textContent");
}

function section(page: Page, title: string): Promise<string | null> {
  return page.locator("section", { has: page.getByRole("heading", { name: title }) }).textContent();
}

// The scripts below are text: the types of a browser are not those of Node.

/** The rules of WCAG 2.2 AA, and what is good practice; also what the checker can't decide is to be mended. */
const FINDINGS = `axe
  .run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
  .then(({ violations, incomplete }) => [...violations, ...incomplete].flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => ({ id, html, failureSummary }))))`;

/** What a finger has to hit; a check box is as large as its item. */
const SMALL_TARGETS = `[...document.querySelectorAll("a, button, summary, input")]
  .map(element => ({ text: element.id || element.textContent, element: element.closest("li:has(input)") ?? element }))
  .filter(({ element }) => element.checkVisibility())
  .map(({ text, element }) => ({ text, box: element.getBoundingClientRect() }))
  .filter(({ box }) => box.width < 44 || box.height < 44)
  .map(({ text, box }) => text + ": " + box.width + " x " + box.height)`;

const overflowAt = (zoom: string): string => `(() => {
  document.documentElement.style.fontSize = "${zoom}";
  const overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  document.documentElement.removeAttribute("style");
  return overflow;
})()`;

/** What machines can tell of accessibility; in the dark the colours alone are others. */
async function checkRules(page: Page, axe: string, what: string, inTheDarkToo: boolean): Promise<void> {
  await page.evaluate(axe);
  for (const colorScheme of inTheDarkToo ? (["dark", "light"] as const) : (["light"] as const)) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    expect(await page.evaluate(FINDINGS), `${what}, ${colorScheme}`).toEqual([]);
  }
}

async function checkSizes(page: Page, what: string): Promise<void> {
  expect(await page.evaluate(SMALL_TARGETS), `${what}: touch targets`).toEqual([]);
  for (const zoom of ["100%", "200%"]) {
    expect(await page.evaluate(overflowAt(zoom)), `${what}: wider than the window at ${zoom}`).toBe(0);
  }
}

/** For people to look at. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env["MINNA_SCREENSHOTS"];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
