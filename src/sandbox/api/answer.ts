/**
 * An HTTP answer before it is sent: a value that faults can still change.
 *
 * @module
 */
import type { ServerResponse } from "node:http";

export interface Answer {
  status: number;
  headers: Record<string, string | readonly string[]>;
  body: string | Buffer;
  /** Whether the connection ends in the middle of the body. */
  cut?: boolean;
}

/** In the place of an answer: the connection ends without one. */
export const DROPPED: unique symbol = Symbol("dropped");
export type Dropped = typeof DROPPED;

export function json(status: number, body: unknown): Answer {
  return { status, headers: { "content-type": "application/json; charset=utf-8" }, body: JSON.stringify(body) };
}

export function html(status: number, body: string): Answer {
  return { status, headers: { "content-type": "text/html; charset=utf-8" }, body };
}

/** A refusal in the bank's form, `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }

  toAnswer(interactionId: string): Answer {
    const { status, code, message } = this;
    return {
      status,
      headers: { "content-type": "application/problem+json; charset=utf-8", ...this.headers },
      body: JSON.stringify({ type: "about:blank", title: code, status, detail: message, code, interactionId }),
    };
  }
}

export function send(response: ServerResponse, answer: Answer | Dropped): void {
  if (answer === DROPPED) {
    response.socket?.destroy();
    return;
  }
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  response.setHeader("cache-control", "no-store");
  response.statusCode = answer.status;
  if (answer.cut !== true) {
    response.end(answer.body);
    return;
  }
  const whole = Buffer.from(answer.body);
  response.setHeader("content-length", whole.length);
  response.write(whole.subarray(0, whole.length / 2), () => response.socket?.destroySoon());
}
