import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";
import { untrusted } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox({ signedUserinfo: true });
});
afterEach(() => bank.faults.off());
afterAll(() => bank.close());

describe.each(PROFILES)("%s", profile => {
  it.each<[FaultName, string]>([
    ["introspection-active-not-boolean", "body"],
    ["introspection-plain-when-signed-expected", "signature"],
    ["introspection-signature-bad", "signature"],
    ["introspection-aud-wrong", "aud"],
  ])("%s", async (fault, check) => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    expect(await minna.link(id).grant.introspect()).toMatchObject({ active: true });
    bank.faults.on(fault);
    await expect(minna.link(id).grant.introspect()).rejects.toMatchObject(untrusted(check));
    await minna.close();
  });

  it.each<[FaultName, string]>([
    ["userinfo-sub-wrong", "sub"],
    ["userinfo-signature-bad", "signature"],
  ])("%s", async (fault, check) => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    expect((await minna.link(id).identity.userInfo()).sub).toBeDefined();
    bank.faults.on(fault);
    await expect(minna.link(id).identity.userInfo()).rejects.toMatchObject(untrusted(check));
    await minna.close();
  });

  it("revocation-503 does not keep a grant from being released", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    bank.faults.on("revocation-503");
    expect(await minna.link(id).grant.revoke()).toMatchObject({ status: "released" });
    await minna.close();
  });

  it("a release whose answer was lost is a release: the second one finds the grant gone", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    bank.faults.on("grant-revoked-at-bank", { times: 1 });
    expect(await minna.link(id).grant.revoke()).toMatchObject({ status: "released" });
    await minna.close();
  });
});
