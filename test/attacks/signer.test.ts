import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExternalSigner } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect } from "../support/partner.js";
import { expectNothingBut, expectRefused, titled, WAYS, WISH } from "./attack.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(titled(WAYS.filter(({ profile }) => profile !== "fapi2-security")))("%s: a signer outside", (_, way) => {
  const signing = (sign: ExternalSigner["sign"]): ExternalSigner => {
    const { alg, kid } = bank.client(way.profile as "fapi1-advanced" | "fapi2-message-signing").signing;
    return { alg, kid, sign };
  };

  it("that is slow: signing_timeout, and what it signs too late goes nowhere", async () => {
    let signed: Promise<Uint8Array> | undefined;
    const slow = signing(() => {
      signed = sleep(300).then(() => Buffer.alloc(256));
      return signed;
    });
    const minna = connect(bank, way.profile, { ...way.more, signing: slow });
    await minna.ready();
    const since = bank.events.length;
    const late = { name: "SigningError", code: "signing_timeout" };
    await expectRefused(bank, late, [], () => minna.links.begin(WISH, { timeout: 100 }));
    await signed;
    await sleep(50);
    expectNothingBut(bank, since, []);
    await minna.close();
  });

  it.each<[string, ExternalSigner["sign"]]>([
    ["that fails", () => Promise.reject(new Error("eyJ: the HSM repeats what it was to sign"))],
    ["that returns text", () => "eyJ" as unknown as Uint8Array],
    ["that returns a signature of the wrong length", () => Buffer.alloc(70, 0x30)],
  ])("%s: signing_failed, and nothing reached the bank", async (_, sign) => {
    const minna = connect(bank, way.profile, { ...way.more, signing: signing(sign) });
    const failed = { name: "SigningError", code: "signing_failed" };
    await expectRefused(bank, failed, ["discovery"], () => minna.links.begin(WISH));
    await minna.close();
  });

  it("that signs with another key: the bank refuses", async () => {
    const other = signing(() => Buffer.alloc(way.profile === "fapi1-advanced" ? 256 : 64, 1));
    const minna = connect(bank, way.profile, { ...way.more, signing: other });
    if (way.name.endsWith("by value")) {
      const { authorizationUrl } = await minna.links.begin(WISH);
      await expect(bank.approve(authorizationUrl)).rejects.toThrow("the bank refused");
    } else {
      const refused = { name: "OAuthError", code: "invalid_request_object" };
      await expectRefused(bank, refused, ["discovery", "par"], () => minna.links.begin(WISH));
    }
    await minna.close();
  });
});
