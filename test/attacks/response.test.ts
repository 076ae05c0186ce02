import { afterAll, beforeAll, describe, it } from "vitest";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { expectStop, type Stage, titled, untrusted, WAYS } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

const isPlain = ({ profile }: (typeof WAYS)[number]) => profile === "fapi2-security";

describe.each(titled(WAYS.filter(isPlain)))("%s: the plain response", (_, way) => {
  it.each<[FaultName, string]>([
    ["response-iss-missing", "iss"],
    ["response-iss-wrong", "iss"],
    ["response-state-missing", "state"],
    ["response-state-wrong", "state"],
    ["response-jarm-when-plain-expected", "response_mode"],
    ["response-duplicated-parameter", "parameter"],
    ["response-without-code-or-error", "code"],
  ])("%s", (fault, check) => expectStop(bank, way, fault, "response", untrusted(check)));
});

describe.each(titled(WAYS.filter(way => !isPlain(way))))("%s: the signed response (JARM)", (_, way) => {
  it.each<[FaultName, string, Stage]>([
    ["response-plain-when-jarm-expected", "response_mode", "response"],
    ["error-outside-jarm", "response_mode", "response"],
    ["response-duplicated-parameter", "parameter", "response"],
    ["jarm-too-large", "size", "response"],
    // In the order of JARM section 2.4: no key is fetched for a stranger.
    ["jarm-iss-missing", "iss", "response"],
    ["jarm-iss-wrong", "iss", "response"],
    ["jarm-aud-missing", "aud", "response"],
    ["jarm-aud-wrong", "aud", "response"],
    ["jarm-exp-missing", "exp", "response"],
    ["jarm-expired", "exp", "response"],
    ["jarm-alg-none", "alg", "response"],
    ["jarm-alg-rs256-published-key", "alg", "response"],
    ["jarm-signature-bad", "signature", "jwks"],
    ["jarm-key-unknown", "key", "jwks"],
    ["response-state-missing", "state", "jwks"],
    ["response-state-wrong", "state", "jwks"],
    ["response-without-code-or-error", "code", "jwks"],
  ])("%s", (fault, check, stage) => expectStop(bank, way, fault, stage, untrusted(check)));

  it("error-inside-jarm is the bank's own word", () =>
    expectStop(bank, way, "error-inside-jarm", "jwks", { name: "AuthorizationError", code: "server_error" }));
});
