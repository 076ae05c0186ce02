import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import fc from "fast-check";
import { afterAll, beforeAll, expect } from "vitest";
import { configure } from "../../src/config/configurations.js";
import { LARGEST_ANSWER } from "../../src/transport/connection.js";
import { Door } from "../../src/transport/door.js";
import { Generations } from "../../src/transport/generation.js";
import { shortCall } from "../support/calls.js";
import { clientCertificate, newAuthority, serverCertificate } from "../support/certificates.js";
import { validOptions } from "../support/options.js";
import { outcomeOf, reportInputs, tallies } from "./fuzz.js";

reportInputs("test/fuzz/wire.test.ts");

const authority = newAuthority();
const generations = new Generations(
  configure(
    validOptions({
      profile: "fapi2-security",
      certificate: { ...clientCertificate(authority), ca: authority.certificate },
    }),
  ).all[0],
);
const door = new Door(generations);
const sockets = new Set<TLSSocket>();
let reply = Buffer.alloc(0);
let url: URL;

/** Whatever is asked, these bytes are the answer, and then the connection ends. */
const server = createServer(serverCertificate(authority), socket => {
  sockets.add(socket);
  socket.on("error", () => {});
  socket.on("close", () => sockets.delete(socket));
  socket.once("data", () => socket.end(reply));
});
beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  url = new URL(`https://localhost:${(server.address() as AddressInfo).port}/accounts?CANARY=1`);
});
afterAll(async () => {
  await generations.close();
  for (const socket of sockets) socket.destroy();
  await new Promise(resolve => server.close(resolve));
});

const noise = fc.string({ unit: "binary-ascii", maxLength: 30 });
const statusLine = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.1 503 Busy") },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 1_000 }).map(status => `HTTP/1.1 ${status} Strange`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK",
      "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK",
      "HTTP/1.1 101 Switching Protocols",
      "HTTP/1.1 302 Found\r\nlocation: https://attacker.example/",
      "HTTP/1.0 200 OK",
      "HTTP/2 200",
      "HTTP/9.9 200 OK",
      "ICY 200 OK",
      "HTTP/1.1 -1 No",
      "HTTP/1.1 2OO OK",
      "PRI * HTTP/2.0",
    ),
  },
  { weight: 1, arbitrary: noise },
);
const headerLine = fc.oneof(
  fc.constantFrom(
    "content-length: 5",
    "content-length: 5",
    "content-length: 500000",
    "content-length: -1",
    "content-length: 99999999999999999999",
    `content-length: ${LARGEST_ANSWER + 1}`,
    "content-length: 5, 5",
    "content-length: 2",
    "transfer-encoding: chunked",
    "transfer-encoding: gzip, chunked",
    "content-encoding: gzip",
    "content-type: application/json",
    "retry-after: soon",
    "connection: upgrade\r\nupgrade: websocket",
    "connection: close",
    " folded: value",
    "no colon",
    ": no name",
    "__proto__: polluted",
    "constructor: x",
    "set-cookie: a=b",
    "x-japanese: 見本",
    `x-long: ${"x".repeat(20_000)}`,
  ),
  noise,
);
const text = fc.oneof(
  fc.constantFrom(
    "",
    "{}",
    "hello",
    "5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhel",
    "FFFFFFFFFFFFFFFFF\r\n",
    "-1\r\n",
    "\ufeff{}",
  ),
  fc.constantFrom("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
  noise,
);
const bytes = fc
  .record({
    statusLine,
    headers: fc.array(headerLine, { maxLength: 4 }),
    end: fc.constantFrom("\r\n\r\n", "\r\n\r\n", "\r\n\r\n", "\n\n", "\r\n", ""),
    text,
  })
  .map(parts => Buffer.from(`${[parts.statusLine, ...parts.headers].join("\r\n")}${parts.end}${parts.text}`));

tallies("whatever bytes come back, they are an answer or an error that says where", 3, bytes, async sent => {
  reply = sent;
  const request = { method: "POST", url, headers: {}, body: "a=b", presents: "client-certificate" } as const;
  const outcome = await outcomeOf(() => door.send(request, shortCall(4_000)));
  if ("value" in outcome) {
    const { status, body } = outcome.value;
    expect(Number.isInteger(status) && status >= 200 && (status < 300 || status >= 400)).toBe(true);
    expect(typeof body).toBe("string");
    return true;
  }
  expect(outcome.error).toMatchObject({ sideEffect: "possible" });
  expect((outcome.error as { code: string }).code).not.toBe("timeout");
  expect(outcome.error.message).not.toContain("CANARY");
  return false;
});
