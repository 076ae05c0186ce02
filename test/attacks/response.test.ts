import { afterAll, beforeAll, describe, it } from "vitest";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { expectStop, untrusted } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe("fapi2-security: the plain response", () => {
  it.each<[FaultName, string]>([
    ["response-iss-missing", "iss"],
    ["response-iss-wrong", "iss"],
    ["response-state-missing", "state"],
    ["response-state-wrong", "state"],
    ["response-jarm-when-plain-expected", "response_mode"],
    ["response-duplicated-parameter", "parameter"],
    ["response-without-code-or-error", "code"],
  ])("%s", (fault, check) => expectStop(bank, "fapi2-security", fault, "complete", untrusted(check)));
});

describe.each(["fapi1-advanced", "fapi2-message-signing"] as const)("%s: the signed response (JARM)", profile => {
  it.each<[FaultName, string]>([
    ["response-plain-when-jarm-expected", "response_mode"],
    ["error-outside-jarm", "response_mode"],
    ["response-state-missing", "state"],
    ["response-state-wrong", "state"],
    ["response-duplicated-parameter", "parameter"],
    ["response-without-code-or-error", "code"],
    ["jarm-iss-missing", "iss"],
    ["jarm-iss-wrong", "iss"],
    ["jarm-aud-missing", "aud"],
    ["jarm-aud-wrong", "aud"],
    ["jarm-exp-missing", "exp"],
    ["jarm-expired", "exp"],
    ["jarm-alg-none", "alg"],
    ["jarm-alg-rs256-published-key", "alg"],
    ["jarm-signature-bad", "signature"],
    ["jarm-key-unknown", "key"],
    ["jarm-too-large", "size"],
  ])("%s", (fault, check) => expectStop(bank, profile, fault, "complete", untrusted(check)));

  it("error-inside-jarm is the bank's own word", () =>
    expectStop(bank, profile, "error-inside-jarm", "complete", { name: "AuthorizationError", code: "server_error" }));
});
