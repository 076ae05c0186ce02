import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ApiError, TransportError } from "../../src/index.js";
import { Canaries, PERSONAL, shownOf, WatchedStore } from "./canaries.js";
import { Watch } from "./watch.js";

const TOKEN = "canary-access-token";

/** Errors that leak, each in its own way. */
const LEAKS: Readonly<Record<string, () => unknown>> = {
  "in the message": () => new Error(`token ${TOKEN}`),
  "in a member": () => Object.assign(new Error("refused"), { token: TOKEN }),
  "in a hidden member": () => Object.defineProperty(new Error("refused"), "token", { value: TOKEN }),
  "in a cause": () => new Error("refused", { cause: new Error(TOKEN) }),
  "in a cause's cause that is no error": () =>
    new Error("refused", { cause: new Error("deeper", { cause: { body: { access_token: TOKEN } } }) }),
  "in the stack": () => Object.assign(new Error("refused"), { stack: TOKEN }),
  "in base64": () => new Error(Buffer.from(TOKEN).toString("base64url")),
  "in a URL": () => new Error(encodeURIComponent("架空市見本町")),
  "in what it becomes as JSON": () => Object.assign(new Error("refused"), { toJSON: () => TOKEN }),
  "in what it is printed as": () => Object.assign(new Error("refused"), { [inspect.custom]: () => TOKEN }),
  "in the bundle for the bank's support": () =>
    new TransportError("timeout", "Late.", { reached: "no", endpoint: `https://bank.example/${TOKEN}` }),
  "in an error of the house": () => new ApiError("conflict", { status: 409, bankCode: TOKEN }),
  "thrown as it is": () => TOKEN,
};

describe("the watch", () => {
  it.each(Object.entries(LEAKS))("finds a canary %s", async (_, leak) => {
    const watch = new Watch();
    watch.canaries.add("token", TOKEN);
    watch.canaries.add("city", "架空市見本町");
    await watch.step(() => {
      throw leak();
    });
    expect(() => watch.expectSilence()).toThrow(/token|city/);
    watch.expectSilence();
  });

  it("finds a canary in what is printed, and in the lines of a key", () => {
    const watch = new Watch();
    const line = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";
    watch.canaries.addKey("key", `-----BEGIN PRIVATE KEY-----\n${line}\n-----END PRIVATE KEY-----\n`);
    watch.canaries.addKey("jwk", { kty: "EC", x: "public-member", d: "private-member" });
    watch.print({ a: { b: { c: [line] } } });
    expect(() => watch.expectSilence()).toThrow("key");
    watch.print({ d: "private-member" });
    expect(() => watch.expectSilence()).toThrow("jwk");
    watch.print({ x: "public-member" });
    watch.expectSilence();
  });

  it("writes secrets down as they pass through the store, and personal data wherever it is", async () => {
    const canaries = new Canaries();
    const store = new WatchedStore(canaries);
    const secrets = { state: "the-state", codeVerifier: "the-verifier", nonce: "the-nonce" };
    await store.put("transaction:x", JSON.stringify({ secrets }), { version: 0 });
    await store.put("link:x", JSON.stringify({ tokens: { accessToken: TOKEN } }), { version: 0 });
    canaries.addMembers("identity", { address: { city: "架空市", note: "not personal" } }, PERSONAL);
    canaries.addJwt("response", "header.the-payload.the-signature");
    for (const text of ["the-state", "the-verifier", "the-nonce", TOKEN, "架空市", "the-payload", "the-signature"]) {
      expect(canaries.foundIn(shownOf(new Error(`a ${text} b`)))).toHaveLength(1);
    }
    expect(canaries.foundIn("not personal, header")).toEqual([]);
  });
});
