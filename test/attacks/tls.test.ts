import { afterEach, describe, expect, it } from "vitest";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../src/sandbox/index.js";
import { connect } from "../support/partner.js";

let bank: Sandbox;
afterEach(() => bank.close());

describe("a server that must not be spoken to", () => {
  it.each<[string, SandboxOptions]>([
    ["server-certificate-untrusted", { serverCertificate: "untrusted" }],
    ["server-certificate-wrong-name", { serverCertificate: "wrong-name" }],
    ["server-certificate-expired", { serverCertificate: "expired" }],
    ["tls-1.1-only", { tls: "1.1-only" }],
    ["tls-1.2-cbc-only", { tls: "1.2-cbc-only" }],
  ])("%s: nothing reaches it", async (_, options) => {
    bank = await startSandbox(options);
    const minna = connect(bank, "fapi2-security");
    const error = await minna.ready().catch(reason => reason);
    expect(error).toMatchObject({ name: "TransportError", code: "tls_failed", reached: "no", sideEffect: "none" });
    expect(error.message).toContain("No secure connection");
    expect(bank.events.filter(event => event.method !== "TLS")).toEqual([]);
    await minna.close();
  });
});
