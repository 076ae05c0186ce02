// A partner's own test. `test` and `expect` are those of the runner: Jest has them global, Vitest where asked to.
import { ConfigurationError, MinnaClient } from "minna-baas";
import { startSandbox } from "minna-baas/sandbox";

test("links a customer", async () => {
  const bank = await startSandbox();
  const minna = new MinnaClient(bank.client("fapi1-advanced"));
  const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
  const { id } = await minna.links.complete(await bank.approve(authorizationUrl), { transaction });
  expect((await minna.link(id).accounts.list()).length).toBeGreaterThan(0);
  expect(() => new MinnaClient({})).toThrow(ConfigurationError);
  await minna.close();
  await bank.close();
});
