/**
 * The one door that bytes leave by.
 *
 * @module
 */
import type { Profile } from "../config/profile.js";
import type { KnownAs, MadeRequest } from "../errors/trail.js";
import { type MinnaError, TransportError, ValidationError } from "../errors.js";
import { type Call, endedEarly } from "./call.js";
import { type RequestMessage, requestChannel, trace, type Writable } from "./channels.js";
import type { ConnectionPool, Presents } from "./connection.js";
import { classifyFailure } from "./failure.js";
import type { Generation, Generations } from "./generation.js";
import { untilEnded } from "./single-flight.js";
import { request } from "./undici.js";

/** A request that is ready to leave. */
export interface OutgoingRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: URL;
  /** How it is called in errors: the URL without its query and without ids. Default: the URL without its query. */
  readonly shownAs?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether the connection carries the client certificate. Only the bank's mTLS endpoints and its API get it. */
  readonly presents: Presents;
  /**
   * The `x5t#S256` of the certificate to use, where a token is bound to it (RFC 8705 section 3). Default, and where that one
   * is no longer kept: the current one.
   */
  readonly thumbprint?: string;
}

/** A complete answer. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** The `x5t#S256` of the certificate that the request was made with. */
  readonly thumbprint: string;
}

/** What an answer is said to be (RFC 9110 section 8.3), without parameters. */
export function mediaType({ headers }: Answer): string {
  return String(headers["content-type"] ?? "")
    .split(";", 1)
    .join()
    .trim()
    .toLowerCase();
}

/** Sends requests to the bank. */
export class Door {
  readonly #generations: Generations;
  readonly #knownAs: KnownAs | undefined;

  /** @param knownAs - Whom the bank takes the partner for, to be told in errors. */
  constructor(generations: Generations, knownAs?: KnownAs) {
    this.#generations = generations;
    this.#knownAs = knownAs;
  }

  /**
   * The `x5t#S256` of the certificate that requests are made with.
   *
   * @param bound - The one that a token is bound to. Where it was never in use here, another process may have a newer
   * certificate: then it is looked whether it can be had here, too.
   */
  async thumbprint(call: Call, bound?: string): Promise<string> {
    const { thumbprint } = await this.#generations.current(call);
    if (bound === undefined || this.#generations.knows(bound)) return thumbprint;
    await this.#generations.refresh(call);
    return (await this.#generations.current(call)).thumbprint;
  }

  /**
   * Sends one request and reads the whole answer, whatever its status.
   *
   * A safe request whose connection was lost, as when the bank had dropped an idle one, is sent once more. So is any request
   * whose certificate the bank refused, where there is a newer one: it was not read. Nothing else is ever repeated here.
   *
   * @throws {@link TransportError} when there is no complete answer.
   * @throws {@link ValidationError} when the answer is a redirect or too large.
   */
  async send(outgoing: OutgoingRequest, call: Call): Promise<Answer> {
    const generation = await this.#generations.with(outgoing.thumbprint, call);
    try {
      return await this.#sendWith(generation, outgoing, call);
    } catch (error) {
      const refused = error instanceof TransportError && error.code === "client_certificate_refused";
      if (!refused || outgoing.presents === "nothing") throw error;
      await this.#generations.refresh(call);
      const next = await this.#generations.current(call);
      if (next === generation) throw error;
      return this.#sendWith(next, outgoing, call, 1);
    }
  }

  /** `resends`: how often it was sent before. */
  async #sendWith(generation: Generation, outgoing: OutgoingRequest, call: Call, resends = 0): Promise<Answer> {
    const endpoint = shownAs(outgoing);
    // By the clock, too: in a machine that was asleep, the timers have not noticed.
    if (call.signal.aborted || Date.now() >= call.deadline) throw endedEarly(call, "no", endpoint);
    try {
      return await this.#made(generation, outgoing, endpoint, call, resends);
    } catch (error) {
      const lost = error instanceof TransportError && error.code === "connection_lost";
      if (outgoing.method !== "GET" || !lost) throw error;
    }
    return this.#made(generation, outgoing, endpoint, call, resends + 1);
  }

  /** Makes one attempt, and tells of it where somebody listens. */
  #made(
    generation: Generation,
    outgoing: OutgoingRequest,
    endpoint: string,
    call: Call,
    resends: number,
  ): Promise<Answer> {
    return requestChannel.hasSubscribers
      ? this.#told(generation, outgoing, endpoint, call, resends)
      : this.#noted(generation, outgoing, endpoint, call);
  }

  #told(
    generation: Generation,
    outgoing: OutgoingRequest,
    endpoint: string,
    call: Call,
    resends: number,
  ): Promise<Answer> {
    const { method, presents, headers, url } = outgoing;
    const { interactionId } = call;
    const message: Writable<RequestMessage> = {
      method,
      endpoint,
      address: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? 443 : Number(url.port),
      ...(this.#knownAs === undefined ? {} : { profile: this.#knownAs.profile as Profile }),
      ...(Object.values(headers).includes(interactionId) ? { interactionId } : {}),
      ...(presents === "client-certificate" ? { thumbprint: generation.thumbprint } : {}),
      resends,
    };
    return trace(requestChannel, message, async () => {
      const answer = await this.#noted(generation, outgoing, endpoint, call);
      message.status = answer.status;
      return answer;
    });
  }

  /** Makes one attempt, and notes it with what became of it. */
  async #noted(generation: Generation, outgoing: OutgoingRequest, endpoint: string, call: Call): Promise<Answer> {
    const { method, presents, headers, url } = outgoing;
    const { certificate, thumbprint } = generation;
    const pool = generation.pool(presents);
    const { interactionId } = call;
    const note: MadeRequest = call.trail.add({
      at: Date.now(),
      method,
      endpoint,
      interactionId: Object.values(headers).includes(interactionId) ? interactionId : undefined,
      thumbprint: presents === "client-certificate" ? thumbprint : undefined,
      knownAs: this.#knownAs,
    });
    try {
      const answer = await this.#untilEnded(this.#attempt(outgoing, endpoint, call, pool), outgoing, endpoint, call);
      note.outcome = answer.status;
      pool.answered.add(url.origin);
      return { ...answer, thumbprint };
    } catch (error) {
      const answeredBefore = pool.answered.has(url.origin);
      const failure = classifyFailure(error, { method, presents, endpoint, certificate, answeredBefore }, call, pool);
      note.outcome = outcomeOf(failure);
      throw failure;
    } finally {
      note.endedAt = Date.now();
    }
  }

  /** undici heeds a signal only once a request has its connection: a call must end before, too. */
  async #untilEnded<T>(attempt: Promise<T>, { method }: OutgoingRequest, endpoint: string, call: Call): Promise<T> {
    return untilEnded(attempt, call, endpoint, "possible", method === "GET" ? "none" : "possible");
  }

  async #attempt(
    outgoing: OutgoingRequest,
    endpoint: string,
    call: Call,
    pool: ConnectionPool,
  ): Promise<Omit<Answer, "thumbprint">> {
    const { method, url, headers, body } = outgoing;
    const answer = await request(url, {
      dispatcher: pool.agent,
      method,
      headers,
      body: body ?? null,
      signal: call.signal,
    });
    const text = await answer.body.text();
    // RFC 9700 section 4.12: redirects are refused, not followed. A token or a code must not travel to where somebody else points.
    if (answer.statusCode >= 300 && answer.statusCode < 400) {
      throw new ValidationError(
        "redirect",
        `The bank answered with a redirect (HTTP ${answer.statusCode}) at ${endpoint}. It is not followed: check issuer and api.baseUrl, and whether a gateway in between sends its own answer.`,
        {
          interactionId: call.interactionId,
          sideEffect: method === "GET" ? "none" : "possible",
        },
      );
    }
    return { status: answer.statusCode, headers: answer.headers, body: text };
  }
}

/** An endpoint as it may be shown: without the query. */
export function nameOf(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function shownAs({ shownAs, url }: OutgoingRequest): string {
  return shownAs ?? nameOf(url);
}

function outcomeOf(failure: MinnaError): string {
  return failure instanceof ValidationError ? failure.check : failure.code;
}
