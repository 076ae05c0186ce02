import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { exportJWK, type JWK } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link } from "../support/partner.js";

const PROFILE = "fapi2-message-signing";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

async function keyPair(kid: string): Promise<{ readonly privateKey: KeyObject; readonly jwk: JWK }> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg: "ES256", kid } };
}

describe("a client's signing key", () => {
  it("counts from the moment it is registered, beside the ones before it", async () => {
    const { privateKey: key, jwk } = await keyPair("sig-next");
    const minna = connect(sandbox, PROFILE, { signing: { key, alg: "ES256", kid: "sig-next" } });
    await expect(link(sandbox, minna)).rejects.toMatchObject({ code: "invalid_request_object" });
    sandbox.registerKey(PROFILE, jwk);
    expect((await link(sandbox, minna)).status).toBe("active");
    const before = connect(sandbox, PROFILE);
    expect((await link(sandbox, before)).status).toBe("active");
    await Promise.all([minna.close(), before.close()]);
  });

  it("is refused where it is private, has no id, or is for what the client does not sign with", async () => {
    const { privateKey, jwk } = await keyPair("sig-x");
    const { kid: _, ...nameless } = jwk;
    const wrong: JWK[] = [
      { ...(await exportJWK(privateKey)), alg: "ES256", kid: "x" },
      nameless,
      { ...jwk, alg: "RS256" },
    ];
    for (const key of wrong) expect(() => sandbox.registerKey(PROFILE, key)).toThrow(RangeError);
    expect(() => sandbox.registerKey("fapi1-advanced", jwk)).toThrow(RangeError);
    expect(() => sandbox.registerKey("fapi2-security" as "fapi1-advanced", jwk)).toThrow(RangeError);
  });
});
