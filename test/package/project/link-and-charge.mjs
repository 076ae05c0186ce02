// A partner's project, with the package from its tarball: every profile links a customer and charges them once.
import assert from "node:assert/strict";

const fetchBefore = globalThis.fetch;
const { MinnaClient } = await import("minna-baas");
const { startSandbox } = await import("minna-baas/sandbox");
const { signerContract } = await import("minna-baas/testing");
assert.equal(globalThis.fetch, fetchBefore, "the host application keeps its own fetch");

const bank = await startSandbox();
for (const { run } of signerContract(bank.client("fapi1-advanced").signing, { signatures: 1 })) await run();
for (const profile of ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"]) {
  const minna = new MinnaClient(bank.client(profile));
  const { authorizationUrl, transaction } = await minna.links.begin({
    customerId: "u-42",
    scopes: ["balance", "debit"],
  });
  const { id } = await minna.links.complete(await bank.approve(authorizationUrl), { transaction });
  const link = minna.link(id);
  const [account] = await link.accounts.list();
  const before = await link.accounts.balance(account.accountId);
  const order = { reference: `order-${profile}`, amount: 1980, description: "ﾎﾝ" };
  const debit = await link.debits.create(order);
  assert.equal((await link.debits.create(order)).debitId, debit.debitId);
  const after = await link.accounts.balance(account.accountId);
  assert.equal(before.balance - after.balance, 1980);
  await minna.close();
  console.log(`${profile}: linked and charged once`);
}
await bank.close();
