import { afterAll, beforeAll, describe, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { PROFILES } from "../support/partner.js";
import { expectAccepted, expectStop, untrusted } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(PROFILES)("%s: a bank whose metadata lies", profile => {
  it("discovery-issuer-mismatch", () =>
    expectStop(bank, profile, "discovery-issuer-mismatch", "begin", untrusted("issuer")));
  it("discovery-issuer-trailing-slash", () =>
    expectStop(bank, profile, "discovery-issuer-trailing-slash", "begin", untrusted("issuer")));
  it("metadata-alias-missing", () =>
    expectStop(bank, profile, "metadata-alias-missing", "begin", untrusted("mtls_endpoint_aliases")));
  it("metadata-offers-rs256-and-none is not listened to", () =>
    expectAccepted(bank, profile, "metadata-offers-rs256-and-none"));
  it("jwks-duplicate-kid is resolved", () => expectAccepted(bank, profile, "jwks-duplicate-kid"));
});
