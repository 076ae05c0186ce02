/**
 * One request on the wire, until its answer is complete.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import { type Call, endedEarly } from "./call.js";
import type { OutgoingRequest } from "./door.js";
import type { Origin } from "./pool.js";
import type { Dispatcher } from "./undici.js";

/** What came back, whatever its status. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Sends a request and reads its answer, until the call ends.
 *
 * By `dispatch()` and not by `request()` of undici: an answer that is read as a whole needs no stream, and an end that
 * several requests share needs no signal for each. Together they cost about as much as the rest of a request.
 *
 * @param endpoint - How the request is called in an error.
 * @throws what undici throws; {@link TransportError} when the call ends. It then says whether the request had left.
 */
export function attempt(to: Origin, outgoing: OutgoingRequest, call: Call, endpoint: string): Promise<WireAnswer> {
  const { method, url, headers, body = null } = outgoing;
  return new Promise((resolve, reject) => {
    const reading = new Reading(outgoing, call, endpoint, resolve, reject);
    to.dispatch({ path: url.pathname + url.search, method, headers, body }, reading);
  });
}

/** Reads one answer. undici tells of it in the order of the methods. */
class Reading implements Dispatcher.DispatchHandler {
  readonly #outgoing: OutgoingRequest;
  readonly #call: Call;
  readonly #endpoint: string;
  readonly #resolve: (answer: WireAnswer) => void;
  readonly #reject: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #chunks: Buffer[] = [];

  constructor(
    outgoing: OutgoingRequest,
    call: Call,
    endpoint: string,
    resolve: (answer: WireAnswer) => void,
    reject: (error: Error) => void,
  ) {
    this.#outgoing = outgoing;
    this.#call = call;
    this.#endpoint = endpoint;
    this.#resolve = resolve;
    this.#reject = reject;
    call.onEnd(this.#leave);
  }

  /**
   * A connection is free, and nothing has been written to it: a call that has ended meanwhile sends nothing. It throws, for an
   * abort would cost the connection.
   */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#call.ended !== undefined) throw LEFT;
    this.#controller = controller;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // RFC 9110 section 15.2: an interim response comes before the one that counts.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#call.offEnd(this.#leave);
    this.#resolve({ status: this.#status, headers: this.#headers, body: textOf(this.#chunks) });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#call.offEnd(this.#leave);
    this.#reject(error);
  }

  /** undici heeds an abort only once a request has its connection: a call must end before, too. */
  readonly #leave = (): void => {
    const reached = this.#controller === undefined ? "no" : "possible";
    const sideEffect = reached === "no" || this.#outgoing.method === "GET" ? "none" : "possible";
    this.#reject(endedEarly(this.#call, reached, this.#endpoint, sideEffect));
    this.#controller?.abort(LEFT);
  };
}

const LEFT = new Error("The call has ended.");

/** Without the byte order mark that some put before JSON (RFC 8259 section 8.1). */
function textOf(chunks: readonly Buffer[]): string {
  const [first = Buffer.alloc(0)] = chunks;
  const text = (chunks.length > 1 ? Buffer.concat(chunks) : first).toString();
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}
