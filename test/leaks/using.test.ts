import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Link, MinnaClient } from "../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { committing } from "../attacks/attack.js";
import { PROFILES } from "../support/partner.js";
import { isRefreshing, USING_FAULTS } from "./faults.js";
import { charge, hurry, link, use, watched } from "./journey.js";
import { keepWatch } from "./watch.js";

const watch = keepWatch();
/** The client makes its calls again, and again, before it says so. */
const REPEATED: readonly FaultName[] = ["api-429", "api-html-error"];

describe.each(PROFILES)("%s: using a link shows nothing", profile => {
  let bank: Sandbox;
  let minna: MinnaClient;
  let handle: Link | undefined;
  beforeAll(async () => {
    bank = await startSandbox({ signedUserinfo: true, rotateRefreshTokens: true });
    minna = watched(watch, bank, profile);
  });
  afterAll(async () => {
    await minna.close();
    await bank.close();
  });
  beforeEach(async () => {
    // A fault may have ended the link of the test before.
    if (handle === undefined || (await handle.accounts.list().catch(() => undefined)) === undefined) {
      handle = await link(watch, bank, minna);
    }
  });

  it.each(USING_FAULTS)("when the bank commits %s", async fault => {
    // Where a refresh failed, the next one might fail for that.
    const used = isRefreshing(fault) ? await link(watch, bank, minna) : handle;
    if (used === undefined) throw new Error("there is no link");
    // Where the fault is at the token endpoint, a rejected access token leads there.
    const way = isRefreshing(fault) ? (["api-token-rejected-once", fault] as const) : [fault];
    await committing(bank, way, async () => {
      if (fault.startsWith("debit-")) await charge(watch, used);
      else if (REPEATED.includes(fault)) await hurry(watch, used);
      else await use(watch, used, fault.startsWith("page-") ? "2020-01-01" : undefined);
      if (fault === "revocation-503" || fault.startsWith("grant-")) await watch.step(() => used.grant.revoke());
    });
    watch.print(minna, minna.links);
  });

  it("and there was something to look at", () => {
    expect(watch.errors).toBeGreaterThan(20);
    expect(watch.canaries.size).toBeGreaterThan(150);
  });
});
