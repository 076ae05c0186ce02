import { connect, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FaultName, type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { Partner } from "./partner.js";

const PERMISSIVE = { minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" } as const;
const HANDSHAKE_FAULTS = [
  "server-certificate-untrusted",
  "server-certificate-wrong-name",
  "server-certificate-expired",
  "tls-1.1-only",
  "tls-1.2-cbc-only",
] as const satisfies readonly FaultName[];

describe("servers that nobody should talk to", () => {
  let sandbox: Sandbox;
  let origins: readonly string[];
  beforeAll(async () => {
    sandbox = await startSandbox();
    const partner = new Partner(sandbox, "fapi2-security");
    sandbox.faults.on("jwks-foreign-host-gets-no-client-certificate", { times: 1 });
    const { json } = await partner.call(`${sandbox.issuer}/.well-known/openid-configuration`);
    origins = [sandbox.issuer, sandbox.apiBaseUrl, json.jwks_uri].map(url => new URL(url).origin);
    await partner.close();
  });
  afterEach(() => sandbox.faults.off());
  afterAll(() => sandbox.close());

  it.each([
    ["server-certificate-untrusted", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
    ["server-certificate-wrong-name", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ["server-certificate-expired", "CERT_HAS_EXPIRED"],
  ] as const)("%s", async (name, code) => {
    const since = sandbox.events.length;
    sandbox.faults.on(name);
    for (const origin of origins) await expect(handshake(sandbox, origin)).rejects.toMatchObject({ code });
    await expect(sandbox.approve(`${sandbox.issuer}/authorize`)).rejects.toMatchObject({ code });
    expect(sandbox.faults.struck(name)).toBe(4);
    expect(sandbox.events.slice(since).filter(({ method }) => method !== "TLS")).toEqual([]);
  });

  it.each([
    ["tls-1.1-only", "TLSv1.1", /-CBC|-SHA$/, { minVersion: "TLSv1.2" }],
    ["tls-1.2-cbc-only", "TLSv1.2", /^ECDHE-ECDSA-AES\d+-SHA\d+$/, { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }],
  ] as const)("%s", async (name, protocol, cipher, strict) => {
    sandbox.faults.on(name);
    for (const origin of origins) {
      const socket = await handshake(sandbox, origin, PERMISSIVE);
      expect(socket.getProtocol()).toBe(protocol);
      expect(socket.getCipher().name).toMatch(cipher);
      socket.destroy();
      await expect(handshake(sandbox, origin, { ...strict, maxVersion: "TLSv1.2" })).rejects.toThrow();
      await expect(handshake(sandbox, origin, { minVersion: "TLSv1.3" })).rejects.toThrow();
    }
  });

  it.each(HANDSHAKE_FAULTS)("%s, and all is well again without it", async name => {
    for (const origin of origins) {
      sandbox.faults.on(name);
      (await handshake(sandbox, origin, { ...PERMISSIVE, rejectUnauthorized: false })).destroy();
      sandbox.faults.off(name);
      const sound = await handshake(sandbox, origin);
      expect([sound.authorized, sound.getProtocol()]).toEqual([true, "TLSv1.3"]);
      sound.destroy();
      const older = await handshake(sandbox, origin, { maxVersion: "TLSv1.2" });
      expect(older.getCipher().name).toMatch(/^ECDHE-ECDSA-AES\d+-GCM-SHA\d+$/);
      older.destroy();
      await expect(handshake(sandbox, origin, { ...PERMISSIVE, maxVersion: "TLSv1.1" })).rejects.toThrow();
    }
  });

  it("are two things at once where two are asked for", async () => {
    sandbox.faults.on("server-certificate-expired");
    sandbox.faults.on("tls-1.2-cbc-only");
    const socket = await handshake(sandbox, sandbox.issuer, { rejectUnauthorized: false });
    expect([String(socket.authorizationError), socket.getProtocol()]).toEqual(["CERT_HAS_EXPIRED", "TLSv1.2"]);
    socket.destroy();
  });

  it("meet new connections only, and as many as they are told", async () => {
    const partner = new Partner(sandbox, "fapi2-security");
    const { access_token: token } = await partner.link();
    sandbox.faults.on("server-certificate-expired", { times: 1 });
    expect((await partner.call("/accounts", { token })).status).toBe(200);
    const late = new Partner(sandbox, "fapi2-security");
    await expect(late.call("/accounts", { token })).rejects.toMatchObject({ code: "CERT_HAS_EXPIRED" });
    expect((await late.call("/accounts", { token })).status).toBe(200);
    await Promise.all([partner.close(), late.close()]);
  });

  it("are not hidden by a session of before", async () => {
    const { ticket } = await sessionOf(sandbox, sandbox.apiBaseUrl);
    const resumed = await handshake(sandbox, sandbox.apiBaseUrl, { session: ticket });
    expect(resumed.isSessionReused()).toBe(true);
    resumed.destroy();
    sandbox.faults.on("server-certificate-untrusted");
    const again = handshake(sandbox, sandbox.apiBaseUrl, { session: ticket });
    await expect(again).rejects.toMatchObject({ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
  });

  it("still ask for a client certificate", async () => {
    sandbox.faults.on("server-certificate-expired");
    const anonymous = { cert: undefined, key: undefined, maxVersion: "TLSv1.2", rejectUnauthorized: false };
    await expect(handshake(sandbox, sandbox.apiBaseUrl, anonymous)).rejects.toThrow();
    sandbox.faults.off();
    await expect(handshake(sandbox, sandbox.apiBaseUrl, anonymous)).rejects.toThrow();
  });

  it.each(HANDSHAKE_FAULTS)("%s can't be for one client", name => {
    expect(() => sandbox.faults.on(name, { clientId: "partner-fapi2-security" })).toThrow(RangeError);
  });
});

function handshake(sandbox: Sandbox, origin: string, options: object = {}): Promise<TLSSocket> {
  const { port, hostname: servername } = new URL(origin);
  const { cert, key } = sandbox.client("fapi2-security").certificate;
  const name = servername === "localhost" ? { servername } : {};
  const target = { port: Number(port), host: "127.0.0.1", ...name, ca: sandbox.ca, cert, key };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...target, ...options });
    socket.once("secureConnect", () => resolve(socket)).once("error", reject);
  });
}

/** What a client keeps in order to be quicker the next time. */
async function sessionOf(sandbox: Sandbox, origin: string): Promise<{ ticket: Buffer }> {
  const socket = await handshake(sandbox, origin);
  const ticket = await new Promise<Buffer>(resolve => socket.once("session", resolve));
  socket.destroy();
  return { ticket };
}
