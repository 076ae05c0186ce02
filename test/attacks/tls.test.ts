import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryStore, type TransportError } from "../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { connect, PROFILES } from "../support/partner.js";
import { committing, expectRefused, WISH } from "./attack.js";

let bank: Sandbox;
/** What the bank begins to do when it has been asked for its keys. */
let afterKeys: FaultName | undefined;
beforeAll(async () => {
  bank = await startSandbox({
    onEvent: ({ endpoint }) => {
      if (endpoint === "jwks" && afterKeys !== undefined) bank.faults.on(afterKeys);
    },
  });
});
afterAll(() => bank.close());

const UNSAFE = { name: "TransportError", code: "tls_failed" };

/** Expects that the work finds no secure connection; returns what it says of that. */
async function expectUnsafe(allowed: readonly string[], work: () => Promise<unknown>): Promise<TransportError> {
  let error: TransportError | undefined;
  const noted = () =>
    work().catch(reason => {
      error = reason;
      throw reason;
    });
  await expectRefused(bank, UNSAFE, allowed, noted);
  expect(error).toMatchObject({ reached: "no", sideEffect: "none" });
  expect(error?.message).toContain("No secure connection");
  return error as TransportError;
}

describe.each(PROFILES)("%s: a server that must not be spoken to", profile => {
  it.each<FaultName>([
    "server-certificate-untrusted",
    "server-certificate-wrong-name",
    "server-certificate-expired",
    "tls-1.1-only",
    "tls-1.2-cbc-only",
  ])("%s: nothing reaches it, at the first call or when the code is to be exchanged", async fault => {
    const store = new MemoryStore();
    const first = connect(bank, profile, { store });
    await committing(bank, [fault], () => expectUnsafe(["handshake"], () => first.links.begin(WISH)));
    const begun = await first.links.begin(WISH);
    const callback = await bank.approve(begun.authorizationUrl);
    await first.close();

    // Another process, that has no connection yet to where it shows its certificate.
    const second = connect(bank, profile, { store });
    await second.ready();
    const before = bank.faults.struck(fault);
    afterKeys = fault;
    try {
      const { endpoint } = await expectUnsafe(["jwks", "handshake"], () => second.links.complete(callback, begun));
      expect(endpoint).toMatch(/\/token$/);
      expect(bank.faults.struck(fault)).toBeGreaterThan(before);
    } finally {
      afterKeys = undefined;
      bank.faults.off();
      await second.close();
    }
  });
});
