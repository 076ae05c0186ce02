import type { IncomingMessage } from "node:http";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { consentPage } from "../../src/sandbox/pages/consent.js";
import { endedPage, errorPage, unlinkablePage } from "../../src/sandbox/pages/ending.js";
import { viewOf } from "../../src/sandbox/pages/language.js";
import { loginPage } from "../../src/sandbox/pages/login.js";
import { Partner } from "./partner.js";

interface Shown {
  readonly status: number;
  readonly html: string;
  readonly headers: Record<string, string | string[] | undefined>;
}

describe("the pages", () => {
  let sandbox: Sandbox;
  let partner: Partner;
  let browser: Agent;
  beforeAll(async () => {
    sandbox = await startSandbox({ now: () => Date.parse("2026-11-22T03:00:00Z") });
    partner = new Partner(sandbox, "fapi2-security");
    browser = new Agent({ connect: { ca: sandbox.ca } });
  });
  afterAll(async () => {
    await Promise.all([partner.close(), browser.destroy()]);
    await sandbox.close();
  });

  /** Follows redirects with a jar of its own, as far as a page. */
  const visit = (): ((url: string, form?: string) => Promise<Shown>) => {
    const jar = new Map<string, string>();
    const open = async (url: string, form?: string): Promise<Shown> => {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { cookie, "content-type": "application/x-www-form-urlencoded" };
      const method = form === undefined ? "GET" : "POST";
      const reply = await request(url, { dispatcher: browser, method, headers, body: form ?? null });
      for (const line of [reply.headers["set-cookie"] ?? []].flat()) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        expect(line).toMatch(/httponly/i);
        expect(line).toMatch(/secure/i);
        if (value !== "") jar.set(name, value);
      }
      const html = await reply.body.text();
      const location = reply.headers["location"];
      if (String(location).startsWith("https://partner.example/"))
        return { status: 200, html: "at the partner", headers };
      if (location !== undefined) return open(new URL(String(location), url).href);
      return { status: reply.statusCode, html, headers: reply.headers };
    };
    return open;
  };

  it("ask for the login, then for each permission in words, until a day in Tokyo", async () => {
    const open = visit();
    const login = await open((await partner.begin({ scope: "openid balance debit" })).url.href);
    expect(login.html).toContain('<html lang="ja">');
    expect(login.html).toContain('name="viewport"');
    expect(login.html).toMatch(/<label for="customer">/);
    expect(login.html).toMatch(/<label for="password">/);
    expect(login.html).toContain("sandbox-hanako");
    const action = new URL(/action="([^"]+)"/.exec(login.html)?.[1] ?? "", sandbox.issuer).href;

    const wrong = await open(action, "customer=hanako&password=guess");
    expect(wrong.status).toBe(401);
    expect(wrong.html).toContain('role="alert"');

    const consent = await open(action, "customer=hanako&password=sandbox-hanako");
    expect(consent.html).toContain("サンプル書店");
    expect(words(consent.html)).toContain("見本 花子 さま");
    expect(consent.html).toContain("残高照会");
    expect(consent.html).toContain("口座振替");
    expect(consent.html).not.toContain("本人確認");
    expect(words(consent.html)).toContain("2027年11月22日まで");
    expect(consent.html).toMatch(/value="allow">許可する</);
    expect(consent.html).toMatch(/value="deny">許可しない</);
    expect(consent.html).toContain('name="scope" value="debit" checked');
    expect(words(consent.html)).toContain("partner.example に戻ります");

    // A login is for one authorization: the next one asks again, and may be another customer's.
    const decision = new URL(/action="([^"]+)"/.exec(consent.html)?.[1] ?? "", sandbox.issuer).href;
    const callback = await open(decision, "decision=allow&scope=balance");
    expect(callback.html).toBe("at the partner");
    const next = await open((await partner.begin()).url.href);
    expect(next.html).toMatch(/<label for="password">/);
  });

  it("load nothing from elsewhere, run no script, and are framed by nobody", async () => {
    const page = await visit()((await partner.begin()).url.href);
    const policy = String(page.headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    // Browsers hold the redirects after a form to form-action: without the partner, the customer would not get back.
    expect(policy).toContain("form-action 'self' https://partner.example");
    expect(page.headers["cache-control"]).toBe("no-store");
    expect(page.html).not.toMatch(/<script|https?:\/\//);
  });

  it("of an error say it in Japanese, and what it is", async () => {
    const page = await visit()(`${sandbox.issuer}/authorize?client_id=unknown&scope=%3Cb%3E`);
    expect(page.status).toBe(400);
    expect(page.html).toContain("手続きを続けられません");
    expect(page.html).toContain("invalid_client");
    const lost = await visit()(`${sandbox.issuer}/interaction/unknown`);
    expect([lost.status, lost.html.includes("session_not_found")]).toEqual([400, true]);
  });

  it("are in the language that is chosen, asked for or preferred, in this order; else in Japanese", () => {
    const languageOf = (url: string, headers: Record<string, string>, uiLocales?: string) =>
      viewOf({ url, method: "GET", headers } as unknown as IncomingMessage, uiLocales).language;
    const english = { "accept-language": "en" };
    expect(languageOf("/interaction/1", {})).toBe("ja");
    expect(languageOf("/interaction/1", { "accept-language": "fr, *;q=0.5" })).toBe("ja");
    expect(languageOf("/interaction/1", { "accept-language": "ja;q=0.8, en-GB;q=0.9" })).toBe("en");
    expect(languageOf("/interaction/1", { "accept-language": "en;q=0, ja;q=0.1" })).toBe("ja");
    expect(languageOf("/interaction/1", english, "fr ja-JP en")).toBe("ja");
    expect(languageOf("/interaction/1", { cookie: "a=1; minna_bank_language=en" }, "ja")).toBe("en");
    expect(languageOf("/interaction/1?lang=ja", { ...english, cookie: "minna_bank_language=en" })).toBe("ja");
    expect(languageOf("/interaction/1?lang=%3Cscript%3E", english)).toBe("en");
  });

  it("link to themselves in the other language, and to nothing else", async () => {
    const page = await visit()(`${sandbox.issuer}//evil.example/authorize?lang=en`);
    expect(page.html).not.toContain('href="//');
    const error = await visit()(`${sandbox.issuer}/authorize?client_id=%22%3E%3Cscript%3E&lang=en&x=//evil.example`);
    expect(error.html).toContain('<html lang="en">');
    expect(error.html).toContain('href="?client_id=%22%3E%3Cscript%3E&amp;x=%2F%2Fevil.example&amp;lang=ja"');
    expect(error.html).not.toContain("<script");
  });

  it("let nobody grant nothing", async () => {
    const { url } = await partner.begin();
    await expect(sandbox.approve(url, { scopes: [] })).rejects.toThrow("許可する内容を1つ以上選んでください");
  });

  it("escape what they are told", () => {
    const evil = `"><img src=x onerror='1'>&`;
    const customer = { id: evil, password: evil, name: evil, note: evil, accounts: [] };
    const party = { partner: evil, site: evil, action: evil };
    const consent = { ...party, customer: evil, accounts: [], scopes: [evil], technical: [evil], until: "2027-01-01" };
    const earlier = { action: "merge", scopes: [evil], until: "2027-01-01" } as const;
    for (const language of ["ja", "en"] as const) {
      const view = { language, query: evil };
      const pages = [
        loginPage(view, { ...party, customers: [customer], rejected: evil }),
        consentPage(view, consent),
        consentPage(view, { ...consent, earlier }),
        unlinkablePage(view, { ...party, why: "grant" }),
        endedPage(view, { partner: evil, origin: evil }),
        errorPage(view, evil, evil),
      ];
      for (const page of pages) {
        expect(page).toContain("&quot;&gt;&lt;img src=x onerror=&#39;1&#39;&gt;&amp;");
        expect(page).not.toContain("<img");
      }
    }
  });
});

/** What a page says, without its markup. */
function words(html: string): string {
  return html.replace(/<[^>]*>/g, "");
}
