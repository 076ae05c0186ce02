import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LinkInfo, MinnaClient } from "../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";
import {
  committing,
  expectAccepted,
  expectRefused,
  expectStop,
  NEEDS_CUSTOMER,
  titled,
  untrusted,
  WAYS,
  WISH,
} from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

const SCOPE_MISSING = { name: "LinkError", code: "scope_missing" };
const NARROWED = { scopes: ["balance"], refusedScopes: ["debit"] };

describe.each(titled(WAYS))("%s: the answer of the token endpoint", (_, { name, profile, more }) => {
  const way = { name, profile, more };
  const expectNoDebit = (minna: MinnaClient, { id }: LinkInfo) => {
    const order = { reference: `narrowed-${id.slice(4, 20)}`, amount: 1, description: "ﾎﾝ" };
    return expectRefused(bank, SCOPE_MISSING, [], () => minna.link(id).debits.create(order));
  };

  it.each<[FaultName, string]>([
    ["token-type-dpop", "token_type"],
    ["token-response-html", "body"],
    ["token-response-huge", "size"],
    ["token-endpoint-redirect", "redirect"],
  ])("%s", (fault, check) => expectStop(bank, way, fault, "token", untrusted(check)));

  it.each<FaultName>(["token-type-case", "token-no-expires-in"])("%s is accepted", fault =>
    expectAccepted(bank, way, fault),
  );

  it("token-no-scope means as requested", () => expectAccepted(bank, way, "token-no-scope"));

  it("token-scope-narrowed is reported, and what was not granted is not called", async () => {
    const minna = connect(bank, profile, more);
    const narrowed = await committing(bank, ["token-scope-narrowed"], () => link(bank, minna, WISH.scopes));
    expect(narrowed).toMatchObject(NARROWED);
    expect(await minna.links.get(narrowed.id)).toMatchObject(NARROWED);
    await expectNoDebit(minna, narrowed);
    expect(await minna.link(narrowed.id).accounts.list()).toHaveLength(2);
    await minna.close();
  });

  it("token-scope-narrowed at a refresh is reported too", async () => {
    const minna = connect(bank, profile, more);
    const linked = await link(bank, minna, WISH.scopes);
    expect(linked).toMatchObject({ scopes: WISH.scopes, refusedScopes: [] });
    await committing(bank, ["token-scope-narrowed", "api-token-rejected-once"], () =>
      minna.link(linked.id).accounts.list(),
    );
    expect(await minna.links.get(linked.id)).toMatchObject(NARROWED);
    await expectNoDebit(minna, linked);
    await minna.close();
  });

  it("token-bound-to-another-certificate: the bank's API refuses it, and the link needs the customer", async () => {
    const minna = connect(bank, profile, more);
    await committing(bank, ["token-bound-to-another-certificate"], async () => {
      const { id } = await link(bank, minna);
      // Asked about it, the bank tells what it is bound to.
      await expectRefused(bank, untrusted("cnf"), ["introspection", "jwks"], () => minna.link(id).grant.introspect());
      await expectRefused(bank, NEEDS_CUSTOMER, ["api", "token", "api"], () => minna.link(id).accounts.list());
    });
    await minna.close();
  });
});

describe.each(PROFILES)("%s: the answer to a refresh", profile => {
  it.each<[FaultName, string]>([
    ["id-token-sub-changed-on-refresh", "sub"],
    ["id-token-iss-wrong", "iss"],
    ["id-token-alg-none", "alg"],
    ["id-token-signature-bad", "signature"],
    ["id-token-iat-old", "iat"],
    ["token-type-dpop", "token_type"],
  ])("%s", async (fault, check) => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    await committing(bank, ["api-token-rejected-once", fault], () =>
      expectRefused(bank, untrusted(check), ["api", "token"], () => minna.link(id).accounts.list()),
    );
    await minna.close();
  });
});
