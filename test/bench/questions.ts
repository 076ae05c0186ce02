/** What a server's process answers, besides the connections that are measured. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export type Questions = Readonly<Record<string, (detail: never) => unknown>>;

/** Answers questions until the process that started this one is gone. */
export function answer(questions: Questions): void {
  const server = createServer(async (request, response) => {
    const name = (request.url ?? "").slice(1);
    const question = Object.hasOwn(questions, name) ? questions[name] : undefined;
    try {
      if (question === undefined) throw new Error("there is no such question");
      const detail = JSON.parse(await text(request)) as never;
      response.end(JSON.stringify((await question(detail)) ?? null));
    } catch (error) {
      response.statusCode = 500;
      response.end(error instanceof Error ? error.stack : String(error));
    }
  });
  server.listen(0, "127.0.0.1", () => {
    process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  process.on("disconnect", () => process.exit());
}
