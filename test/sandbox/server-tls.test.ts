import { connect, type TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../src/sandbox/index.js";
import { Partner } from "./partner.js";

const PERMISSIVE = { minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" } as const;

describe("servers that nobody should talk to", () => {
  it.each([
    ["untrusted", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["wrong-name", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["expired", "CERT_HAS_EXPIRED"],
  ] as const)("a certificate that is %s", async (serverCertificate, code) => {
    await using sandbox = await startSandbox({ serverCertificate });
    const partner = new Partner(sandbox, "fapi2-security");
    await expect(partner.call(`${sandbox.issuer}/jwks`)).rejects.toMatchObject({ code });
    await expect(partner.call("/accounts")).rejects.toMatchObject({ code });
    await expect(sandbox.approve(`${sandbox.issuer}/authorize`)).rejects.toMatchObject({ code });
    expect(sandbox.events.filter(({ method }) => method !== "TLS")).toEqual([]);
    await partner.close();
  });

  it.each([
    ["1.1-only", "TLSv1.1", /-CBC|-SHA$/, { minVersion: "TLSv1.2" }],
    ["1.2-cbc-only", "TLSv1.2", /^ECDHE-ECDSA-AES\d+-SHA\d+$/, { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }],
  ] as const)("TLS %s", async (tls, protocol, cipher, strict) => {
    await using sandbox = await startSandbox({ tls });
    for (const origin of [sandbox.issuer, new URL(sandbox.apiBaseUrl).origin]) {
      const socket = await handshake(sandbox, origin, PERMISSIVE);
      expect(socket.getProtocol()).toBe(protocol);
      expect(socket.getCipher().name).toMatch(cipher);
      socket.destroy();
      await expect(handshake(sandbox, origin, { ...strict, maxVersion: "TLSv1.2" })).rejects.toThrow();
      await expect(handshake(sandbox, origin, { minVersion: "TLSv1.3" })).rejects.toThrow();
    }
  });

  it.each([{ serverCertificate: "good" }, { tls: "1.0" }])("are what is known, and not %o", async options => {
    await expect(startSandbox(options as SandboxOptions)).rejects.toThrow(RangeError);
  });
});

function handshake(sandbox: Sandbox, origin: string, options: object): Promise<TLSSocket> {
  const { port, hostname: servername } = new URL(origin);
  const { cert, key } = sandbox.client("fapi2-security").certificate;
  const target = { port: Number(port), host: "127.0.0.1", servername, ca: sandbox.ca, cert, key };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...target, ...options });
    socket.once("secureConnect", () => resolve(socket)).once("error", reject);
  });
}
