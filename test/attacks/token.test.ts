import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";
import { expectAccepted, expectStop, untrusted } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(PROFILES)("%s: the answer of the token endpoint", profile => {
  it("token-type-dpop", () => expectStop(bank, profile, "token-type-dpop", "token", untrusted("token_type")));
  it("token-response-html", () => expectStop(bank, profile, "token-response-html", "token", untrusted("body")));
  it("token-response-huge", () => expectStop(bank, profile, "token-response-huge", "token", untrusted("size")));
  it("token-endpoint-redirect", () =>
    expectStop(bank, profile, "token-endpoint-redirect", "token", untrusted("redirect")));
  it("token-type-case is accepted", () => expectAccepted(bank, profile, "token-type-case"));
  it("token-no-expires-in is accepted", () => expectAccepted(bank, profile, "token-no-expires-in"));
  it("token-no-scope means as requested", () => expectAccepted(bank, profile, "token-no-scope"));

  it("token-scope-narrowed is reported, and what was not granted is not called", async () => {
    const minna = connect(bank, profile);
    const { authorizationUrl, transaction } = await minna.links.begin({
      customerId: "u-42",
      scopes: ["balance", "debit"],
    });
    const callback = await bank.approve(authorizationUrl, { scopes: ["openid", "offline_access", "balance"] });
    const info = await minna.links.complete(callback, { transaction });
    expect(info).toMatchObject({ scopes: ["balance"], refusedScopes: ["debit"] });
    const since = bank.events.length;
    const order = { reference: `narrowed-${profile}`, amount: 1, description: "ﾎﾝ" };
    await expect(minna.link(info.id).debits.create(order)).rejects.toMatchObject({
      name: "LinkError",
      code: "scope_missing",
    });
    expect(bank.events.slice(since)).toEqual([]);
    await minna.close();
  });

  it("token-bound-to-another-certificate: the bank's API refuses it, and the link needs the customer", async () => {
    const minna = connect(bank, profile);
    bank.faults.on("token-bound-to-another-certificate");
    try {
      const { id } = await link(bank, minna);
      await expect(minna.link(id).accounts.list()).rejects.toMatchObject({
        name: "LinkError",
        code: "reauthorization_required",
      });
    } finally {
      bank.faults.off();
      await minna.close();
    }
  });

  it("id-token-sub-changed-on-refresh", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    bank.faults.on("id-token-sub-changed-on-refresh");
    bank.faults.on("api-token-rejected-once");
    try {
      await expect(minna.link(id).accounts.list()).rejects.toMatchObject(untrusted("sub"));
    } finally {
      bank.faults.off();
      await minna.close();
    }
  });
});
