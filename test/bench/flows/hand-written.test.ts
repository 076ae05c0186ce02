/** What the SDK is measured against makes the checks of its profile: no easier than the SDK has it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FaultName, type Sandbox, startSandbox } from "../../../src/sandbox/index.js";
import { HandWrittenPartner } from "./hand-written.js";

const OF_ALL: readonly FaultName[] = [
  "response-state-wrong",
  "par-request-uri-foreign",
  "id-token-iss-wrong",
  "id-token-aud-wrong",
  "id-token-aud-second-untrusted",
  "id-token-nonce-wrong",
  "id-token-alg-none",
  "id-token-signature-bad",
  "id-token-expired",
  "id-token-iat-old",
  "id-token-at-hash-wrong",
  "token-type-dpop",
  "token-endpoint-redirect",
];
const OF_JARM: readonly FaultName[] = [
  "response-plain-when-jarm-expected",
  "jarm-iss-wrong",
  "jarm-aud-wrong",
  "jarm-expired",
  "jarm-alg-none",
  "jarm-signature-bad",
  "jarm-key-unknown",
];

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each([
  ["fapi1-advanced", [...OF_ALL, ...OF_JARM]],
  ["fapi2-security", [...OF_ALL, "response-iss-missing", "response-iss-wrong"]],
  ["fapi2-message-signing", OF_JARM],
] as const)("%s, written by hand", (profile, attacks) => {
  async function link(): Promise<string> {
    const partner = new HandWrittenPartner(bank.client(profile));
    try {
      const { authorizationUrl, transaction } = await partner.begin("u-42");
      return await partner.complete(await bank.approve(authorizationUrl), transaction);
    } finally {
      await partner.close();
    }
  }

  it("links an account", async () => {
    expect(await link()).toMatch(/.+/);
  });

  it.each(attacks)("refuses %s", async attack => {
    bank.faults.on(attack);
    try {
      await expect(link()).rejects.toThrow();
      expect(bank.faults.struck(attack)).toBeGreaterThan(0);
    } finally {
      bank.faults.off();
    }
  });
});
