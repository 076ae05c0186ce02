/**
 * HTTP/1.1 for a bank that answers at once, without `node:http`: that would cost the server as much as the client, and hide
 * what is measured.
 */
import type { TLSSocket } from "node:tls";

export interface BenchRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly body: string;
}

export interface BenchAnswer {
  readonly status: 200 | 201 | 404;
  readonly body: Buffer | string;
}

const REASONS = { 200: "OK", 201: "Created", 404: "Not Found" };

/**
 * Answers the requests of a connection one after the other.
 *
 * @param hint - A header line that every answer has besides.
 */
export function serve(socket: TLSSocket, hint: string, reply: (request: BenchRequest) => BenchAnswer): void {
  let pending = "";
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", chunk => {
    pending += chunk.toString("latin1");
    for (;;) {
      const end = pending.indexOf("\r\n\r\n");
      if (end === -1) return;
      const head = pending.slice(0, end);
      const bodyEnds = end + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (pending.length < bodyEnds) return;
      const [method = "", path = ""] = head.slice(0, head.indexOf("\r\n")).split(" ");
      const { status, body } = reply({ method, path, body: pending.slice(end + 4, bodyEnds) });
      pending = pending.slice(bodyEnds);
      const interactionId = /\r\nx-fapi-interaction-id: *([^\r]+)/i.exec(head)?.[1];
      const answer =
        `HTTP/1.1 ${status} ${REASONS[status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
        `cache-control: no-store\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: keep-alive\r\n${hint}` +
        `${interactionId === undefined ? "" : `x-fapi-interaction-id: ${interactionId}\r\n`}\r\n`;
      socket.cork();
      socket.write(answer, "latin1");
      socket.write(body);
      socket.uncork();
    }
  });
}
