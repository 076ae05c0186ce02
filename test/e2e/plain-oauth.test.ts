import { afterAll, beforeAll, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

it.each(PROFILES)("%s without OpenID Connect: no ID Token, and everything else as ever", async profile => {
  const minna = connect(bank, profile, { contract: { scopes: { openid: null } } });
  const { id, scopes } = await link(bank, minna);
  expect(scopes).toContain("debit");
  // A refresh token came all the same.
  bank.faults.on("api-token-rejected-once");
  expect(await minna.link(id).accounts.list()).toHaveLength(2);
  await minna.close();
});
