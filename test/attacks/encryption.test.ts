import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Decryption, Profile } from "../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";
import { expectAccepted, expectStop, inProfile, type Stage, untrusted } from "./attack.js";

/** Which profiles meet the faults with which algorithm. */
const FAULTY: Readonly<Record<"RSA-OAEP-256" | "ECDH-ES", readonly Profile[]>> = {
  "RSA-OAEP-256": ["fapi1-advanced"],
  "ECDH-ES": ["fapi2-security", "fapi2-message-signing"],
};

describe.each(["RSA-OAEP-256", "ECDH-ES"] as const)("responses encrypted with %s", alg => {
  let bank: Sandbox;
  const keys = new Map<Profile, Decryption>();
  const encrypted = (profile: Profile) => inProfile(profile, { decryption: keys.get(profile) as Decryption });
  beforeAll(async () => {
    bank = await startSandbox();
    for (const profile of PROFILES) keys.set(profile, await bank.encryptFor(profile, { alg }));
  });
  afterAll(() => bank.close());

  it.each(PROFILES)("%s: are accepted, refreshed ones too", async profile => {
    const minna = connect(bank, profile, encrypted(profile).more);
    const { id } = await link(bank, minna);
    bank.faults.on("api-token-rejected-once");
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
    const uses = (await minna.publicJwks()).keys.map(key => key.use);
    expect(uses).toContain("enc");
    await minna.close();
  });

  it("are opened with the old key and the new one while keys rotate", async () => {
    const profile = "fapi2-message-signing";
    const before = keys.get(profile) as Decryption;
    const after = await bank.encryptFor(profile, { alg });
    expect(after.keys.length).toBeGreaterThan(before.keys.length);
    const minna = connect(bank, profile, { decryption: after });
    expect((await link(bank, minna)).status).toBe("active");
    await minna.close();
    keys.set(profile, after);
  });

  it.each(PROFILES)("%s: are refused by a client that has no key for them", profile =>
    profile === "fapi2-security"
      ? expectStop(bank, inProfile(profile), "id-token-encrypted", "token", untrusted("encryption"))
      : expectStop(bank, inProfile(profile), "response-state-wrong", "response", untrusted("encryption")),
  );

  describe.each(FAULTY[alg].filter(profile => profile !== "fapi2-security"))("%s", profile => {
    it.each<[FaultName, Stage, string]>([
      ["jarm-plain-when-encryption-registered", "response", "encryption"],
      ["jarm-encrypted-rsa15", "response", "encryption"],
      ["jarm-encrypted-unknown-key", "response", "encryption"],
      ["jarm-signature-bad", "jwks", "signature"],
    ])("%s", (fault, stage, check) => expectStop(bank, encrypted(profile), fault, stage, untrusted(check)));
  });

  describe.each(FAULTY[alg])("%s", profile => {
    it("id-token-encrypted is accepted", () => expectAccepted(bank, encrypted(profile), "id-token-encrypted"));

    it.each<[FaultName, string]>([
      ["id-token-plain-when-encryption-registered", "encryption"],
      ["id-token-encrypted-rsa15", "encryption"],
      ["id-token-signature-bad", "signature"],
    ])("%s", (fault, check) => expectStop(bank, encrypted(profile), fault, "token", untrusted(check)));
  });
});

describe("a bank that encrypts less than it was asked to", () => {
  it("id-token-encrypted is all that makes the ID Token one that is accepted", async () => {
    await using bank = await startSandbox();
    const { keys } = await bank.encryptFor("fapi1-advanced", { responses: ["authorizationResponse"] });
    const way = inProfile("fapi1-advanced", {
      decryption: { keys, responses: ["authorizationResponse", "idToken"] } as Decryption,
    });
    await expectAccepted(bank, way, "id-token-encrypted");
    await expectStop(bank, way, "token-type-case", "token", untrusted("encryption"));
  });
});
