import { X509Certificate } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner, thumbprint } from "./partner.js";

const HOUR = 3_600_000;

describe("certificates", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterAll(() => sandbox.close());

  it("are well-formed, and lead to the sandbox's authority", () => {
    const ca = new X509Certificate(sandbox.ca);
    const client = new X509Certificate(sandbox.client("fapi2-security").certificate.cert);
    expect(ca.ca).toBe(true);
    expect(client.ca).toBe(false);
    expect(client.verify(ca.publicKey)).toBe(true);
    expect(client.checkIssued(ca)).toBe(true);
    expect(client.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    const foreign = new X509Certificate(sandbox.issueCertificate({ trusted: false }).cert);
    expect(foreign.verify(ca.publicKey)).toBe(false);
  });

  it("keep the dates and the name that they are asked for", () => {
    const notBefore = new Date("2049-12-31T23:59:59Z");
    const notAfter = new Date("2051-01-02T03:04:05Z");
    const { cert } = sandbox.issueCertificate({ commonName: "名前, とても長い".repeat(3), notBefore, notAfter });
    const x509 = new X509Certificate(cert);
    expect(new Date(x509.validFrom)).toEqual(notBefore);
    expect(new Date(x509.validTo)).toEqual(notAfter);
  });

  it.each([
    ["no certificate", () => "none" as const, "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE"],
    ["a foreign one", () => sandbox.issueCertificate({ trusted: false }), /./],
    ["an expired one", () => sandbox.issueCertificate({ notAfter: new Date(Date.now() - HOUR) }), /./],
    ["one that is not valid yet", () => sandbox.issueCertificate({ notBefore: new Date(Date.now() + HOUR) }), /./],
  ])("end the handshake: %s", async (_what, certificate, reason) => {
    const partner = new Partner(sandbox, "fapi2-security", certificate());
    await expect(partner.call("/accounts")).rejects.toThrow();
    const event = sandbox.events.at(-1);
    expect(event).toMatchObject({ channel: "mtls", endpoint: "other", method: "TLS", status: 0 });
    expect(event?.detail["reason"]).toMatch(reason);
    await partner.close();
  });

  it("of another subject do not authenticate a client", async () => {
    const partner = new Partner(sandbox, "fapi2-security", sandbox.issueCertificate());
    await expect(partner.begin()).rejects.toMatchObject({ error: "invalid_client" });
    expect(sandbox.events.at(-1)?.detail["reason"]).toMatch(/subject value does not match/);
    await partner.close();
  });

  it("bind the token: with any other, even of the same subject, it is worth nothing", async () => {
    const partner = new Partner(sandbox, "fapi2-security");
    const { access_token: token, refresh_token: refreshToken = "" } = await partner.link();
    const next = sandbox.issueCertificate({ commonName: partner.client.clientId });
    const rotated = new Partner(sandbox, "fapi2-security", next);
    const refused = await rotated.call("/accounts", { token });
    expect([refused.status, refused.json.code]).toEqual([401, "invalid_token"]);
    expect(refused.headers["www-authenticate"]).toContain('error="invalid_token"');

    // The refresh token belongs to the client, not to the certificate: a new one gets new tokens.
    const fresh = await rotated.refresh(refreshToken);
    expect((await rotated.call("/accounts", { token: fresh.access_token })).status).toBe(200);
    expect((await partner.call("/accounts", { token: fresh.access_token })).status).toBe(401);
    expect(sandbox.events.at(-1)?.certificate).toBe(thumbprint(partner.client.certificate.cert));
    await Promise.all([partner.close(), rotated.close()]);
  });

  it.each([
    ["TLS 1.1", { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }],
    ["TLS 1.2 with CBC", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" }],
  ] as const)("come to nothing over %s", async (_what, options) => {
    await expect(handshake({ ...options })).rejects.toThrow();
  });

  it("do over TLS 1.2 with ECDHE and AES-GCM", async () => {
    const socket = await handshake({ maxVersion: "TLSv1.2" });
    expect(socket.getProtocol()).toBe("TLSv1.2");
    expect(socket.getCipher().name).toMatch(/^ECDHE-ECDSA-AES\d+-GCM-/);
    socket.destroy();
  });

  function handshake(options: object): Promise<TLSSocket> {
    const { port, hostname } = new URL(sandbox.issuer);
    return new Promise((resolve, reject) => {
      const socket = connect({
        port: Number(port),
        host: "127.0.0.1",
        servername: hostname,
        ca: sandbox.ca,
        ...options,
      });
      socket.once("secureConnect", () => resolve(socket)).once("error", reject);
    });
  }
});

describe("without a trusted certificate at the handshake", () => {
  it("the bank itself answers", async () => {
    await using sandbox = await startSandbox({ requireTrustedCertificate: false });
    const owner = new Partner(sandbox, "fapi2-security");
    const { access_token: token } = await owner.link();
    const foreign = sandbox.issueCertificate({ commonName: owner.client.clientId, trusted: false });
    for (const certificate of ["none", foreign] as const) {
      const partner = new Partner(sandbox, "fapi2-security", certificate);
      await expect(partner.begin()).rejects.toMatchObject({ error: "invalid_client" });
      const reply = await partner.call("/accounts", { token });
      expect([reply.status, reply.json.code]).toEqual([401, "invalid_token"]);
      await partner.close();
    }
    await owner.close();
  });
});
