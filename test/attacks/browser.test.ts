import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, endpointsSince, link, PROFILES } from "../support/partner.js";
import { committing, expectRefused, titled, untrusted, WAYS, WISH } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(titled(WAYS))("%s: responses to somebody else", (_, { profile, more }) => {
  const keys = profile === "fapi2-security" ? [] : ["jwks"];

  it("response-state-of-another-browser: the attacker's response is not taken from the victim's browser", async () => {
    const minna = connect(bank, profile, more);
    const attacker = await minna.links.begin(WISH);
    const victim = await minna.links.begin(WISH);
    await bank.approve(attacker.authorizationUrl);
    await committing(bank, ["response-state-of-another-browser"], async () => {
      const callback = await bank.approve(victim.authorizationUrl);
      await expectRefused(bank, untrusted("state"), keys, () => minna.links.complete(callback, victim));
    });
    await minna.close();
  });

  it("response-state-of-another-browser: the forged callback ends nobody's attempt", async () => {
    const minna = connect(bank, profile, more);
    const attacker = await minna.links.begin(WISH);
    const victim = await minna.links.begin(WISH);
    const forged = await bank.approve(attacker.authorizationUrl);
    await expectRefused(bank, untrusted("state"), keys, () => minna.links.complete(forged, victim));
    const own = await minna.links.complete(await bank.approve(victim.authorizationUrl), victim);
    expect(own.customerId).toBe(WISH.customerId);
    await minna.close();
  });

  it("response-replayed: a response that made a link makes no second one", async () => {
    const minna = connect(bank, profile, more);
    const first = await minna.links.begin(WISH);
    const response = await bank.approve(first.authorizationUrl);
    await minna.links.complete(response, first);
    await expectRefused(bank, untrusted("transaction"), [], () => minna.links.complete(response, first));
    const second = await minna.links.begin(WISH);
    await committing(bank, ["response-replayed"], async () => {
      const replayed = await bank.approve(second.authorizationUrl);
      expect(replayed).toBe(response);
      await expectRefused(bank, untrusted("state"), [], () => minna.links.complete(replayed, second));
    });
    await minna.close();
  });
});

describe.each(PROFILES)("%s: callbacks of somebody else", profile => {
  it("two callbacks at once: one code, one exchange, one link", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(WISH);
    const callback = await bank.approve(begun.authorizationUrl);
    const since = bank.events.length;
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => minna.links.complete(callback, begun)));
    expect(outcomes.filter(outcome => outcome.status === "fulfilled")).toHaveLength(1);
    expect(endpointsSince(bank, since).filter(endpoint => endpoint === "token")).toHaveLength(1);
    await minna.close();
  });

  it("no cookie, or an invented one", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(WISH);
    const callback = await bank.approve(begun.authorizationUrl);
    for (const transaction of [undefined, "", "invented"]) {
      await expectRefused(bank, untrusted("transaction"), [], () => minna.links.complete(callback, { transaction }));
    }
    await minna.close();
  });

  it("a callback that is no answer of a bank", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(WISH);
    const check = profile === "fapi2-security" ? "iss" : "response_mode";
    for (const callback of ["", "/", "/callback?utm_source=mail", "https://evil.example/?code=x", "not a url"]) {
      await expectRefused(bank, untrusted(check), [], () => minna.links.complete(callback, begun));
    }
    await minna.close();
  });

  it("the host of the callback is not believed: redirect_uri stays the registered one", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(WISH);
    const callback = new URL(await bank.approve(begun.authorizationUrl));
    callback.host = "evil.example";
    callback.pathname = "/elsewhere";
    const { status } = await minna.links.complete(callback, begun);
    expect(status).toBe("active");
    await minna.close();
  });

  it("a customer who declines: access_denied, and the transaction is spent", async () => {
    const minna = connect(bank, profile);
    const begun = await minna.links.begin(WISH);
    const callback = await bank.decline(begun.authorizationUrl);
    const declined = { name: "AuthorizationError", code: "access_denied" };
    // The keys of the ID Token are at hand before anything is spent.
    await expectRefused(bank, declined, ["jwks"], () => minna.links.complete(callback, begun));
    await expectRefused(bank, untrusted("transaction"), [], () => minna.links.complete(callback, begun));
    await minna.close();
  });

  it("links still work after all of this", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
    await minna.close();
  });
});
