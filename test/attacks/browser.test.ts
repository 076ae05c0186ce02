import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, endpointsSince, link, PROFILES } from "../support/partner.js";
import { untrusted } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

const wish = { customerId: "u-42", scopes: ["balance"] } as const;

describe.each(PROFILES)("%s: callbacks of somebody else", profile => {
  it("response-state-of-another-browser: the attacker's code is not exchanged in the victim's browser", async () => {
    const minna = connect(bank, profile);
    const attacker = await minna.links.begin(wish);
    const victim = await minna.links.begin(wish);
    const callback = await bank.approve(attacker.authorizationUrl);
    const since = bank.events.length;
    await expect(minna.links.complete(callback, victim)).rejects.toMatchObject(untrusted("state"));
    expect(endpointsSince(bank, since)).not.toContain("token");
    // The forged callback ended nobody's attempt.
    const own = await minna.links.complete(await bank.approve(victim.authorizationUrl), victim);
    expect(own.customerId).toBe("u-42");
    await minna.close();
  });

  it("response-replayed: the second callback is refused without a call", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(wish);
    const callback = await bank.approve(begun.authorizationUrl);
    await minna.links.complete(callback, begun);
    const since = bank.events.length;
    await expect(minna.links.complete(callback, begun)).rejects.toMatchObject(untrusted("transaction"));
    expect(bank.events.slice(since)).toEqual([]);
    await minna.close();
  });

  it("two callbacks at once: one code, one exchange, one link", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(wish);
    const callback = await bank.approve(begun.authorizationUrl);
    const since = bank.events.length;
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => minna.links.complete(callback, begun)));
    expect(outcomes.filter(outcome => outcome.status === "fulfilled")).toHaveLength(1);
    expect(endpointsSince(bank, since).filter(endpoint => endpoint === "token")).toHaveLength(1);
    await minna.close();
  });

  it("no cookie, or an invented one", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(wish);
    const callback = await bank.approve(begun.authorizationUrl);
    const since = bank.events.length;
    for (const transaction of [undefined, "", "invented"]) {
      await expect(minna.links.complete(callback, { transaction })).rejects.toMatchObject(untrusted("transaction"));
    }
    expect(bank.events.slice(since)).toEqual([]);
    await minna.close();
  });

  it("a callback that is no answer of a bank", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(wish);
    const since = bank.events.length;
    for (const callback of ["", "/", "/callback?utm_source=mail", "https://evil.example/?code=x", "not a url"]) {
      await expect(minna.links.complete(callback, begun)).rejects.toMatchObject({ code: "validation_failed" });
    }
    expect(bank.events.slice(since)).toEqual([]);
    await minna.close();
  });

  it("the host of the callback is not believed: redirect_uri stays the registered one", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(wish);
    const callback = new URL(await bank.approve(begun.authorizationUrl));
    callback.host = "evil.example";
    callback.pathname = "/elsewhere";
    const { status } = await minna.links.complete(callback, begun);
    expect(status).toBe("active");
    await minna.close();
  });

  it("a customer who declines: access_denied, and the transaction is spent", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(wish);
    const callback = await bank.decline(begun.authorizationUrl);
    const since = bank.events.length;
    await expect(minna.links.complete(callback, begun)).rejects.toMatchObject({
      name: "AuthorizationError",
      code: "access_denied",
    });
    await expect(minna.links.complete(callback, begun)).rejects.toMatchObject(untrusted("transaction"));
    expect(endpointsSince(bank, since)).not.toContain("token");
    await minna.close();
  });

  it("links still work after all of this", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
    await minna.close();
  });
});
