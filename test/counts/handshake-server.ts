/** A server that asks for a client certificate, and counts how its connections began. */
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";

export class HandshakeServer {
  readonly url: string;
  /** Handshakes with certificates and a key exchange of their own, and those that resumed a session. */
  readonly handshakes = { full: 0, resumed: 0 };
  /** The serial numbers of the client certificates that requests came with, one for each request. */
  readonly presented: (string | undefined)[] = [];
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `https://localhost:${(server.address() as AddressInfo).port}`;
    server.on("secureConnection", socket => {
      this.handshakes[socket.isSessionReused() ? "resumed" : "full"]++;
    });
    server.on("request", ({ socket }, response) => {
      this.presented.push(socket instanceof TLSSocket ? socket.getPeerCertificate().serialNumber : undefined);
      // The connection ends with its answer: to the client the next call comes after an idle gap.
      response.writeHead(200, { connection: "close" }).end("{}");
    });
  }

  static async start(options: ServerOptions): Promise<HandshakeServer> {
    const server = createServer({ ...options, requestCert: true, rejectUnauthorized: false });
    await new Promise<void>(resolve => server.listen(0, "localhost", resolve));
    return new HandshakeServer(server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }
}
