import { constants, createHash, X509Certificate } from "node:crypto";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { TransportError, ValidationError } from "../../src/errors.js";
import { withCall } from "../../src/transport/call.js";
import { LARGEST_ANSWER } from "../../src/transport/connection.js";
import { Door, type OutgoingRequest } from "../../src/transport/door.js";
import { Generations } from "../../src/transport/generation.js";
import { aCall, endedCall, INTERACTION_ID, shortCall } from "../support/calls.js";
import {
  type CertificatePair,
  certificateOptions,
  clientCertificate,
  newAuthority,
  serverCertificate,
} from "../support/certificates.js";
import { everythingShown, rejection } from "../support/errors.js";
import { startServer, type TestServer } from "../support/tls-server.js";

const authority = newAuthority();
const partner = clientCertificate(authority);
const server = serverCertificate(authority);

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(closing.splice(0).map(close => close()));
});

/** A door with a certificate, that trusts the authority if nothing else is said. */
function aDoor(certificate: CertificatePair = partner, ca: string = authority.certificate): Door {
  const loaded = { ...certificate, ca };
  const generations = new Generations(certificateOptions(loaded));
  closing.push(() => generations.close());
  return new Door(generations);
}

async function aServer(...parameters: Parameters<typeof startServer>): Promise<TestServer> {
  const started = await startServer(...parameters);
  closing.push(() => started.close());
  return started;
}

function get(url: string, more: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return { method: "GET", url: new URL(url), headers: {}, presents: "client-certificate", ...more };
}

function post(url: string, more: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return get(url, { method: "POST", headers: { "content-type": "text/plain" }, body: "amount=1980", ...more });
}

/** A server that is free to take no certificate, and answers everything. */
async function friendlyServer(): Promise<TestServer> {
  const options = { ...server, ca: authority.certificate, requestCert: true, rejectUnauthorized: false };
  return aServer(options, (_, response) => response.end("ok"));
}

/** A server that lets nobody in without a certificate of the authority. */
async function strictServer(maxVersion: "TLSv1.2" | "TLSv1.3"): Promise<TestServer> {
  const options = { ...server, ca: authority.certificate, requestCert: true, rejectUnauthorized: true, maxVersion };
  return aServer(options, (_, response) => response.end("ok"));
}

describe("an answer", () => {
  test("comes with its status, its headers and its whole body, whatever the status", async () => {
    const bank = await aServer(server, (_, response) => {
      response.writeHead(503, { "Retry-After": "120", "Content-Type": "text/html; charset=utf-8" });
      response.end("<html>メンテナンス中</html>");
    });
    const answer = await aDoor().send(get(`${bank.url}/accounts`), aCall());
    expect(answer).toMatchObject({
      status: 503,
      headers: { "retry-after": "120" },
      body: "<html>メンテナンス中</html>",
    });
  });

  test("comes to the request that was sent, method, headers and body", async () => {
    const bank = await friendlyServer();
    await aDoor().send(post(`${bank.url}/direct-debits?x=1`, { headers: { "x-idempotency-key": "k-1" } }), aCall());
    expect(bank.seen).toMatchObject([
      { method: "POST", path: "/direct-debits?x=1", headers: { "x-idempotency-key": "k-1" }, body: "amount=1980" },
    ]);
  });

  test("that is a redirect is refused, and nobody follows it", async () => {
    const elsewhere = await friendlyServer();
    const bank = await aServer(server, (_, response) => {
      response.writeHead(307, { location: `${elsewhere.url}/stolen` });
      response.end();
    });
    const door = aDoor();
    const refused = await rejection(door.send(get(`${bank.url}/accounts`), aCall()), ValidationError);
    expect(refused).toMatchObject({ check: "redirect", sideEffect: "none", interactionId: INTERACTION_ID });
    const posted = await rejection(door.send(post(`${bank.url}/direct-debits`), aCall()), ValidationError);
    expect(posted).toMatchObject({ check: "redirect", sideEffect: "possible" });
    expect(elsewhere.connections()).toBe(0);
    expect(bank.seen).toHaveLength(2);
  });

  test("as large as is allowed comes whole", async () => {
    const bank = await aServer(server, (_, response) => response.end("x".repeat(LARGEST_ANSWER)));
    expect((await aDoor().send(get(bank.url), aCall())).body).toHaveLength(LARGEST_ANSWER);
  });

  test.each(["GET", "POST"] as const)("to a %s that is larger than is allowed is refused, once", async method => {
    const bank = await aServer(server, (_, response) => response.end("x".repeat(LARGEST_ANSWER + 1)));
    const outgoing = method === "GET" ? get(bank.url) : post(bank.url);
    const error = await rejection(aDoor().send(outgoing, aCall()), ValidationError);
    expect(error).toMatchObject({ check: "size", sideEffect: method === "GET" ? "none" : "possible" });
    expect(bank.seen).toHaveLength(1);
  });
});

test("a safe request that was lost may have been read, though its repetition finds no connection", async () => {
  // It is read, and then nobody gets in any more.
  const bank: TestServer = await aServer({ ...server, ca: authority.certificate, requestCert: true }, () =>
    bank.drop(),
  );
  const lost = await rejection(aDoor().send(get(bank.url), aCall()), TransportError);
  expect(bank.seen).toHaveLength(1);
  expect(lost).toMatchObject({ code: "connection_lost", reached: "possible", sideEffect: "none" });
});

describe("the client certificate", () => {
  test("is presented where it is asked for, and nowhere else", async () => {
    const bank = await friendlyServer();
    const door = aDoor();
    await door.send(get(bank.url, { presents: "client-certificate" }), aCall());
    await door.send(get(bank.url, { presents: "nothing" }), aCall());
    await door.send(get(bank.url, { presents: "client-certificate" }), aCall());
    expect(bank.seen.map(seen => seen.client)).toEqual(["partner-1", undefined, "partner-1"]);
  });

  test("goes out with its intermediate certificates", async () => {
    const cert = `${partner.cert}${authority.certificate}`;
    const bank = await friendlyServer();
    await aDoor({ ...partner, cert }).send(get(bank.url), aCall());
    expect(bank.seen.map(seen => seen.client)).toEqual(["partner-1"]);
  });

  test("has the thumbprint that the bank binds tokens to", async () => {
    const expected = createHash("sha256").update(new X509Certificate(partner.cert).raw).digest("base64url");
    expect(await aDoor().thumbprint(aCall())).toBe(expected);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "that %s refuses gives an error that says what to check",
    async version => {
      const bank = await strictServer(version);
      const stranger = clientCertificate(newAuthority());
      const error = await rejection(aDoor(stranger).send(post(bank.url), aCall()), TransportError);
      expect(error.message).toContain("Check that the certificate is the one registered at the bank");
      expect(bank.seen).toHaveLength(0);
    },
  );

  test.each(["TLSv1.2", "TLSv1.3"] as const)("that is missing where %s wants one is refused", async version => {
    const bank = await strictServer(version);
    const error = await rejection(aDoor().send(get(bank.url, { presents: "nothing" }), aCall()), TransportError);
    expect(error.interactionId).toBe(INTERACTION_ID);
    expect(bank.seen).toHaveLength(0);
  });
});

describe("a server", () => {
  /** Two attempts: what the first one leaves behind must not let the second one in. */
  async function refusedTwice(url: string, door: Door): Promise<TransportError> {
    await rejection(door.send(get(url), aCall()), TransportError);
    return rejection(door.send(get(url), aCall()), TransportError);
  }

  test.each(["TLSv1.2", "TLSv1.3"] as const)("of an unknown authority is not trusted, in %s", async maxVersion => {
    const bank = await aServer({ ...server, maxVersion }, (_, response) => response.end("ok"));
    const error = await refusedTwice(bank.url, aDoor(partner, newAuthority().certificate));
    expect(error).toMatchObject({ code: "tls_failed", reached: "no", sideEffect: "none", retryable: false });
    expect(bank.seen).toHaveLength(0);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("with another name is not trusted, in %s", async maxVersion => {
    const certificate = serverCertificate(authority, ["bank.example"]);
    const bank = await aServer({ ...certificate, maxVersion }, (_, response) => response.end("ok"));
    const error = await refusedTwice(bank.url, aDoor());
    expect(error).toMatchObject({ code: "tls_failed", reached: "no" });
    expect(bank.seen).toHaveLength(0);
  });

  test("is not trusted either where NODE_TLS_REJECT_UNAUTHORIZED says that anybody is", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const bank = await friendlyServer();
    const error = await refusedTwice(bank.url, aDoor(partner, newAuthority().certificate));
    expect(error.code).toBe("tls_failed");
    expect(bank.seen).toHaveLength(0);
  });

  test("is trusted by its address, where the certificate has it", async () => {
    const bank = await friendlyServer();
    expect((await aDoor().send(get(`https://127.0.0.1:${bank.port}/`), aCall())).body).toBe("ok");
  });

  test.each<[string, object]>([
    // Below level 1 OpenSSL still speaks TLS 1.1.
    ["nothing newer than TLS 1.1", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
    ["TLS 1.2 with CBC only", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" }],
    ["TLS 1.2 with SHA-1 only", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-SHA" }],
    ["TLS 1.2 with ChaCha20 only", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305" }],
  ])("that speaks %s is refused, though a laxer client gets in", async (_, weakness) => {
    const options = { ...server, ...weakness, secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT };
    const bank = await aServer(options, (_seen, response) => response.end("ok"));
    await new Promise<void>((resolve, reject) => {
      const lax = connect({
        port: bank.port,
        host: "127.0.0.1",
        ca: authority.certificate,
        minVersion: "TLSv1",
        ciphers: "ALL@SECLEVEL=0",
      });
      lax.once("secureConnect", () => lax.end(resolve)).once("error", reject);
    });
    const error = await rejection(aDoor().send(get(bank.url), aCall()), TransportError);
    expect(error).toMatchObject({ reached: "no", sideEffect: "none" });
    expect(bank.seen).toHaveLength(0);
  });

  test("is offered nothing older than TLS 1.2", async () => {
    const hello = withResolvers<Buffer>();
    const tcp = createTcpServer(socket => {
      socket.once("data", data => {
        hello.resolve(data);
        socket.destroy();
      });
    });
    await new Promise<void>(resolve => tcp.listen(0, "127.0.0.1", resolve));
    closing.push(() => new Promise(resolve => tcp.close(resolve)));
    const { port } = tcp.address() as AddressInfo;
    await rejection(aDoor().send(get(`https://localhost:${port}/`), aCall()), TransportError);
    expect(versionsOffered(await hello.promise)).toEqual([0x0304, 0x0303]);
  });

  test("that speaks TLS 1.2 with AES-GCM is welcome", async () => {
    const bank = await aServer({ ...server, maxVersion: "TLSv1.2" }, (_, response) => response.end("ok"));
    expect((await aDoor().send(get(bank.url), aCall())).status).toBe(200);
  });

  test("is asked over connections that are kept, not over one for each request", async () => {
    const bank = await friendlyServer();
    const door = aDoor();
    for (let request = 0; request < 5; request++) await door.send(get(bank.url), aCall());
    expect(bank.connections()).toBeLessThan(5);
  });
});

describe("a connection", () => {
  test("that nobody takes: the request did not leave, and may be made again", async () => {
    const tcp = createTcpServer();
    await new Promise<void>(resolve => tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address() as AddressInfo;
    await new Promise(resolve => tcp.close(resolve));
    const error = await rejection(
      aDoor().send(post(`https://localhost:${port}/direct-debits?a=CANARY`), aCall()),
      TransportError,
    );
    expect(error).toMatchObject({
      code: "connection_failed",
      reached: "no",
      retryable: true,
      sideEffect: "none",
      endpoint: `https://localhost:${port}/direct-debits`,
      interactionId: INTERACTION_ID,
    });
    expect(everythingShown(error)).not.toContain("CANARY");
  });

  test("to a name that nobody knows: the request did not leave", async () => {
    const error = await rejection(aDoor().send(post("https://bank.invalid/"), aCall()), TransportError);
    expect(error).toMatchObject({ code: "connection_failed", reached: "no", retryable: true });
  });

  test.each<["GET" | "POST" | "DELETE", number]>([
    ["GET", 2],
    ["POST", 1],
    ["DELETE", 1],
  ])("that is lost after a %s: it may have arrived, and is sent %i time(s)", async (method, times) => {
    const bank = await aServer(server, ({ request }) => request.socket.destroy());
    const outgoing = method === "POST" ? post(bank.url) : get(bank.url, { method });
    const error = await rejection(aDoor().send(outgoing, aCall()), TransportError);
    expect(error).toMatchObject({
      code: "connection_lost",
      reached: "possible",
      retryable: method === "GET",
      sideEffect: method === "GET" ? "none" : "possible",
    });
    expect(bank.seen).toHaveLength(times);
  });

  test("that is lost after a GET once only does not show", async () => {
    let lost = 0;
    const bank = await aServer(server, ({ request }, response) => {
      if (lost++ === 0) request.socket.destroy();
      else response.end("ok");
    });
    expect((await aDoor().send(get(bank.url), aCall())).body).toBe("ok");
    expect(bank.seen).toHaveLength(2);
  });

  test("that was idle and is gone does not show to a GET", async () => {
    const sockets: Socket[] = [];
    const bank = await aServer(server, ({ request }, response) => {
      sockets.push(request.socket);
      response.end("ok");
    });
    const door = aDoor();
    await door.send(get(bank.url), aCall());
    for (const socket of sockets) socket.destroy();
    expect((await door.send(get(bank.url), aCall())).body).toBe("ok");
  });

  test("that ends in the middle of the answer: there is no answer", async () => {
    const bank = await aServer(server, ({ request }, response) => {
      response.writeHead(201, { "content-length": "1000" });
      response.write('{"debitId":"dd-1"');
      setImmediate(() => request.socket.destroy());
    });
    const error = await rejection(aDoor().send(post(bank.url), aCall()), TransportError);
    expect(error).toMatchObject({ code: "connection_lost", reached: "possible", sideEffect: "possible" });
    expect(bank.seen).toHaveLength(1);
  });
});

describe("a call", () => {
  let silent: TestServer;
  beforeAll(async () => {
    silent = await startServer(server, () => {});
  });
  afterAll(() => silent.close());

  test("whose deadline passes ends with timeout, and says that the request may have arrived", async () => {
    const before = silent.seen.length;
    const door = aDoor();
    // Opening the pools takes a while on a machine that is busy, which is not what this is about.
    await door.thumbprint(aCall());
    const error = await rejection(door.send(post(silent.url), shortCall(150)), TransportError);
    expect(error).toMatchObject({ code: "timeout", reached: "possible", sideEffect: "possible", retryable: false });
    expect(silent.seen.length - before).toBeLessThanOrEqual(1);
  });

  test("whose deadline passes is not repeated, be it a GET", async () => {
    const before = silent.seen.length;
    expect((await rejection(aDoor().send(get(silent.url), shortCall(150)), TransportError)).code).toBe("timeout");
    // On a busy machine the deadline may pass before the request arrives.
    expect(silent.seen.length - before).toBeLessThanOrEqual(1);
  });

  test("that its caller ends, ends with aborted", async () => {
    const controller = new AbortController();
    const bank = await aServer(server, () => controller.abort(new Error("CANARY-reason")));
    const sent = withCall({ signal: controller.signal }, 15_000, call => aDoor().send(post(bank.url), call));
    const error = await rejection(sent, TransportError);
    expect(error).toMatchObject({ code: "aborted", reached: "possible", retryable: false });
    expect(everythingShown(error)).not.toContain("CANARY");
  });

  test("that its caller had ended before it began sends nothing, and says so", async () => {
    const bank = await friendlyServer();
    const door = aDoor();
    await door.send(get(bank.url), aCall());
    const error = await rejection(door.send(post(bank.url), endedCall()), TransportError);
    expect(error).toMatchObject({ code: "aborted", reached: "no", sideEffect: "none" });
    expect(bank.seen).toHaveLength(1);
  });

  test("that its caller had ended before the first one ever sends nothing, and says so", async () => {
    const bank = await friendlyServer();
    const error = await rejection(aDoor().send(post(bank.url), endedCall()), TransportError);
    expect(error).toMatchObject({ code: "aborted", reached: "no", sideEffect: "none" });
    expect(bank.connections()).toBe(0);
  });
});

describe("an error", () => {
  test("shows neither the headers nor the body nor the query of the request, and no answer", async () => {
    const bank = await aServer(server, ({ request }, response) => {
      response.writeHead(200, { "content-length": "1000", "set-cookie": "CANARY-cookie" });
      response.write("CANARY-answer");
      setImmediate(() => request.socket.destroy());
    });
    const secret = {
      headers: { authorization: "Bearer CANARY-token" },
      body: "code=CANARY-code",
    };
    const door = aDoor();
    const url = `${bank.url}/token?code=CANARY-query`;
    const stranger = aDoor(partner, newAuthority().certificate);
    for (const attempt of [
      () => door.send(post(url, secret), aCall()),
      () => door.send(get(url, { headers: secret.headers }), aCall()),
      () => door.send(post(url, secret), shortCall(1)),
      () => stranger.send(post(url, secret), aCall()),
    ]) {
      const error = await rejection(attempt(), Error);
      expect(everythingShown(error)).not.toContain("CANARY");
      expect(everythingShown(error)).not.toContain(partner.key.slice(40, 80));
    }
  });
});

describe("while the certificate changes", () => {
  const next = clientCertificate(authority);

  /** A server that says who came, by thumbprint. */
  async function namingServer(): Promise<TestServer> {
    const options = { ...server, ca: authority.certificate, requestCert: true, rejectUnauthorized: false };
    return aServer(options, ({ request }, response) => {
      const { raw } = (request.socket as TLSSocket).getPeerCertificate();
      response.end(raw === undefined ? "nobody" : createHash("sha256").update(raw).digest("base64url"));
    });
  }

  function rotating(certificate: unknown): { door: Door; generations: Generations } {
    const generations = new Generations(certificateOptions(certificate));
    closing.push(() => generations.close());
    return { door: new Door(generations), generations };
  }

  test("a request goes out by the one that it names, and the answer says which", async () => {
    const bank = await namingServer();
    const { door, generations } = rotating({ ...partner, ca: authority.certificate });
    const old = (await generations.current(aCall())).thumbprint;
    const { thumbprint } = await generations.rotate({ ...next, ca: authority.certificate }, aCall());
    const presented = async (name?: string) => {
      const answer = await door.send(get(bank.url, name === undefined ? {} : { thumbprint: name }), aCall());
      expect(answer.body).toBe(answer.thumbprint);
      return answer.thumbprint;
    };
    expect(await presented()).toBe(thumbprint);
    expect(await presented(old)).toBe(old);
    expect(await presented(thumbprint)).toBe(thumbprint);
    expect(await presented("no longer kept")).toBe(thumbprint);
    // No session of one generation is resumed in another.
    expect(await presented(old)).toBe(old);
  });

  test("one that the bank refuses is looked for anew, and the request is sent again, once", async () => {
    const bank = await strictServer("TLSv1.3");
    let refuses = true;
    // In front of it: refuses with the alert bad_certificate (RFC 8446 section 6.2), or lets everything through.
    const front = createTcpServer(socket => {
      socket.on("error", () => {});
      if (refuses) socket.once("data", () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 42])));
      else socket.pipe(connectTcp(bank.port, "127.0.0.1")).pipe(socket);
    });
    await new Promise<void>(resolve => front.listen(0, "127.0.0.1", resolve));
    closing.push(() => new Promise(resolve => front.close(resolve)));
    const url = `https://localhost:${(front.address() as AddressInfo).port}/`;

    let current = partner;
    const load = vi.fn(() => {
      refuses = current === partner;
      return { ...current, ca: authority.certificate };
    });
    const { door, generations } = rotating(load);
    await generations.current(aCall());
    const refused = { code: "client_certificate_refused", reached: "no", sideEffect: "none" };
    expect(await rejection(door.send(post(url), aCall()), TransportError)).toMatchObject(refused);
    // It had just been loaded.
    expect(load).toHaveBeenCalledTimes(1);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
    try {
      // There is no other one yet.
      expect(await rejection(door.send(post(url), aCall()), TransportError)).toMatchObject(refused);
      expect(load).toHaveBeenCalledTimes(2);
      current = next;
      vi.setSystemTime(Date.now() + 5_000);
      expect((await door.send(post(url), aCall())).body).toBe("ok");
    } finally {
      vi.useRealTimers();
    }
    expect(load).toHaveBeenCalledTimes(3);
    expect(bank.seen).toMatchObject([{ method: "POST", body: "amount=1980" }]);
  });

  test("one that no link is known to be bound to is looked for, and one that is known is not", async () => {
    let current = partner;
    const load = vi.fn(() => current);
    const { door, generations } = rotating(load);
    const old = await door.thumbprint(aCall());
    current = next;
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
    try {
      expect(await door.thumbprint(aCall(), old)).toBe(old);
      const found = await door.thumbprint(aCall(), "another process's");
      expect(found).not.toBe(old);
      expect(await door.thumbprint(aCall(), old)).toBe(found);
      expect(load).toHaveBeenCalledTimes(2);
    } finally {
      vi.useRealTimers();
    }
    expect(generations.knows(old)).toBe(true);
  });
});

describe("a closed client", () => {
  test("sends nothing more", async () => {
    const bank = await friendlyServer();
    const loaded = { ...partner, ca: authority.certificate };
    const generations = new Generations(certificateOptions(loaded));
    const door = new Door(generations);
    await door.send(get(bank.url), aCall());
    await generations.close();
    const error = await rejection(door.send(get(bank.url), aCall()), TransportError);
    expect(error).toMatchObject({ code: "closed", reached: "no" });
    expect(bank.seen).toHaveLength(1);
  });

  test("has let the calls under way finish", async () => {
    const arrived = withResolvers<() => void>();
    const bank = await aServer(server, (_, response) => arrived.resolve(() => response.end("ok")));
    const loaded = { ...partner, ca: authority.certificate };
    const generations = new Generations(certificateOptions(loaded));
    const sent = new Door(generations).send(get(bank.url), aCall());
    const release = await arrived.promise;
    const closed = generations.close();
    release();
    expect((await sent).body).toBe("ok");
    await closed;
  });
});

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>(given => {
    resolve = given;
  });
  return { promise, resolve };
}

/** The versions in a ClientHello: its extension supported_versions (RFC 8446 section 4.2.1). */
function versionsOffered(hello: Buffer): number[] {
  // Record header 5, handshake header 4, legacy version 2, random 32.
  let at = 43;
  at += 1 + hello.readUInt8(at); // session id
  at += 2 + hello.readUInt16BE(at); // cipher suites
  at += 1 + hello.readUInt8(at); // compression methods
  at += 2;
  while (at < hello.length) {
    const type = hello.readUInt16BE(at);
    const size = hello.readUInt16BE(at + 2);
    if (type === 43) {
      const list = hello.subarray(at + 5, at + 4 + size);
      return Array.from({ length: list.length / 2 }, (_, index) => list.readUInt16BE(index * 2));
    }
    at += 4 + size;
  }
  return [hello.readUInt16BE(9)];
}
