import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, endpointsSince, link } from "../support/partner.js";
import {
  committing,
  expectAccepted,
  expectNothingBut,
  expectStop,
  OPENID_WAYS,
  titled,
  untrusted,
  WAYS,
  WISH,
} from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => bank.close());

describe.each(titled(OPENID_WAYS))("%s: the bank's keys", (_, way) => {
  const pushed = way.name.endsWith("by value") ? [] : ["par"];

  it("jwks-foreign-host-gets-no-client-certificate", async () => {
    const minna = connect(bank, way.profile, way.more);
    const since = bank.events.length;
    await committing(bank, ["jwks-foreign-host-gets-no-client-certificate"], () => link(bank, minna));
    const foreign = bank.events.slice(since).filter(event => event.channel === "foreign");
    expect(foreign).toHaveLength(1);
    expect(foreign[0]).not.toHaveProperty("certificate");
    expectNothingBut(bank, since, ["discovery", ...pushed, "jwks (foreign)", "token"]);
    await minna.close();
  });

  it("jwks-duplicate-kid is resolved", () => expectAccepted(bank, way, "jwks-duplicate-kid"));

  it("jwks-rotated: an unknown kid is looked up again, once", async () => {
    const minna = connect(bank, way.profile, way.more);
    await link(bank, minna);
    // Not at once: whoever could make a client fetch keys for each forged kid would have a tool.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 31_000 });
    const since = bank.events.length;
    const { status } = await committing(bank, ["jwks-rotated"], () => link(bank, minna));
    expect(status).toBe("active");
    expectNothingBut(bank, since, [...pushed, "jwks", "token"]);
    expect(endpointsSince(bank, since)).toContain("jwks");
    await minna.close();
  });

  it("are fetched once for all who wait", async () => {
    const minna = connect(bank, way.profile, way.more);
    const begun = await Promise.all([1, 2, 3].map(() => minna.links.begin(WISH)));
    const callbacks = await Promise.all(begun.map(({ authorizationUrl }) => bank.approve(authorizationUrl)));
    const since = bank.events.length;
    await Promise.all(
      callbacks.map((callback, i) => minna.links.complete(callback, begun[i] ?? { transaction: undefined })),
    );
    expect(endpointsSince(bank, since).filter(endpoint => endpoint === "jwks")).toHaveLength(1);
    await minna.close();
  });

  it("jwks-html: no code is spent", () => expectStop(bank, way, "jwks-html", "jwks", untrusted("key")));

  it("jwks-huge: no code is spent", () => expectStop(bank, way, "jwks-huge", "jwks", untrusted("size")));

  // A plain response gets as far as the ID Token: that there are keys is known, that none fits is not.
  it("jwks-empty", () =>
    expectStop(bank, way, "jwks-empty", way.profile === "fapi2-security" ? "token" : "jwks", untrusted("key")));
});

describe.each(titled(WAYS.filter(({ profile }) => profile === "fapi1-advanced")))("%s", (_, way) => {
  it("jwks-weak-key: RSA of 1024 bits is refused", () =>
    expectStop(bank, way, "jwks-weak-key", "jwks", untrusted("key")));
});

it("a bank that signs nothing is not asked for keys", async () => {
  const minna = connect(bank, "fapi2-security", { contract: { scopes: { openid: null } } });
  const since = bank.events.length;
  await link(bank, minna);
  expectNothingBut(bank, since, ["discovery", "par", "token"]);
  await minna.close();
});
