/** A key is parsed when it is given or fetched, and never again: not for each signature, nor for each that is verified. */
import crypto, { KeyObject } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, link, PROFILES } from "../support/partner.js";

const SIGNATURES = 100;
const LINKS = 10;
const WISH = { customerId: "u-42", scopes: ["balance"] } as const;

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

/** Watches the ways into a key, also for those who have imported them by name. */
function watchKeys() {
  const parsed = vi.spyOn(crypto, "createPrivateKey");
  const published = vi.spyOn(crypto, "createPublicKey");
  const signed = vi.spyOn(crypto, "sign");
  syncBuiltinESMExports();
  return { parsed, published, signed };
}

describe.each(["fapi1-advanced", "fapi2-message-signing"] as const)("%s", profile => {
  it("100 signatures are made with one key, which was parsed before", async () => {
    const { parsed, published, signed } = watchKeys();
    const minna = connect(bank, profile);
    await minna.links.begin(WISH);
    expect(parsed.mock.calls.length).toBeGreaterThan(0);
    for (const spy of [parsed, published, signed]) spy.mockClear();
    for (let made = 0; made < SIGNATURES; made++) await minna.links.begin(WISH);
    expect([parsed.mock.calls.length, published.mock.calls.length]).toEqual([0, 0]);
    const keys = new Set(signed.mock.calls.map(([, , key]) => keyOf(key)));
    expect([keys.size, signed.mock.calls.length]).toEqual([1, SIGNATURES]);
    expect([...keys][0]).toBeInstanceOf(KeyObject);
    await minna.close();
  });
});

describe.each(PROFILES)("%s", profile => {
  it("what the bank signs is verified with keys that were parsed at the first link", async () => {
    const minna = connect(bank, profile);
    const imported = vi.spyOn(crypto.webcrypto.subtle, "importKey");
    const verified = vi.spyOn(crypto.webcrypto.subtle, "verify");
    await link(bank, minna);
    expect(imported.mock.calls.length).toBeGreaterThan(0);
    for (const spy of [imported, verified]) spy.mockClear();
    for (let made = 0; made < LINKS; made++) await link(bank, minna);
    // The ID Token; where they are JWTs the response, too, and by the bank, which is in this process, the request.
    expect(verified).toHaveBeenCalledTimes(profile === "fapi2-security" ? LINKS : 3 * LINKS);
    expect(imported).not.toHaveBeenCalled();
    await minna.close();
  });
});

/** What is not a `KeyObject` here is parsed by each signature. */
function keyOf(key: unknown): unknown {
  return typeof key === "object" && key !== null && "key" in key ? key.key : key;
}
