import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { PROFILES } from "../support/partner.js";
import { linkingFaults } from "./faults.js";
import { during, link, use, watched } from "./journey.js";
import { keepWatch } from "./watch.js";

const watch = keepWatch();
let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(PROFILES)("%s: linking an account shows nothing", profile => {
  it("when all goes well", async () => {
    const minna = watched(watch, bank, profile);
    const handle = await link(watch, bank, minna);
    if (handle === undefined) throw new Error("there is no link");
    await use(watch, handle, "2020-01-01");
    await watch.step(() => handle.grant.revoke());
    watch.print(minna, minna.links, minna.publicJwks());
    expect(watch.canaries.size).toBeGreaterThan(150);
    await minna.close();
  });

  it.each(linkingFaults(profile))("when the bank commits %s", async fault => {
    const minna = watched(watch, bank, profile);
    const before = watch.errors;
    await during(bank, [fault], async () => {
      const handle = await link(watch, bank, minna);
      if (handle !== undefined) await watch.step(() => handle.accounts.list());
    });
    watch.print(minna, minna.links);
    // At least the callback that came twice is an error, or the beginning was.
    expect(watch.errors).toBeGreaterThan(before);
    await minna.close();
  });
});
