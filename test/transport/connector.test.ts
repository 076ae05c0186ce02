import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import { afterEach, describe, expect, test, vi } from "vitest";
import { TransportError } from "../../src/errors.js";
import type { Call } from "../../src/transport/call.js";
import { MOST_CONNECTIONS } from "../../src/transport/connection.js";
import { Door } from "../../src/transport/door.js";
import { Generations } from "../../src/transport/generation.js";
import { ConnectionPool } from "../../src/transport/pool.js";
import { aCall, shortCall } from "../support/calls.js";
import { certificateOptions, clientCertificate, newAuthority, serverCertificate } from "../support/certificates.js";
import { rejection } from "../support/errors.js";

const authority = newAuthority();
const partner = clientCertificate(authority);
const server = serverCertificate(authority);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map(close => close()));
});

interface Bank {
  readonly origin: string;
  readonly port: number;
  /** For each connection, whether it resumed a session. The last ones may be known a moment later than to the client. */
  readonly resumed: boolean[];
  readonly open: Set<TLSSocket>;
  readonly server: Server;
}

/** A bank of few words: what it is asked on one connection it answers with the same, and hangs up where it is told to. */
async function aBank(
  options: TlsOptions = {},
  hangsUp = true,
  when: (answer: () => void) => unknown = answer => answer(),
): Promise<Bank> {
  const resumed: boolean[] = [];
  const open = new Set<TLSSocket>();
  const answer = `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${hangsUp ? "connection: close\r\n" : ""}\r\n{}`;
  const bank = createServer({ ...server, ca: authority.certificate, requestCert: true, ...options }, socket => {
    resumed.push(socket.isSessionReused());
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
    socket.on("data", () => when(() => (hangsUp ? socket.end(answer) : socket.write(answer))));
  });
  bank.listen(0, "127.0.0.1");
  await once(bank, "listening");
  closing.push(() => {
    for (const socket of open) socket.destroy();
    bank.close();
  });
  const { port } = bank.address() as AddressInfo;
  return { origin: `https://localhost:${port}`, port, resumed, open, server: bank };
}

function aDoor(): Door {
  const generations = new Generations(certificateOptions({ ...partner, ca: authority.certificate }));
  closing.push(() => generations.close());
  return new Door(generations);
}

/** Makes a call, from beginning to end. */
async function call(door: Door, origin: string, within: Call = aCall()): Promise<void> {
  await door.send({ method: "GET", url: new URL(origin), headers: {}, presents: "client-certificate" }, within);
}

describe.each(["TLSv1.2", "TLSv1.3"] as const)("with %s", version => {
  test("one full handshake is made with each origin, and every other one resumes its session", async () => {
    const [one, two] = [await aBank({ maxVersion: version }), await aBank({ maxVersion: version })];
    const door = aDoor();
    for (let again = 0; again < 5; again++) {
      await call(door, one.origin);
      await call(door, two.origin);
    }
    const expected = [false, true, true, true, true];
    expect([one.resumed, two.resumed]).toEqual([expected, expected]);
  });

  test("many calls at once on a cold start make one, too, and no more connections than are allowed", async () => {
    const bank = await aBank({ maxVersion: version });
    const door = aDoor();
    await Promise.all(Array.from({ length: 2 * MOST_CONNECTIONS }, () => call(door, bank.origin)));
    expect(bank.resumed.filter(resumed => !resumed)).toHaveLength(1);
    expect(bank.open.size).toBeLessThanOrEqual(MOST_CONNECTIONS);
  });

  test("a certificate's session is not resumed with another certificate", async () => {
    const bank = await aBank({ maxVersion: version });
    await call(aDoor(), bank.origin);
    await call(aDoor(), bank.origin);
    expect(bank.resumed).toEqual([false, false]);
  });
});

describe("a first connection that does not come about", () => {
  test("keeps nobody waiting for its session for long", async () => {
    const bank = await aBank();
    let connections = 0;
    const held: Socket[] = [];
    // Whoever comes first is never answered.
    const way = createTcpServer(socket => {
      socket.on("error", () => {});
      if (++connections === 1) held.push(socket);
      else socket.pipe(connectTcp(bank.port, "127.0.0.1").on("error", () => {})).pipe(socket);
    });
    way.listen(0, "127.0.0.1");
    await once(way, "listening");
    closing.push(() => {
      for (const socket of held) socket.destroy();
      way.close();
    });
    const origin = `https://localhost:${(way.address() as AddressInfo).port}`;
    const door = aDoor();
    const first = door.send(
      { method: "GET", url: new URL(origin), headers: {}, presents: "client-certificate" },
      shortCall(2_000),
    );
    const others = Promise.all([call(door, origin), call(door, origin)]);
    const outcome = await Promise.race([others.then(() => "answered"), first.catch(() => "waited for the first")]);
    expect(outcome).toBe("answered");
    expect(await rejection(first, TransportError)).toMatchObject({
      code: "timeout",
      reached: "no",
      sideEffect: "none",
    });
  });

  test("does not stand in the way of the next", async () => {
    const bank = await aBank();
    const door = aDoor();
    const nobody = await aBank();
    const pool = new ConnectionPool(
      (await new Generations(certificateOptions(partner)).current(aCall())).certificate,
      "nothing",
    );
    closing.push(() => pool.close());
    // Its authority is a stranger there.
    await expect(pool.to(nobody.origin).warm(2)).rejects.toThrow();
    await expect(pool.to(nobody.origin).warm(1)).rejects.toThrow();
    await call(door, bank.origin);
  });
});

describe("a session that the server can't go on with", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("is not offered for ever (%s)", async version => {
    const bank = await aBank({ maxVersion: version });
    let choking = false;
    // Cuts off whoever resumes a session, as soon as the handshake is over.
    const choke = (socket: TLSSocket) => choking && socket.isSessionReused() && socket.destroy();
    bank.server.on("secureConnection", choke);
    const door = aDoor();
    await call(door, bank.origin);
    choking = true;
    await call(door, bank.origin);
    await call(door, bank.origin);
    expect(bank.resumed.filter(resumed => !resumed).length).toBeGreaterThan(1);
  });
});

describe("calls that end while they wait for a connection", () => {
  test("cost those behind them none", async () => {
    let answers: (() => void)[] | undefined = [];
    const bank = await aBank({}, false, answer => (answers === undefined ? answer() : answers.push(answer)));
    const door = aDoor();
    const held = Array.from({ length: MOST_CONNECTIONS }, () => call(door, bank.origin));
    await vi.waitFor(() => expect(answers).toHaveLength(MOST_CONNECTIONS));
    const waiting = Array.from({ length: 100 }, () => call(door, bank.origin, shortCall(50)));
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.map(one => (one.status === "rejected" ? one.reason.reached : one.value))).toEqual(
      Array(100).fill("no"),
    );
    const late = answers;
    answers = undefined;
    for (const answer of late) answer();
    await Promise.all(held);
    await Promise.all(Array.from({ length: MOST_CONNECTIONS }, () => call(door, bank.origin)));
    expect(bank.resumed).toHaveLength(MOST_CONNECTIONS);
  });
});

describe("connections that were made ahead of time", () => {
  test("serve the requests that come next, and need no other", async () => {
    const bank = await aBank({}, false);
    const door = aDoor();
    await door.warm(bank.origin, 5, aCall());
    await vi.waitFor(() => expect(bank.resumed).toEqual([false, true, true, true, true]));
    await Promise.all(Array.from({ length: 5 }, () => call(door, bank.origin)));
    expect(bank.resumed).toHaveLength(5);
    // undici takes a connection for free a moment after its answer.
    await setImmediate();
    await Promise.all(Array.from({ length: 6 }, () => call(door, bank.origin)));
    expect(bank.resumed).toHaveLength(6);
  });

  test("are not used where the bank has hung up meanwhile", async () => {
    const bank = await aBank({}, false);
    const door = aDoor();
    await door.warm(bank.origin, 2, aCall());
    await vi.waitFor(() => expect(bank.open.size).toBe(2));
    const gone = [...bank.open].map(socket => once(socket, "close"));
    for (const socket of bank.open) socket.destroy();
    await Promise.all(gone);
    await call(door, bank.origin);
    expect(bank.resumed.at(-1)).toBe(true);
  });

  test("are as many as there are to be, however often they are asked for, and never more than the cap", async () => {
    const bank = await aBank({}, false);
    const door = aDoor();
    for (let again = 0; again < 3; again++) await door.warm(bank.origin, 5, aCall());
    await vi.waitFor(() => expect(bank.open.size).toBe(5));
    await door.warm(bank.origin, 2 * MOST_CONNECTIONS, aCall());
    await vi.waitFor(() => expect(bank.open.size).toBe(MOST_CONNECTIONS));
    await call(door, bank.origin);
    await door.warm(bank.origin, MOST_CONNECTIONS, aCall());
    expect(bank.resumed).toHaveLength(MOST_CONNECTIONS);
  });

  test("reach an address of IPv6, too", async () => {
    const bank = await aBank({}, false);
    // Nobody listens there, and a machine may have no such addresses: what counts is that it is not taken for a name.
    const refused = await rejection(aDoor().warm(`https://[::1]:${bank.port}`, 1, aCall()), TransportError);
    expect(refused).toMatchObject({ code: "connection_failed", reached: "no" });
    expect(refused.message).not.toMatch(/ENOTFOUND|EAI_AGAIN/);
  });

  test("go with the door", async () => {
    const bank = await aBank({}, false);
    const generations = new Generations(certificateOptions({ ...partner, ca: authority.certificate }));
    await new Door(generations).warm(bank.origin, 3, aCall());
    await vi.waitFor(() => expect(bank.open.size).toBe(3));
    const gone = [...bank.open].map(socket => once(socket, "close"));
    await generations.close();
    await Promise.all(gone);
  });

  test("that can't be made are an error that says why", async () => {
    const bank = await aBank();
    const generations = new Generations(certificateOptions(partner));
    closing.push(() => generations.close());
    const error = await rejection(new Door(generations).warm(bank.origin, 1, aCall()), TransportError);
    expect(error).toMatchObject({ code: "tls_failed", endpoint: bank.origin, reached: "no", sideEffect: "none" });
  });
});
