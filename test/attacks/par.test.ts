import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, PROFILES } from "../support/partner.js";
import { expectNothingBut, expectStop, inProfile, titled, untrusted, WISH } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(titled(PROFILES.map(profile => inProfile(profile))))("%s: the pushed request", (_, way) => {
  it.each<[FaultName, string]>([
    ["par-request-uri-foreign", "request_uri"],
    ["par-request-uri-expired", "expires_in"],
    ["par-status-200", "status"],
  ])("%s", (fault, check) => expectStop(bank, way, fault, "par", untrusted(check)));

  it("par-error", () => expectStop(bank, way, "par-error", "par", { name: "OAuthError", code: "invalid_request" }));

  it("is pushed anew for each attempt: a request_uri is for one use, within the time that the caller is told", async () => {
    const minna = connect(bank, way.profile, way.more);
    const since = bank.events.length;
    const begun = [await minna.links.begin(WISH), await minna.links.begin(WISH)];
    expectNothingBut(bank, since, ["discovery", "par", "par"]);
    const uris = begun.map(({ authorizationUrl }) => new URL(authorizationUrl).searchParams.get("request_uri"));
    expect(new Set(uris).size).toBe(2);
    expect(begun.every(({ authorizationUrlExpiresIn }) => authorizationUrlExpiresIn === 60)).toBe(true);
    const [first] = begun;
    if (first === undefined) throw new Error("nothing was begun");
    await bank.approve(first.authorizationUrl);
    await expect(bank.approve(first.authorizationUrl)).rejects.toThrow("the bank refused");
    await minna.close();
  });
});

it("fapi1-advanced by value: each attempt has a request object of its own", async () => {
  const minna = connect(bank, "fapi1-advanced", { requestDelivery: "by-value" });
  const since = bank.events.length;
  const begun = [await minna.links.begin(WISH), await minna.links.begin(WISH)];
  expectNothingBut(bank, since, ["discovery"]);
  const claims = begun.map(({ authorizationUrl }) => {
    const [, payload = ""] = new URL(authorizationUrl).searchParams.get("request")?.split(".") ?? [];
    return JSON.parse(Buffer.from(payload, "base64url").toString());
  });
  for (const name of ["jti", "state", "nonce", "code_challenge"]) {
    expect(new Set(claims.map(claim => claim[name])).size).toBe(2);
  }
  await minna.close();
});
