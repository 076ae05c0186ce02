import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Link, MemoryStore, MinnaClient, type MinnaClientOptions, type ProfileOptions } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { endpointsSince, link } from "../support/partner.js";

const HOUR = 60 * 60 * 1000;

let bank: Sandbox;
let elsewhere: Sandbox;
let store: MemoryStore;
let open: MinnaClient[];
beforeAll(async () => {
  [bank, elsewhere] = await Promise.all([startSandbox(), startSandbox()]);
});
beforeEach(() => {
  store = new MemoryStore();
  open = [];
  return async () => {
    vi.useRealTimers();
    for (const one of [bank, elsewhere]) one.faults.off();
    await Promise.all(open.map(minna => minna.close()));
  };
});
afterAll(async () => {
  await bank.close();
  await elsewhere.close();
});

/** A partner's process, as it is deployed with these options. */
function deploy(options: MinnaClientOptions): MinnaClient {
  const minna = new MinnaClient({ ...options, store });
  open.push(minna);
  return minna;
}

let number = 0;
async function charge(handle: Link): Promise<string> {
  const reference = `order-${++number}`;
  const debit = await handle.debits.create({ reference, amount: 300, description: "ﾎﾝ" });
  expect(debit.status).toBe("succeeded");
  return reference;
}

async function renew(at: Sandbox, minna: MinnaClient, id: string): Promise<void> {
  const { authorizationUrl, transaction } = await minna.links.begin({
    customerId: "u-42",
    scopes: ["debit"],
    link: id,
  });
  const renewed = await minna.links.complete(await at.approve(authorizationUrl), { transaction });
  expect(renewed.id).toBe(id);
}

/** Who asked the bank's API for debits since then. */
function payersSince(at: Sandbox, since: number): (string | undefined)[] {
  return at.events
    .slice(since)
    .filter(({ path, method }) => method === "POST" && path.endsWith("/direct-debits"))
    .map(({ clientId }) => clientId);
}

const moneyMoved = (at: Sandbox, reference: string) =>
  at.ledger.entries.filter(entry => entry.partnerTransactionId === reference).length;

describe.each(["fapi2-security", "fapi2-message-signing"] as const)("from FAPI 1.0 to %s", profile => {
  it("as another client of the same issuer: charged, charged again, renewed, charged again", async () => {
    const before = bank.client("fapi1-advanced");
    const after = bank.client(profile);
    const first = deploy(before);
    const { id } = await link(bank, first, ["balance", "debit"]);
    await charge(first.link(id));

    const second = deploy({ ...after, previous: before });
    let since = bank.events.length;
    await charge(second.link(id));
    expect(payersSince(bank, since)).toEqual([before.clientId]);
    expect(await second.links.get(id)).toMatchObject({ profile: "fapi1-advanced" });

    await renew(bank, second, id);
    since = bank.events.length;
    await charge(second.link(id));
    expect(payersSince(bank, since)).toEqual([after.clientId]);
    expect(await second.links.get(id)).toMatchObject({ profile, scopes: ["balance", "debit"] });

    // Once nothing is left behind, the old configuration can go: after a day, when no debit can need it any more.
    const { current, previous } = await second.links.migration();
    expect([current, ...previous]).toMatchObject([
      { links: 1, kept: 0 },
      { links: 0, kept: 1 },
    ]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 26 * HOUR });
    since = bank.events.length;
    for await (const one of second.debits.recover()) expect(one).toBeUndefined();
    vi.useRealTimers();
    expect(endpointsSince(bank, since).filter(name => name === "revocation")).toHaveLength(2);
    expect((await second.links.migration()).previous).toMatchObject([{ links: 0, kept: 0 }]);
    await charge(deploy(after).link(id));
  });

  it("as the same client with changed settings: charged, charged again, renewed, charged again", async () => {
    await using own = await startSandbox();
    const before = own.client("fapi1-advanced");
    const first = deploy(before);
    const { id, grantId } = await link(own, first, ["balance", "debit"]);
    await charge(first.link(id));

    const after = own.reregister("fapi1-advanced", profile) as MinnaClientOptions;
    for (const second of [deploy({ ...after, previous: before } as MinnaClientOptions), deploy(after)]) {
      await charge(second.link(id));
      await renew(own, second, id);
      await charge(second.link(id));
      // The same client: the grant is merged, and stays.
      expect(await second.links.get(id)).toMatchObject({ profile, grantId });
    }
  });

  it("at a new issuer: charged, charged again, renewed, charged again", async () => {
    const before = bank.client("fapi1-advanced");
    const after = elsewhere.client(profile);
    const first = deploy(before);
    const { id } = await link(bank, first, ["debit"]);
    await charge(first.link(id));

    const second = deploy({ ...after, previous: before });
    const old = await charge(second.link(id));
    await renew(elsewhere, second, id);
    const fresh = await charge(second.link(id));
    expect([moneyMoved(bank, old), moneyMoved(elsewhere, old)]).toEqual([1, 0]);
    expect([moneyMoved(bank, fresh), moneyMoved(elsewhere, fresh)]).toEqual([0, 1]);
    expect(await second.link(id).grant.status()).toMatchObject({ status: "active" });
  });

  it("as the same client, by the line with the profile alone: an old link is charged, renewed, charged again", async () => {
    await using own = await startSandbox();
    const before = own.client("fapi1-advanced");
    const { id, grantId } = await link(own, deploy(before), ["balance", "debit"]);
    own.reregister("fapi1-advanced", profile);

    const minna = deploy({ ...before, profile } as MinnaClientOptions);
    const since = own.events.length;
    const reference = await charge(minna.link(id));
    expect(moneyMoved(own, reference)).toBe(1);
    expect(payersSince(own, since)).toEqual([before.clientId]);
    expect(await minna.links.get(id)).toMatchObject({ profile: "fapi1-advanced" });
    await renew(own, minna, id);
    await charge(minna.link(id));
    expect(await minna.links.get(id)).toMatchObject({ profile, grantId });
  });
});

describe("while links move", () => {
  const options = (more: Partial<MinnaClientOptions> = {}) =>
    ({ ...bank.client("fapi2-security"), previous: bank.client("fapi1-advanced"), ...more }) as MinnaClientOptions;
  const old = () => deploy(bank.client("fapi1-advanced"));

  it("an authorization that began before the deploy is completed after it", async () => {
    const { authorizationUrl, transaction } = await old().links.begin({ customerId: "u-42", scopes: ["debit"] });
    const callback = await bank.approve(authorizationUrl);
    const linked = await deploy(options()).links.complete(callback, { transaction });
    expect(linked.profile).toBe("fapi1-advanced");
  });

  it("an authorization of a client that is configured no more is refused, and not used up", async () => {
    const { authorizationUrl, transaction } = await old().links.begin({ customerId: "u-42", scopes: ["debit"] });
    const callback = await bank.approve(authorizationUrl);
    const without = deploy(bank.client("fapi2-security"));
    await expect(without.links.complete(callback, { transaction })).rejects.toMatchObject({ check: "transaction" });
    await expect(old().links.complete(callback, { transaction })).resolves.toMatchObject({ customerId: "u-42" });
  });

  it("another process, which has the link at hand as it was, follows it", async () => {
    const first = old();
    const { id } = await link(bank, first, ["debit"]);
    const [one, two] = [deploy(options()), deploy(options())];
    await charge(two.link(id));
    await renew(bank, one, id);
    const since = bank.events.length;
    await charge(two.link(id));
    expect(payersSince(bank, since).at(-1)).toBe(bank.client("fapi2-security").clientId);
    expect((await two.link(id).accounts.list()).length).toBe(2);
  });

  it("a link of a configuration that is there no more says so, and its tokens go nowhere", async () => {
    const { id } = await link(bank, old(), ["debit"]);
    const since = elsewhere.events.length;
    const stranger = deploy(elsewhere.client("fapi2-security"));
    await expect(stranger.link(id).accounts.list()).rejects.toMatchObject({ code: "link_elsewhere", linkId: id });
    expect(endpointsSince(elsewhere, since)).toEqual([]);
    expect(await stranger.links.migration()).toMatchObject({ current: { links: 0 }, elsewhere: 1 });
  });

  it("a share of the customers goes first, each always to the same side, and back again", async () => {
    const profileOf = async (minna: MinnaClient, customerId: string) => {
      const { authorizationUrl, transaction } = await minna.links.begin({ customerId, scopes: ["debit"] });
      return minna.links.complete(await bank.approve(authorizationUrl), { transaction });
    };
    const customers = ["u-1", "u-2", "u-3", "u-4", "u-5", "u-6"];
    const canary = deploy(options({ canary: 0.5 }));
    const made = await Promise.all(customers.map(async id => [id, await profileOf(canary, id)] as const));
    const moved = made.filter(([, { profile }]) => profile === "fapi2-security");
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.length).toBeLessThan(customers.length);
    for (const [id, { profile }] of made) expect((await profileOf(canary, id)).profile).toBe(profile);

    const undone = deploy(options({ canary: 0 }));
    for (const [id, { id: linkId }] of moved) {
      expect((await profileOf(undone, id)).profile).toBe("fapi1-advanced");
      // What has moved goes on working.
      await charge(undone.link(linkId));
    }
    // Undone for good: the sides change places.
    const back = deploy({ ...bank.client("fapi1-advanced"), previous: bank.client("fapi2-security") });
    for (const [, { id }] of made) await charge(back.link(id));
  });

  /** A link that has moved, with a debit whose answer was lost before it did. */
  async function movedInDoubt() {
    const { id } = await link(bank, old(), ["debit"]);
    const minna = deploy(options());
    const wanted = { reference: `order-${++number}`, amount: 300, description: "ﾎﾝ" };
    // Made, and the answer is lost each time that the partner asks.
    bank.faults.on("debit-commit-then-drop", { times: 1 });
    bank.faults.on("api-503-maintenance");
    await expect(minna.link(id).debits.create(wanted)).rejects.toMatchObject({ code: "debit_outcome_unknown" });
    bank.faults.off();
    await renew(bank, minna, id);
    return { id, minna, wanted };
  }

  it("a debit whose answer was lost before the link moved is settled after it, and moves money once", async () => {
    const { id, minna, wanted } = await movedInDoubt();
    const found = [];
    for await (const one of minna.debits.recover()) found.push(one);
    expect(found).toMatchObject([
      { reference: wanted.reference, linkId: id, outcome: "settled", debit: { status: "succeeded" } },
    ]);
    expect(await minna.link(id).debits.create(wanted)).toMatchObject({ status: "succeeded" });
    expect(moneyMoved(bank, wanted.reference)).toBe(1);
    // What the link was ends with it.
    const since = bank.events.length;
    await minna.link(id).grant.revoke();
    const revoked = bank.events.slice(since).filter(({ endpoint }) => endpoint === "revocation");
    expect(revoked.map(({ clientId }) => clientId)).toContain(bank.client("fapi1-advanced").clientId);
    expect((await minna.links.migration()).previous).toMatchObject([{ kept: 0 }]);
  });

  it("a debit that never reached the bank before the link moved is sent as the old client, under its one key", async () => {
    const { id } = await link(bank, old(), ["debit"]);
    const minna = deploy(options());
    const wanted = { reference: `order-${++number}`, amount: 300, description: "ﾎﾝ" };
    bank.faults.on("debit-drop-before-commit");
    await expect(minna.link(id).debits.create(wanted)).rejects.toMatchObject({ code: "debit_outcome_unknown" });
    bank.faults.off();
    await renew(bank, minna, id);
    const since = bank.events.length;
    expect(await minna.link(id).debits.create(wanted)).toMatchObject({ status: "succeeded" });
    expect(payersSince(bank, since)).toEqual([bank.client("fapi1-advanced").clientId]);
    expect(moneyMoved(bank, wanted.reference)).toBe(1);
    for await (const one of minna.debits.pending()) expect(one).toBeUndefined();
  });

  it("a debit in doubt keeps what the link was for longer than a day", async () => {
    const { minna, wanted } = await movedInDoubt();
    bank.faults.on("api-503-maintenance");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 26 * HOUR });
    for await (const { outcome } of minna.debits.recover({ timeout: 1000 })) expect(outcome).toBe("unknown");
    bank.faults.off();
    expect((await minna.links.migration()).previous).toMatchObject([{ kept: 1 }]);
    vi.useRealTimers();
    for await (const one of minna.debits.recover()) {
      expect(one).toMatchObject({ reference: wanted.reference, outcome: "settled" });
    }
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 26 * HOUR });
    for await (const one of minna.debits.recover()) expect(one).toBeUndefined();
    vi.useRealTimers();
    expect((await minna.links.migration()).previous).toMatchObject([{ kept: 0 }]);
  });

  it("a copy for a move that a crash prevented goes in time, and leaves the link its tokens", async () => {
    const minna = deploy(options());
    const { id } = await link(bank, old(), ["debit"]);
    const record = JSON.parse((await store.get(`link:${id}`))?.value ?? "");
    const since = Date.now() - 26 * HOUR;
    const copy = { ...record, id: "lnk_copy", formerOf: id, formerSince: since };
    const labels = { former: new Date(since).toISOString() };
    await store.put("link:lnk_copy", JSON.stringify(copy), { version: 0, labels });
    // By then the link has other access tokens, and the same refresh token.
    bank.faults.on("api-token-rejected-once", { times: 1 });
    await minna.link(id).accounts.list();
    expect((await minna.links.migration()).previous).toMatchObject([{ links: 1, kept: 1 }]);
    for await (const one of minna.debits.recover()) expect(one).toBeUndefined();
    expect((await minna.links.migration()).previous).toMatchObject([{ links: 1, kept: 0 }]);
    bank.faults.on("api-token-rejected-once", { times: 1 });
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
  });

  it("a debit that was made before the link moved is found after it, by reference and by id", async () => {
    const after = { ...elsewhere.client("fapi2-security"), previous: bank.client("fapi1-advanced") };
    const { id } = await link(bank, old(), ["debit"]);
    const minna = deploy(after);
    const wanted = { reference: `order-${++number}`, amount: 300, description: "ﾎﾝ" };
    const { debitId } = await minna.link(id).debits.create(wanted);
    await renew(elsewhere, minna, id);
    expect(await minna.link(id).debits.find(wanted.reference)).toMatchObject({ debitId, status: "succeeded" });
    expect(await minna.link(id).debits.get(debitId)).toMatchObject({ debitId, status: "succeeded" });
    expect(await minna.link(id).debits.find("order-of-nobody")).toBeUndefined();
    // And when what the link was is kept no more, what the bank said last is still known.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 26 * HOUR });
    for await (const one of minna.debits.recover()) expect(one).toBeUndefined();
    vi.useRealTimers();
    expect(await minna.link(id).debits.find(wanted.reference)).toMatchObject({ debitId, status: "succeeded" });
  });

  it("the links of both are listed, and those that end soon are found at both", async () => {
    await link(bank, old(), ["debit"]);
    const minna = deploy(options());
    await link(bank, minna, ["debit"]);
    const listed = [];
    for await (const { profile } of minna.links.list({ customerId: "u-42" })) listed.push(profile);
    expect(listed.sort()).toEqual(["fapi1-advanced", "fapi2-security"]);
    const ending = [];
    for await (const { expired } of minna.links.expiring({ within: 400 })) ending.push(expired);
    expect(ending).toEqual([false, false]);
  });

  it("the report says when the old version ends", async () => {
    const previous: ProfileOptions = { ...bank.client("fapi1-advanced"), announcedIn: "2096-03" };
    await link(bank, old(), ["debit"]);
    const { previous: left } = await deploy(options({ previous })).links.migration();
    expect(left).toMatchObject([{ profile: "fapi1-advanced", links: 1, endsOn: "2097-03-31" }]);
    expect(left[0]?.daysLeft).toBeGreaterThan(10_000);
  });

  it("a certificate that both have in common changes for both, wherever the old one got it from", async () => {
    const { certificate, ...before } = bank.client("fapi1-advanced");
    const shared = { ...certificate };
    const { id } = await link(bank, old(), ["debit"]);
    const newer = () => ({ ...bank.issueCertificate({ commonName: "shared" }), ca: certificate.ca });
    let loaded = shared as { cert: string; key: string; ca: string };
    const minna = deploy(
      options({
        certificate: () => loaded,
        previous: { ...before, certificate: shared },
      } as Partial<MinnaClientOptions>),
    );
    // The old registration's rooms are used, so that there is a certificate in use.
    await minna.link(id).accounts.list();
    const { thumbprint } = await minna.rotateCertificate();
    loaded = newer();
    const rotated = await minna.rotateCertificate();
    expect(rotated).toMatchObject({ changed: true });
    expect(rotated.thumbprint).not.toBe(thumbprint);
    const since = bank.events.length;
    // The bank does not know the new one: what matters here is that it was shown.
    await minna
      .link(id)
      .accounts.list()
      .catch(() => {});
    const shown = bank.events.slice(since).flatMap(event => event.certificate ?? []);
    expect(shown.length).toBeGreaterThan(0);
    expect(new Set(shown)).toEqual(new Set([rotated.thumbprint]));
  });
});
