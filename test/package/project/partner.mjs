// A partner's server as it is in production, without the sandbox: the bank is another process, which BANK tells of.
import assert from "node:assert/strict";
import { ConfigurationError, MinnaClient, MinnaError } from "minna-baas";
import { postgresStore } from "minna-baas/postgres";
import { redisStore } from "minna-baas/redis";
import { signerContract, storeContract } from "minna-baas/testing";

// No top-level await: this file is bundled as CommonJS, too.
async function main() {
  for (const exported of [postgresStore, redisStore, signerContract, storeContract]) {
    assert.equal(typeof exported, "function");
  }
  assert.throws(
    () => new MinnaClient({}),
    error => {
      assert.ok(error instanceof ConfigurationError && error instanceof MinnaError);
      assert.deepEqual([error.name, error.code], ["ConfigurationError", "configuration_invalid"]);
      return true;
    },
  );
  const { clients, approve } = JSON.parse(process.env["BANK"]);
  for (const options of clients) await linkAndCharge(options, approve);
}

async function linkAndCharge(options, approve) {
  const minna = new MinnaClient(options);
  const { authorizationUrl, transaction } = await minna.links.begin({
    customerId: "u-42",
    scopes: ["balance", "debit"],
  });
  const approved = await fetch(approve, { method: "POST", body: authorizationUrl });
  const { id } = await minna.links.complete(await approved.text(), { transaction });
  const order = { reference: `order-${process.pid}-${options.profile}`, amount: 1980, description: "ﾎﾝ" };
  const debit = await minna.link(id).debits.create(order);
  assert.equal((await minna.link(id).debits.create(order)).debitId, debit.debitId);
  await minna.close();
  console.log(`${options.profile}: linked and charged once`);
}

main().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
