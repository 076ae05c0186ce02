/** The shop's routes, without a browser: what nobody does by hand in one. */
import { MinnaClient } from "minna-baas";
import { startSandbox } from "minna-baas/sandbox";
import { expect, it, onTestFinished } from "vitest";
import { openShop } from "../../examples/shop/shop.js";

const ORIGIN = "http://localhost:3000";

/** The shop beside a bank, and one browser: whoever logs in, its cookies stay. */
async function open() {
  const redirectUri = `${ORIGIN}/bank/callback`;
  const bank = await startSandbox({ redirectUris: [redirectUri] });
  const minna = new MinnaClient({ ...bank.client("fapi2-security"), redirectUri });
  const { app } = openShop({ minna, origin: ORIGIN, log: () => {} });
  onTestFinished(async () => {
    await app.close();
    await minna.close();
    await bank.close();
  });
  const jar = new Map<string, string>();
  const ask = async (method: "GET" | "POST", url: string, form?: Record<string, string>) => {
    const answer = await app.inject({
      method,
      url,
      cookies: Object.fromEntries(jar),
      headers: { origin: ORIGIN, ...(form && { "content-type": "application/x-www-form-urlencoded" }) },
      ...(form && { payload: new URLSearchParams(form).toString() }),
    });
    for (const { name, value } of answer.cookies) value === "" ? jar.delete(name) : jar.set(name, value);
    return answer;
  };
  const logIn = (customer: string) => ask("POST", "/login", { customer });
  /** Begins a link as who is logged in, and returns the callback that the bank leads to. */
  const consent = async (customer: string) => {
    const authorizationUrl = String((await ask("GET", "/bank/link")).headers.location);
    const { pathname, search } = new URL(await bank.approve(authorizationUrl, { customer }));
    return pathname + search;
  };
  const linksOf = async (customerId: string) => {
    const ids: string[] = [];
    for await (const { id, status } of minna.links.list({ customerId })) if (status === "active") ids.push(id);
    return ids;
  };
  return { app, minna, ask, logIn, consent, linksOf };
}

it("links nothing that another customer of the shop began, and leaves a link that they renewed: their debits are asked for with it", async () => {
  const { minna, ask, logIn, consent, linksOf } = await open();
  await logIn("shop-1001");
  const foreign = await consent("saburo");
  await logIn("shop-1002");
  expect((await ask("GET", foreign)).statusCode).toBe(403);
  expect(await linksOf("shop-1001")).toEqual([]);

  await logIn("shop-1001");
  await ask("GET", await consent("saburo"));
  const [id = ""] = await linksOf("shop-1001");
  const { debitId } = await minna.link(id).debits.create({ reference: "order-1", amount: 300, description: "ﾎﾝ" });
  // The link was made in an earlier second than the one in which it is renewed.
  const { createdAt } = await minna.links.get(id);
  await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(createdAt) + 1000);
  const renewal = await consent("saburo");
  await logIn("shop-1002");
  const refused = await ask("GET", renewal);
  expect(refused.statusCode).toBe(403);
  expect(refused.body).not.toContain("取り消し");
  expect(await linksOf("shop-1001")).toEqual([id]);
  expect(await linksOf("shop-1002")).toEqual([]);
  await expect(minna.link(id).debits.get(debitId)).resolves.toMatchObject({ debitId });
});

it.each([
  ["/account", "/account"],
  ["//elsewhere.example/", "/"],
  ["/..//elsewhere.example/", "/"],
  ["/\\elsewhere.example/", "/"],
  ["https://elsewhere.example/account", "/"],
  ["http://[", "/"],
])("leads from switching the language back to %s as %s", async (back, location) => {
  const { ask } = await open();
  const answer = await ask("POST", "/language", { language: "en", back });
  expect([answer.statusCode, answer.headers.location]).toEqual([303, location]);
});

it.each([
  ["en-GB,en;q=0.9,ja;q=0.8", undefined, "en"],
  ["ja,en;q=0.9", undefined, "ja"],
  ["ko", undefined, "ja"],
  ["en", "ja", "ja"],
  ["ja", "en", "en"],
])(
  "speaks the language of a browser that prefers %s, or the one that was chosen (%s)",
  async (preferred, chosen, lang) => {
    const { app } = await open();
    const cookies = chosen === undefined ? {} : { language: chosen };
    const page = await app.inject({ method: "GET", url: "/", cookies, headers: { "accept-language": preferred } });
    expect(page.body).toContain(`<html lang="${lang}">`);
  },
);
