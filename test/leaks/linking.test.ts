import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { committing, OPENID_WAYS, titled } from "../attacks/attack.js";
import { linkingFaults } from "./faults.js";
import { link, use, watched } from "./journey.js";
import { keepWatch } from "./watch.js";

const watch = keepWatch();
/** What came by the wire, or was on its way to the store. */
const WATCHED = [
  ...["answered.access_token", "answered.refresh_token", "answered ID Token", "answered JWT", "answered.accountNumber"],
  ...["transaction.codeVerifier", "transaction", "certificate.key"],
];
let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(titled(OPENID_WAYS))("%s: linking an account shows nothing", (_, { name, profile, more }) => {
  const byValue = name.endsWith("by value");

  it("when all goes well", async () => {
    const minna = watched(watch, bank, profile, more);
    const handle = await link(watch, bank, minna);
    if (handle === undefined) throw new Error("there is no link");
    await use(watch, handle, "2020-01-01");
    watch.print(await minna.links.get(handle.id));
    const { expiresAt } = await handle.grant.status();
    watch.print(await handle.grant.extend({ until: `${Number(expiresAt?.slice(0, 4)) + 1}-03-31` }));
    watch.print(await handle.grant.introspect(), await handle.grant.revoke());
    const other = await link(watch, bank, minna);
    await minna.links.end(other?.id ?? "");
    watch.print(minna, minna.links, await minna.publicJwks());
    expect(watch.canaries.size).toBeGreaterThan(150);
    const signed = profile === "fapi2-security" ? [] : ["response", byValue ? "request object" : "sent request object"];
    for (const kind of [...WATCHED, ...signed]) expect(watch.canaries.kinds).toContain(kind);
    await minna.close();
  });

  // What differs by value comes before the code.
  it.each(linkingFaults(profile).filter(fault => !byValue || /^(discovery|response|error)-/.test(fault)))(
    "when the bank commits %s",
    async fault => {
      const minna = watched(watch, bank, profile, more);
      const before = watch.errors;
      await committing(bank, [fault], async () => {
        const handle = await link(watch, bank, minna);
        if (handle !== undefined) await watch.step(() => handle.accounts.list());
      });
      watch.print(minna, minna.links);
      // At least the callback that came twice is an error, or the beginning was.
      expect(watch.errors).toBeGreaterThan(before);
      await minna.close();
    },
  );
});
