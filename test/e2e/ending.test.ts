import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryStore } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, endpointsSince, link, PROFILES } from "../support/partner.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(PROFILES)("%s", profile => {
  it("grant.revoke() releases the grant and revokes both tokens: nothing usable is left behind", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    expect(await minna.link(id).grant.introspect()).toMatchObject({ active: true });
    const since = bank.events.length;
    await minna.link(id).grant.revoke();
    expect(endpointsSince(bank, since)).toEqual(["grant", "revocation", "revocation"]);
    expect(bank.events.slice(since).map(event => event.status)).toEqual([204, 200, 200]);
    await minna.close();
  });

  it("links.end() releases the grant and forgets the link; what is known of its debits stays known", async () => {
    const store = new MemoryStore();
    const minna = connect(bank, profile, { store });
    const { id } = await link(bank, minna);
    const order = { reference: `ended-${profile}`, amount: 10, description: "ﾎﾝ" };
    const debit = await minna.link(id).debits.create(order);
    await minna.links.end(id);
    await expect(minna.links.get(id)).rejects.toMatchObject({ name: "LinkError", code: "link_unknown" });
    await expect(minna.link(id).accounts.list()).rejects.toMatchObject({ code: "link_unknown" });
    await expect(minna.links.end(id)).rejects.toMatchObject({ code: "link_unknown" });
    expect((await minna.link(id).debits.create(order)).debitId).toBe(debit.debitId);
    await minna.close();
  });

  it("links.end() forgets a link that the bank ended before, and keeps one when the bank can't be told", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    await minna.link(id).grant.revoke();
    await minna.links.end(id);
    await expect(minna.links.get(id)).rejects.toMatchObject({ code: "link_unknown" });

    const other = await link(bank, minna);
    await expect(minna.links.end(other.id, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
    expect((await minna.links.get(other.id)).status).toBe("active");
    await minna.links.end(other.id);
    await minna.close();
  });

  it("identity.userInfo() is about the customer of the link", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    const info = await minna.link(id).identity.userInfo();
    expect(info.sub).toMatch(/.+/);
    await minna.close();
  });
});
