import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { toJst } from "../../src/config/jst.js";
import { TransportError } from "../../src/errors.js";
import { Door, type OutgoingRequest } from "../../src/transport/door.js";
import { Generations } from "../../src/transport/generation.js";
import { certificateAlert, insecurity, unreachable } from "../../src/transport/tls-failure.js";
import { aCall } from "../support/calls.js";
import {
  type CertificatePair,
  certificateOptions,
  clientCertificate,
  newAuthority,
  serverCertificate,
} from "../support/certificates.js";
import { rejection } from "../support/errors.js";
import { startServer, type TestServer } from "../support/tls-server.js";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
const DAY = 86_400_000;
const authority = newAuthority();
const partner = clientCertificate(authority);
const server = serverCertificate(authority);

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  await Promise.all(closing.splice(0).map(close => close()));
});

function aDoor(certificate: CertificatePair = partner, ca: string = authority.certificate): Door {
  const generations = new Generations(certificateOptions({ ...certificate, ca }));
  closing.push(() => generations.close());
  return new Door(generations);
}

async function aServer(options: Parameters<typeof startServer>[0]): Promise<TestServer> {
  const started = await startServer({ ...server, ...options }, (_, response) => response.end("ok"));
  closing.push(() => started.close());
  return started;
}

/** A server that lets nobody in without a certificate of the authority. */
function strict(maxVersion: (typeof VERSIONS)[number]): Promise<TestServer> {
  return aServer({ ca: authority.certificate, requestCert: true, rejectUnauthorized: true, maxVersion });
}

async function listening(one: Server): Promise<string> {
  await new Promise<void>(resolve => one.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise(resolve => one.close(resolve)));
  return `https://localhost:${(one.address() as AddressInfo).port}`;
}

async function failure(door: Door, url: string, more: Partial<OutgoingRequest> = {}): Promise<TransportError> {
  const outgoing = { method: "POST", url: new URL(url), headers: {}, presents: "client-certificate", ...more } as const;
  return rejection(door.send(outgoing, aCall()), TransportError);
}

describe.each(VERSIONS)("%s: a server that refuses the client certificate", version => {
  const code = version === "TLSv1.2" ? "connection_failed" : "connection_lost";

  test("of a foreign authority: the error names the one that was presented, and the likely reason", async () => {
    const stranger = clientCertificate(newAuthority());
    const door = aDoor(stranger);
    const error = await failure(door, (await strict(version)).url);
    expect(error.code).toBe(code);
    expect(error.message).toContain("refuses a client certificate often just hangs up");
    expect(error.message).toContain("most likely that. Check that the certificate is the one registered at the bank");
    expect(error.message).toContain(`x5t#S256 ${await door.thumbprint(aCall())}, and is valid until 20`);
    expect(error.message).toContain("minna-baas doctor");
  });

  test("that has expired in the meantime: the error says nothing but that", async () => {
    const notAfter = Math.ceil((Date.now() + 60_000) / 1000) * 1000;
    const expiring = authority.issue({
      commonName: "partner-1",
      notBefore: new Date(Date.now() - DAY),
      notAfter: new Date(notAfter),
    });
    const door = aDoor(expiring);
    await door.thumbprint(aCall());
    // A server that trusts nobody, so that its clock does not matter.
    const { url } = await aServer({
      ca: newAuthority().certificate,
      requestCert: true,
      rejectUnauthorized: true,
      maxVersion: version,
    });
    vi.useFakeTimers({ toFake: ["Date"], now: notAfter + 1_000 });
    const error = await failure(door, url);
    expect(error.message).toContain(`expired on ${toJst(notAfter)}: that is why, most likely.`);
    expect(error.message).not.toContain("Check that");
  });

  test("that is missing: the error says that none was presented", async () => {
    const error = await failure(aDoor(), (await strict(version)).url, { presents: "nothing" });
    expect(error.message).toMatch(/wants (a client certificate, where none is shown|one hangs up like this)/);
  });

  test("and is trusted otherwise: where it has answered before, the network is suspected", async () => {
    const bank = await strict(version);
    const door = aDoor();
    await door.send({ method: "GET", url: new URL(bank.url), headers: {}, presents: "client-certificate" }, aCall());
    bank.drop();
    const error = await failure(door, bank.url);
    expect(error.message).toContain("It has answered with this certificate before");
    expect(error.message).not.toContain("Check that");
  });
});

describe.each(VERSIONS)("%s: a server that is not trusted", maxVersion => {
  const names = { dns: ["localhost"], ip: [] };
  const issued = (from: number, to: number) =>
    authority.issue({
      commonName: "localhost",
      notBefore: new Date(Date.now() + from * DAY),
      notAfter: new Date(Date.now() + to * DAY),
      names,
    });
  const CASES: readonly (readonly [string, () => CertificatePair, string])[] = [
    ["for another name", () => serverCertificate(authority, ["bank.example"]), "Its certificate is for another name."],
    ["of an unknown authority", () => serverCertificate(newAuthority()), "set certificate.ca (MINNA_CA_FILE)"],
    ["that has expired", () => issued(-2, -1), "Its certificate has expired, or so it seems. Compare this machine's"],
    ["that is not valid yet", () => issued(1, 2), "Its certificate is not valid yet, or so it seems. Compare"],
  ];

  test.each(CASES)("%s: the error says so, and what to do", async (_, certificate, said) => {
    const { url } = await aServer({ ...certificate(), maxVersion });
    const error = await failure(aDoor(), url);
    expect(error).toMatchObject({ code: "tls_failed", reached: "no", sideEffect: "none" });
    expect(error.message).toContain(said);
    expect(error.message).toContain("The request did not leave.");
    for (const [, , other] of CASES) if (other !== said) expect(error.message).not.toContain(other);
  });
});

describe("what is no server of TLS", () => {
  test("but of plain HTTP is called so", async () => {
    const error = await failure(aDoor(), await listening(createHttpServer((_, response) => response.end("hello"))));
    expect(error.code).toBe("tls_failed");
    expect(error.message).toContain("does not speak TLS: a server for plain HTTP, or a proxy.");
  });

  test("but something that hangs up is suspected of not liking the certificate", async () => {
    const error = await failure(aDoor(), await listening(createTcpServer(socket => socket.destroy())));
    expect(error).toMatchObject({ code: "connection_failed", reached: "no" });
    expect(error.message).toContain("hangs up");
  });

  test("and nothing at all: a proxy that is set and not used is named", async () => {
    const gone = createTcpServer();
    await new Promise<void>(resolve => gone.listen(0, "127.0.0.1", resolve));
    const url = `https://localhost:${(gone.address() as AddressInfo).port}`;
    await new Promise(resolve => gone.close(resolve));
    vi.stubEnv("HTTPS_PROXY", "http://user:CANARY@proxy.example:3128");
    const { message } = await failure(aDoor(), url);
    expect(message).toContain("Nothing listens there.");
    expect(message).toContain("HTTPS_PROXY is set, and not used.");
    expect(message).not.toContain("CANARY");
    vi.unstubAllEnvs();
    vi.stubEnv("HTTPS_PROXY", "");
    vi.stubEnv("https_proxy", "");
    expect((await failure(aDoor(), url)).message).not.toContain("PROXY");
  });
});

describe("what the codes mean", () => {
  test.each([
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "none was presented"],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "expired"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "issuer"],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED", "revoked"],
    ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "can't use it"],
    ["ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED", "expired"], // Node 22 and later
  ])("%s is about the client certificate", (code, said) => {
    expect(certificateAlert(code)).toContain(said);
  });

  test.each(["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "ECONNRESET", "ERR_SSL_TLSV1_ALERT_CONSTRUCTOR", ""])(
    "%s is not, for sure",
    code => {
      expect(certificateAlert(code)).toBeUndefined();
    },
  );

  test.each([
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", true, "no use for the client certificate"],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", false, "wants a client certificate, where none is shown"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", true, "no TLS version"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", true, "certificate.ca"],
    ["SELF_SIGNED_CERT_IN_CHAIN", true, "a proxy that opens TLS"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", true, "intermediate certificates"],
    ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", true, "no site of that name"],
    ["ERR_SSL_SOMETHING_NEW", true, "certificate.ca"],
  ])("%s (a certificate is shown: %s) says %s", (code, presents, said) => {
    expect(insecurity(code, presents)).toContain(said);
  });

  test.each(["ECONNRESET", "UND_ERR_SOCKET", "ENOTFOUND"])("%s is none of TLS", code => {
    expect(insecurity(code, true)).toBeUndefined();
  });

  test.each([
    ["ENOTFOUND", "DNS"],
    ["UND_ERR_CONNECT_TIMEOUT", "firewall"],
    ["ECONNREFUSED", "listens"],
  ])("%s is about %s", (code, said) => {
    expect(unreachable(code, {})).toContain(said);
    expect(unreachable(code, {})).not.toContain("PROXY");
    expect(unreachable(code, { https_proxy: "http://proxy" })).toContain("https_proxy is set, and not used.");
  });
});
