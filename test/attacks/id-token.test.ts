import { afterAll, beforeAll, describe, it } from "vitest";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { expectAccepted, expectStop, OPENID_WAYS, titled, untrusted } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(titled(OPENID_WAYS))("%s: the ID Token", (_, way) => {
  it.each<[FaultName, string]>([
    ["id-token-iss-missing", "iss"],
    ["id-token-iss-wrong", "iss"],
    ["id-token-aud-missing", "aud"],
    ["id-token-aud-wrong", "aud"],
    ["id-token-aud-second-untrusted", "aud"],
    ["id-token-nonce-missing", "nonce"],
    ["id-token-nonce-wrong", "nonce"],
    ["id-token-alg-none", "alg"],
    ["id-token-alg-rs256", "alg"],
    ["id-token-signature-bad", "signature"],
    ["id-token-expired", "exp"],
    ["id-token-exp-missing", "exp"],
    ["id-token-iat-future", "iat"],
    ["id-token-iat-old", "iat"],
    ["id-token-at-hash-wrong", "at_hash"],
  ])("%s", (fault, check) => expectStop(bank, way, fault, "token", untrusted(check)));

  it.each<FaultName>(["id-token-aud-array-valid", "id-token-at-hash-absent"])("%s is accepted", fault =>
    expectAccepted(bank, way, fault),
  );
});
