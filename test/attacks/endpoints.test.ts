import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MinnaClient, Profile } from "../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";
import { committing, expectNothingBut, expectRefused, untrusted } from "./attack.js";

/** What the bank signs with for each of its clients. */
const ALGORITHM: Readonly<Record<Profile, "PS256" | "ES256">> = {
  "fapi1-advanced": "PS256",
  "fapi2-security": "ES256",
  "fapi2-message-signing": "ES256",
};

let bank: Sandbox;
let unsigned: Sandbox;
beforeAll(async () => {
  [bank, unsigned] = await Promise.all([startSandbox({ signedUserinfo: true }), startSandbox()]);
});
afterAll(() => Promise.all([bank.close(), unsigned.close()]));

describe.each(PROFILES)("%s: introspection", profile => {
  let minna: MinnaClient;
  let id: string;
  beforeAll(async () => {
    minna = connect(bank, profile);
    ({ id } = await link(bank, minna));
    // The keys are at hand.
    expect(await minna.link(id).grant.introspect()).toMatchObject({ active: true });
  });
  afterAll(() => minna.close());

  it.each<[FaultName, string]>([
    ["introspection-active-not-boolean", "body"],
    ["introspection-plain-when-signed-expected", "signature"],
    ["introspection-alg-none", "alg"],
    ["introspection-alg-rs256", "alg"],
    ["introspection-signature-bad", "signature"],
    ["introspection-key-unknown", "key"],
    ["introspection-typ-wrong", "typ"],
    ["introspection-iss-wrong", "iss"],
    ["introspection-aud-wrong", "aud"],
  ])("%s", (fault, check) =>
    committing(bank, [fault], () =>
      expectRefused(bank, untrusted(check), ["introspection"], () => minna.link(id).grant.introspect()),
    ),
  );

  it("metadata-introspection-algs-absent: a plain answer will do, unless signed ones were agreed on", async () => {
    await committing(bank, ["metadata-introspection-algs-absent"], async () => {
      const minna = connect(bank, profile);
      const { id } = await link(bank, minna);
      expect(await minna.link(id).grant.introspect()).toMatchObject({ active: true });
      await minna.close();
    });
  });

  it.each<[FaultName, string]>([
    ["introspection-key-unknown", "key"],
    ["introspection-alg-none", "alg"],
    ["introspection-plain-when-signed-expected", "signature"],
  ])("metadata-introspection-algs-absent, and commits %s, where signed ones were agreed on", async (fault, check) => {
    const minna = connect(bank, profile, { algorithms: { introspection: ALGORITHM[profile] } });
    await committing(bank, ["metadata-introspection-algs-absent", fault], async () => {
      const { id } = await link(bank, minna);
      await expectRefused(bank, untrusted(check), ["introspection"], () => minna.link(id).grant.introspect());
    });
    await minna.close();
  });
});

describe.each(PROFILES)("%s: UserInfo", profile => {
  let minna: MinnaClient;
  let id: string;
  beforeAll(async () => {
    minna = connect(bank, profile);
    ({ id } = await link(bank, minna));
    expect((await minna.link(id).identity.userInfo()).sub).toBeDefined();
  });
  afterAll(() => minna.close());

  it.each<[FaultName, string]>([
    ["userinfo-sub-wrong", "sub"],
    ["userinfo-alg-none", "alg"],
    ["userinfo-alg-rs256", "alg"],
    ["userinfo-signature-bad", "signature"],
    ["userinfo-iss-wrong", "iss"],
    ["userinfo-aud-wrong", "aud"],
  ])("%s", (fault, check) =>
    committing(bank, [fault], () =>
      expectRefused(bank, untrusted(check), ["userinfo"], () => minna.link(id).identity.userInfo()),
    ),
  );

  it("userinfo-sub-wrong where it is not signed", async () => {
    const minna = connect(unsigned, profile);
    const { id } = await link(unsigned, minna);
    expect((await minna.link(id).identity.userInfo()).sub).toBeDefined();
    await committing(unsigned, ["userinfo-sub-wrong"], () =>
      expectRefused(unsigned, untrusted("sub"), ["userinfo"], () => minna.link(id).identity.userInfo()),
    );
    await minna.close();
  });

  it("that is plain where a signed one was agreed on", async () => {
    const minna = connect(unsigned, profile, { algorithms: { userInfo: ALGORITHM[profile] } });
    const { id } = await link(unsigned, minna);
    await expectRefused(unsigned, untrusted("signature"), ["userinfo"], () => minna.link(id).identity.userInfo());
    await minna.close();
  });

  it("that is signed with another algorithm than was agreed on", async () => {
    const other = ALGORITHM[profile] === "PS256" ? "ES256" : "PS256";
    const minna = connect(bank, profile, { algorithms: { userInfo: other, introspection: other } });
    const { id } = await link(bank, minna);
    await expectRefused(bank, untrusted("alg"), ["userinfo"], () => minna.link(id).identity.userInfo());
    await expectRefused(bank, untrusted("alg"), ["introspection"], () => minna.link(id).grant.introspect());
    await minna.close();
  });
});

describe.each(PROFILES)("%s: releasing a grant", profile => {
  it("revocation-503: the grant is released, and calling again revokes what is left", async () => {
    const minna = connect(bank, profile);
    const { id } = await link(bank, minna);
    const refused = { name: "OAuthError", code: "server_error" };
    await committing(bank, ["revocation-503"], () =>
      expectRefused(bank, refused, ["grant", "revocation"], () => minna.link(id).grant.revoke()),
    );
    expect(await minna.links.get(id)).toMatchObject({ status: "released" });
    const released = { name: "LinkError", code: "link_released" };
    await expectRefused(bank, released, [], () => minna.link(id).accounts.list());
    const since = bank.events.length;
    expect(await minna.link(id).grant.revoke()).toMatchObject({ status: "released" });
    expectNothingBut(bank, since, ["revocation", "revocation"]);
    expect(bank.events.slice(since).map(event => event.status)).toEqual([200, 200]);
    await minna.close();
  });
});
