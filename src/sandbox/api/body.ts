/**
 * The body of a request, read whole.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { Problem } from "./answer.js";

const LIMIT = 64 * 1024;

/** Reads a body of at most 64 KiB. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LIMIT) throw new Problem(413, "too_large", "the body is larger than 64 KiB");
  }
  return Buffer.concat(chunks);
}
