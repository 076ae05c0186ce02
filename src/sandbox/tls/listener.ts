/**
 * An HTTPS listener on the loopback interface.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import type { Faults } from "../faults/faults.js";
import type { CertificatePair } from "./authority.js";
import { type Handshake, type ServerCertificate, type ServerProtocol, SOUND } from "./handshake.js";

const PROTOCOLS: Readonly<Record<ServerProtocol, ServerOptions>> = {
  strict: {
    minVersion: "TLSv1.2",
    ciphers: [
      "TLS_AES_256_GCM_SHA384",
      "TLS_AES_128_GCM_SHA256",
      "TLS_CHACHA20_POLY1305_SHA256",
      "ECDHE-ECDSA-AES256-GCM-SHA384",
      "ECDHE-ECDSA-AES128-GCM-SHA256",
    ].join(":"),
  },
  // Its signatures use SHA-1, which OpenSSL refuses above level 0.
  "1.1-only": { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
  "1.2-cbc-only": {
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    ciphers: "ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256",
  },
};

export interface Listener {
  readonly origin: string;
  /** Starts to answer requests. */
  serve(handle: (request: IncomingMessage, response: ServerResponse) => void): void;
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly port: number;
  /** The name of this machine in the listener's origin. */
  readonly host: "localhost" | "127.0.0.1";
  readonly certificates: Readonly<Record<ServerCertificate, CertificatePair>>;
  /** Whether and how client certificates are asked for. */
  readonly clients: ServerOptions;
  readonly faults: Faults;
  /** Told of a handshake that ended before there was a request, with the reason's name in OpenSSL or Node. */
  readonly onRefusedHandshake?: (reason: string) => void;
}

/** Starts to listen on 127.0.0.1. Resolves once the port is known. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { port, host, onRefusedHandshake } = options;
  const server = createServer(contextOf(SOUND, options));
  misbehave(server, options);
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    // A certificate that fails the check shows in the error only as a reset.
    onRefusedHandshake?.(String(socket.authorizationError ?? error.code));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    origin: `https://${host}:${address.port}`,
    serve: handle => void server.on("request", handle),
    close: () => close(server),
  };
}

function contextOf({ certificate, protocol }: Handshake, { certificates, clients }: ListenerOptions): ServerOptions {
  return { ...PROTOCOLS[protocol], ...certificates[certificate], ...clients };
}

/** Lets faults change what the server shows, before each handshake: the server's own listener comes after this one. */
function misbehave(server: Server, options: ListenerOptions): void {
  let shown = SOUND;
  server.prependListener("connection", () => {
    const handshake = { ...SOUND };
    for (const fault of options.faults.take("handshake", undefined)) fault(handshake);
    if (handshake.certificate === shown.certificate && handshake.protocol === shown.protocol) return;
    server.setSecureContext(contextOf(handshake, options));
    shown = handshake;
  });
}

async function close(server: Server): Promise<void> {
  await new Promise<void>(resolve => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
