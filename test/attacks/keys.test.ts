import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";
import { expectStop, untrusted } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterEach(() => {
  vi.useRealTimers();
  bank.faults.off();
});
afterAll(() => bank.close());

describe.each(PROFILES)("%s: the bank's keys", profile => {
  it("jwks-foreign-host-gets-no-client-certificate", async () => {
    bank.faults.on("jwks-foreign-host");
    const minna = connect(bank, profile);
    const since = bank.events.length;
    await link(bank, minna);
    const foreign = bank.events.slice(since).filter(event => event.channel === "foreign");
    expect(foreign).toHaveLength(1);
    expect(foreign[0]).not.toHaveProperty("certificate");
    await minna.close();
  });

  it("jwks-rotated: an unknown kid is looked up again, once", async () => {
    const minna = connect(bank, profile);
    await link(bank, minna);
    await bank.rotateKeys();
    // Not at once: whoever could make a client fetch keys for each forged kid would have a tool.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 31_000 });
    const since = bank.events.length;
    expect((await link(bank, minna)).status).toBe("active");
    expect(bank.events.slice(since).filter(event => event.endpoint === "jwks")).toHaveLength(1);
    await minna.close();
  });

  it("are fetched once for all who wait", async () => {
    const minna = connect(bank, profile);
    const begun = await Promise.all(
      [1, 2, 3].map(() => minna.links.begin({ customerId: "u-42", scopes: ["balance"] })),
    );
    const callbacks = await Promise.all(begun.map(({ authorizationUrl }) => bank.approve(authorizationUrl)));
    const since = bank.events.length;
    await Promise.all(
      callbacks.map((callback, i) => minna.links.complete(callback, begun[i] ?? { transaction: undefined })),
    );
    expect(bank.events.slice(since).filter(event => event.endpoint === "jwks")).toHaveLength(1);
    await minna.close();
  });

  it.each(["jwks-html", "jwks-huge", "jwks-empty"] as const)("%s: no token is asked for", async fault => {
    bank.faults.on(fault);
    const minna = connect(bank, profile);
    const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
    const callback = await bank.approve(authorizationUrl);
    const since = bank.events.length;
    const error = await minna.links.complete(callback, { transaction }).catch(reason => reason);
    expect(error).toMatchObject({ name: "ValidationError" });
    const received = bank.events.slice(since).map(event => event.endpoint);
    // With a key set that holds no fitting key, a plain response gets as far as the ID Token, whose code is spent.
    if (profile !== "fapi2-security" || fault !== "jwks-empty") expect(received).not.toContain("token");
    await minna.close();
  });
});

it("jwks-weak-key: RSA of 1024 bits is refused", () =>
  expectStop(bank, "fapi1-advanced", "jwks-weak-key", "complete", untrusted("key")));
