/** Real servers on the loopback interface. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** The common name of the client certificate, if any. */
  readonly client: string | undefined;
  readonly request: IncomingMessage;
}

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly seen: readonly SeenRequest[];
  /** Connections that were made, whether or not a request came. */
  connections(): number;
  /** From now on hangs up as soon as somebody connects; who is connected is cut off. */
  drop(): void;
  close(): Promise<void>;
}

type Reply = (seen: SeenRequest, response: ServerResponse) => void;

/** Starts a TLS server on a free port. */
export async function startServer(options: ServerOptions, reply: Reply): Promise<TestServer> {
  const seen: SeenRequest[] = [];
  let connections = 0;
  let dropping = false;
  const server = createServer(options, async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { method = "", url: path = "", headers, socket } = request;
    const peer = socket instanceof TLSSocket ? socket.getPeerCertificate() : undefined;
    const name = peer?.subject?.CN;
    const one = { method, path, headers, body, client: name === undefined ? undefined : String(name), request };
    seen.push(one);
    reply(one, response);
  });
  server.on("connection", socket => {
    connections++;
    if (dropping) socket.destroy();
  });
  // A refused handshake is the client's to notice.
  server.on("tlsClientError", () => {});
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://localhost:${port}`,
    port,
    seen,
    connections: () => connections,
    drop: () => {
      dropping = true;
      server.closeAllConnections();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
