// From FAPI 1.0 to FAPI 2.0 without losing a link, in three steps. The bank ends the old version a year after it announces
// the new one; each deploy below is one change of configuration, and each can be undone.
import assert from "node:assert/strict";
import { MemoryStore, MinnaClient, type ProfileOptions } from "minna-baas";
import { startSandbox } from "minna-baas/sandbox";

const bank = await startSandbox();

const customer = async (minna: MinnaClient, customerId: string, link?: string) => {
  const wish = { customerId, scopes: ["debit"] as const, ...(link === undefined ? {} : { link }) };
  const { authorizationUrl, transaction } = await minna.links.begin(wish);
  return minna.links.complete(await bank.approve(authorizationUrl), { transaction });
};
let orders = 0;
const charge = async (minna: MinnaClient, id: string) => {
  const reference = `order-${++orders}`;
  const { status } = await minna.link(id).debits.create({ reference, amount: 1980, description: "ﾎﾝ" });
  assert.equal(status, "succeeded");
};

// The bank offers one of these, or both: the way there is the same.
for (const profile of ["fapi2-security", "fapi2-message-signing"] as const) {
  const store = new MemoryStore(); // in production: postgresStore(pool)

  // Where everybody is: a customer was linked under FAPI 1.0, and is charged.
  const fapi1: ProfileOptions = bank.client("fapi1-advanced");
  const before = new MinnaClient({ ...fapi1, store });
  const { id } = await customer(before, "u-42");
  await charge(before, id);
  await before.close();

  // Step 1, a canary. The bank has registered the partner for FAPI 2.0; the old options move into `previous`, with the
  // month of the bank's announcement. A twentieth of the customers is linked under the new profile; existing links stay
  // with what made them. To undo it: canary: 0.
  const fapi2: ProfileOptions = bank.client(profile);
  const previous: ProfileOptions = { ...fapi1, announcedIn: "2096-03" };
  const canary = new MinnaClient({ ...fapi2, previous, canary: 0.05, store });
  await charge(canary, id);
  assert.equal((await canary.links.get(id)).profile, "fapi1-advanced");
  await canary.close();

  // Step 2, everybody. New links and renewed ones use the new profile. Renew the old ones when their customers come by:
  // links.begin() with the link's id.
  const moving = new MinnaClient({ ...fapi2, previous, store });
  await charge(moving, id);
  const renewed = await customer(moving, "u-42", id);
  assert.deepEqual([renewed.id, renewed.profile], [id, profile]);
  await charge(moving, id);

  // Step 3, once nothing is left behind: `previous` goes. Until when there is time, the report says.
  const report = await moving.links.migration();
  for (const { profile: old, links, endsOn } of report.previous)
    console.log(`${old}: ${links} links left, ends on ${endsOn}`);
  assert.ok(report.previous.every(({ links }) => links === 0));
  await moving.close();

  const after = new MinnaClient({ ...fapi2, store });
  await charge(after, id);
  console.log(`linked under FAPI 1.0, charged five times, ${(await after.links.get(id)).profile} now`);
  await after.close();
}
await bank.close();
