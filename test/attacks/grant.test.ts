import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";
import { committing, expectNothingBut, expectRefused, NEEDS_CUSTOMER } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => bank.close());

describe.each(PROFILES)("%s: a grant that ended at the bank", profile => {
  it.each([
    ["grant-revoked-at-bank", "grant_revoked"],
    ["grant-expired", "grant_expired"],
  ] as const)("%s: calls are refused, then the link needs the customer", async (fault, code) => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    await committing(bank, [fault], () =>
      expectRefused(bank, { name: "LinkError", code }, ["api"], () => minna.link(id).accounts.list()),
    );
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 310_000 });
    await expectRefused(bank, NEEDS_CUSTOMER, ["token"], () => minna.link(id).accounts.list());
    await minna.close();
  });

  it.each([
    ["grant-revoked-at-bank", "grant_revoked"],
    ["grant-expired", "grant_expired"],
  ] as const)("%s: releasing it is done by the bank's word", async (fault, code) => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    await committing(bank, [fault], () =>
      expectRefused(bank, { name: "LinkError", code }, ["api"], () => minna.link(id).accounts.list()),
    );
    const since = bank.events.length;
    expect(await minna.link(id).grant.revoke()).toMatchObject({ status: "released" });
    expectNothingBut(bank, since, ["grant", "revocation", "revocation"]);
    await minna.close();
  });
});
