import { afterAll, beforeAll, describe, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { PROFILES } from "../support/partner.js";
import { expectStop, untrusted } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(PROFILES)("%s: the answer to the pushed request", profile => {
  it("par-request-uri-foreign", () =>
    expectStop(bank, profile, "par-request-uri-foreign", "begin", untrusted("request_uri")));
  it("par-request-uri-expired", () =>
    expectStop(bank, profile, "par-request-uri-expired", "begin", untrusted("expires_in")));
  it("par-status-200", () => expectStop(bank, profile, "par-status-200", "begin", untrusted("status")));
  it("par-error", () =>
    expectStop(bank, profile, "par-error", "begin", { name: "OAuthError", code: "invalid_request" }));
});
