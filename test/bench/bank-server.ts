/** The bank's API in a process of its own: real mutual TLS, answers that are made beforehand. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
// Certificates are no business of the package's users: this is the only thing that is not imported by its name.
import { createAuthority } from "../../dist/sandbox/tls/authority.js";
import { answerTo } from "./canned-answers.js";
import { serve } from "./http-socket.js";
import { answer } from "./questions.js";

/** Where the API is, and what to show there. */
export interface BankAddress {
  readonly baseUrl: string;
  readonly certificate: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** What it has seen since it was asked last. */
export interface Seen {
  /** Connections whose handshake was complete, and of these those that took up an earlier session. */
  connections: number;
  resumed: number;
  requests: number;
}

const DAY = 86_400_000;
const validity = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + 365 * DAY) };
const authority = createAuthority("Benchmark Authority");
const own = authority.issue({ commonName: "localhost", ...validity, names: { dns: ["localhost"], ip: [] } });
const certificate = { ...authority.issue({ commonName: "partner-1", ...validity }), ca: authority.certificate };

let seen: Seen = { connections: 0, resumed: 0, requests: 0 };

/**
 * @param idle - Milliseconds after which an idle connection is closed.
 * @param hint - What clients are told of that.
 */
async function listen(idle: number, hint: string): Promise<BankAddress> {
  const server = createServer(
    { ...own, ca: authority.certificate, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" },
    socket => {
      seen.connections++;
      if (socket.isSessionReused()) seen.resumed++;
      socket.setTimeout(idle, () => socket.end());
      serve(socket, hint, request => {
        seen.requests++;
        return answerTo(request);
      });
    },
  );
  server.listen(0);
  await once(server, "listening");
  return { baseUrl: `https://localhost:${(server.address() as AddressInfo).port}/v1`, certificate };
}

// So long that a contender finds its connections as it left them when it has its turn again.
const usual = await listen(120_000, "keep-alive: timeout=120\r\n");

answer({
  address: () => usual,
  /** Another one of these, which closes idle connections sooner and says nothing of it, as banks do. */
  listen: ({ idle }: { readonly idle: number }) => listen(idle, ""),
  seen: () => {
    const before = seen;
    seen = { connections: 0, resumed: 0, requests: 0 };
    return before;
  },
});
