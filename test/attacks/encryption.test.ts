import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Decryption, MinnaClientOptions, Profile } from "../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";
import { expectStop, untrusted } from "./attack.js";

describe.each(["RSA-OAEP-256", "ECDH-ES"] as const)("responses encrypted with %s", alg => {
  const profiles: readonly Profile[] = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"];
  let bank: Sandbox;
  const options = new Map<Profile, Partial<MinnaClientOptions>>();
  beforeAll(async () => {
    bank = await startSandbox();
    for (const profile of profiles) options.set(profile, { decryption: await bank.encryptFor(profile, { alg }) });
  });
  afterAll(() => bank.close());

  it.each(profiles)("%s: id-token-encrypted, and JARM where there is one, are accepted", async profile => {
    const minna = connect(bank, profile, options.get(profile));
    const { id } = await link(bank, minna);
    bank.faults.on("api-token-rejected-once");
    expect(await minna.link(id).accounts.list()).toHaveLength(2);
    const uses = minna.publicJwks().keys.map(key => key.use);
    expect(uses).toContain("enc");
    await minna.close();
  });

  it("are opened with the old key and the new one while keys rotate", async () => {
    const profile = "fapi2-message-signing";
    const before = options.get(profile)?.decryption as Decryption;
    const after = await bank.encryptFor(profile, { alg });
    expect(after.keys.length).toBeGreaterThan(before.keys.length);
    const minna = connect(bank, profile, { decryption: after });
    expect((await link(bank, minna)).status).toBe("active");
    await minna.close();
    options.set(profile, { decryption: after });
  });

  it("are refused by a client that has no key for them", () =>
    expectStop(bank, "fapi1-advanced", "token-type-case", "complete", untrusted("encryption")));

  it.each<[FaultName, "complete" | "token"]>([
    ["jarm-plain-when-encryption-registered", "complete"],
    ["jarm-encrypted-rsa15", "complete"],
    ["jarm-encrypted-unknown-key", "complete"],
    ["jarm-signature-bad", "complete"],
    ["id-token-plain-when-encryption-registered", "token"],
    ["id-token-encrypted-rsa15", "token"],
    ["id-token-signature-bad", "token"],
  ])("fapi1-advanced: %s", (fault, stage) =>
    expectStop(
      bank,
      "fapi1-advanced",
      fault,
      stage,
      untrusted(fault.endsWith("signature-bad") ? "signature" : "encryption"),
      options.get("fapi1-advanced"),
    ),
  );
});
