import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type ExpiringLink,
  type LinkInfo,
  MemoryStore,
  type MinnaClient,
  type Scope,
  type WithInteractionId,
} from "../../src/index.js";
import { readLink, writeLink } from "../../src/links/record.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";

const DAY = 86_400_000;

let bank: Sandbox;
let store: MemoryStore;
beforeEach(async () => {
  bank = await startSandbox({ grantDays: 10 });
  store = new MemoryStore();
});
afterEach(async () => {
  vi.useRealTimers();
  await bank.close();
});

async function renew(
  minna: MinnaClient,
  id: string,
  scopes: readonly Scope[],
  customer?: string,
): Promise<WithInteractionId<LinkInfo>> {
  const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes, link: id });
  const callback = await bank.approve(authorizationUrl, customer === undefined ? {} : { customer });
  return minna.links.complete(callback, { transaction });
}

/** The link as the store has it. */
async function kept(id: string): Promise<{ grantId?: string; tokens: { accessToken: string; refreshToken: string } }> {
  return JSON.parse((await store.get(`link:${id}`))?.value ?? "null");
}

async function change(id: string, changes: object): Promise<void> {
  const { record, version } = await readLink(store, id);
  await writeLink(store, { ...record, ...changes }, version);
}

async function expiring(minna: MinnaClient, within: number): Promise<ExpiringLink[]> {
  const list: ExpiringLink[] = [];
  for await (const one of minna.links.expiring({ within })) list.push(one);
  return list;
}

describe.each(PROFILES)("a renewal in %s", profile => {
  it("keeps the link and its grant, and can do more; no old token is used any more", async () => {
    const minna = connect(bank, profile, { store });
    const before = await link(bank, minna, ["balance"]);
    const { tokens: old } = await kept(before.id);
    await minna.link(before.id).accounts.list();
    const { interactionId: _, ...renewed } = await renew(minna, before.id, ["debit"]);
    expect(renewed).toEqual(await minna.links.get(before.id));
    expect(renewed).toMatchObject({
      id: before.id,
      grantId: before.grantId,
      createdAt: before.createdAt,
      scopes: ["balance", "debit"],
      refusedScopes: [],
    });
    const { tokens } = await kept(before.id);
    expect(tokens.accessToken).not.toBe(old.accessToken);
    expect(tokens.refreshToken).not.toBe(old.refreshToken);
    const since = bank.events.length;
    const { debitId } = await minna
      .link(before.id)
      .debits.create({ reference: "order-1", amount: 10, description: "ﾎﾝ" });
    expect(debitId).toBeDefined();
    const { scopes } = await minna.link(before.id).grant.status();
    expect(scopes.map(({ scope }) => scope)).toEqual(expect.arrayContaining(["balance", "debit"]));
    expect(bank.events.slice(since).filter(({ status }) => status === 401)).toEqual([]);
    for await (const { id } of minna.links.list()) expect(id).toBe(before.id);
    await minna.close();
  });

  it("is known to the partner's other processes, which had the old tokens at hand", async () => {
    const [one, other] = [connect(bank, profile, { store }), connect(bank, profile, { store })];
    const { id } = await link(bank, one);
    await other.link(id).accounts.list();
    await renew(one, id, ["balance"]);
    expect(await other.link(id).accounts.list()).toHaveLength(2);
    await Promise.all([one.close(), other.close()]);
  });

  it("that the customer declines leaves the link as it was", async () => {
    const minna = connect(bank, profile, { store });
    const { id } = await link(bank, minna, ["balance"]);
    const before = await kept(id);
    const { authorizationUrl, transaction } = await minna.links.begin({
      customerId: "u-42",
      scopes: ["debit"],
      link: id,
    });
    const declined = await bank.decline(authorizationUrl);
    await expect(minna.links.complete(declined, { transaction })).rejects.toMatchObject({
      name: "AuthorizationError",
      code: "access_denied",
    });
    expect(await kept(id)).toEqual(before);
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
    await minna.close();
  });

  it("by another customer of the bank is refused: by the bank, which merges no grants of two", async () => {
    const minna = connect(bank, profile, { store });
    const { id } = await link(bank, minna, ["balance"], bank.customers[0]?.id);
    const before = await kept(id);
    await expect(renew(minna, id, ["debit"], bank.customers[1]?.id)).rejects.toMatchObject({
      name: "AuthorizationError",
      code: "invalid_grant_id",
    });
    expect(await kept(id)).toEqual(before);
    await minna.close();
  });

  it("by another customer of the bank is refused here, too, where a grant of its own comes of it", async () => {
    const minna = connect(bank, profile, { store });
    const { id } = await link(bank, minna, ["balance"], bank.customers[0]?.id);
    await change(id, { grantId: undefined });
    const before = await kept(id);
    await expect(renew(minna, id, ["debit"], bank.customers[1]?.id)).rejects.toMatchObject({
      name: "ValidationError",
      check: "sub",
    });
    expect(await kept(id)).toEqual(before);
    await minna.close();
  });

  it("into a grant of its own revokes the old tokens", async () => {
    const minna = connect(bank, profile, { store });
    const { id, grantId } = await link(bank, minna, ["balance"]);
    await change(id, { grantId: undefined });
    const since = bank.events.length;
    const renewed = await renew(minna, id, ["debit"]);
    expect(renewed.id).toBe(id);
    expect(renewed.grantId).toMatch(/.+/);
    expect(renewed.grantId).not.toBe(grantId);
    const revocations = bank.events.slice(since).filter(({ endpoint }) => endpoint === "revocation");
    expect(revocations.map(({ status }) => status)).toEqual([200, 200]);
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
    await minna.close();
  });
});

it("links whose grants end soon are told in time, and no longer once they are extended or released", async () => {
  const minna = connect(bank, "fapi2-security", { store });
  const extended = await link(bank, minna);
  const left = await link(bank, minna);
  expect(await expiring(minna, 9)).toEqual([]);
  const told = await expiring(minna, 11);
  expect(told.map(({ id }) => id).sort()).toEqual([extended.id, left.id].sort());
  for (const { customerId, expired, expiresAt } of told) {
    expect({ customerId, expired }).toEqual({ customerId: "u-42", expired: false });
    expect(Math.abs(Date.parse(expiresAt ?? "") - Date.now() - 10 * DAY)).toBeLessThan(60_000);
  }
  const until = new Date(Date.now() + 20 * DAY).toISOString().slice(0, 10);
  await minna.link(extended.id).grant.extend({ until });
  expect((await expiring(minna, 11)).map(({ id }) => id)).toEqual([left.id]);

  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * DAY });
  const since = bank.events.length;
  expect((await expiring(minna, 8)).map(({ id }) => id)).toEqual([left.id]);
  expect(bank.events.slice(since)).toEqual([]);
  vi.useRealTimers();

  await minna.link(left.id).grant.revoke();
  expect(await expiring(minna, 11)).toEqual([]);
  await minna.close();
});

it("a renewal asks the bank anew when the grant ends", async () => {
  const minna = connect(bank, "fapi2-security", { store });
  const { id } = await link(bank, minna);
  expect(await expiring(minna, 11)).toHaveLength(1);
  await change(id, { grantExpiresAt: Date.now() - DAY });
  expect(await expiring(minna, 1)).toMatchObject([{ id, expired: true }]);
  await renew(minna, id, ["balance"]);
  expect(await expiring(minna, 9)).toEqual([]);
  expect(await expiring(minna, 11)).toMatchObject([{ id, expired: false }]);
  await minna.close();
});
