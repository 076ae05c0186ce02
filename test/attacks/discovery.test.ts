import { afterAll, beforeAll, describe, it } from "vitest";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { expectAccepted, expectStop, OPENID_WAYS, titled, untrusted, WAYS } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(titled(OPENID_WAYS))("%s: a bank whose metadata lies", (_, way) => {
  it.each<[FaultName, string]>([
    ["discovery-issuer-mismatch", "issuer"],
    ["discovery-issuer-trailing-slash", "issuer"],
    ["metadata-alias-missing", "mtls_endpoint_aliases"],
  ])("%s", (fault, check) => expectStop(bank, way, fault, "discovery", untrusted(check)));

  it("metadata-offers-rs256-and-none is not listened to", () =>
    expectAccepted(bank, way, "metadata-offers-rs256-and-none"));
});

describe.each(titled(WAYS.filter(({ profile }) => profile !== "fapi2-security")))(
  "%s: a bank that says so",
  (_, way) => {
    it.each<FaultName>(["jarm-alg-none", "jarm-alg-rs256-published-key"])(
      "metadata-offers-rs256-and-none, and commits %s",
      fault => expectStop(bank, way, ["metadata-offers-rs256-and-none", fault], "response", untrusted("alg")),
    );
  },
);

describe.each(titled(OPENID_WAYS))("%s: a bank that says so", (_, way) => {
  it.each<FaultName>(["id-token-alg-none", "id-token-alg-rs256"])(
    "metadata-offers-rs256-and-none, and commits %s",
    fault => expectStop(bank, way, ["metadata-offers-rs256-and-none", fault], "token", untrusted("alg")),
  );
});
