/**
 * The one door that bytes leave by.
 *
 * @module
 */
import type { Profile } from "../config/profile.js";
import type { KnownAs, MadeRequest } from "../errors/trail.js";
import { type MinnaError, TransportError, ValidationError } from "../errors.js";
import { attempt } from "./attempt.js";
import { type Call, endedEarly } from "./call.js";
import { type RequestMessage, requestChannel, trace, type Writable } from "./channels.js";
import type { Presents } from "./connection.js";
import { classifyFailure } from "./failure.js";
import type { Generation, Generations } from "./generation.js";
import { untilEnded } from "./single-flight.js";

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
   * Makes connections that show the client certificate, for the requests to come.
   *
   * @throws {@link TransportError} when one can't be made.
   */
  async warm(origin: string, connections: number, call: Call): Promise<void> {
    const generation = await this.#generations.current(call);
    const { certificate } = generation;
    const presents = "client-certificate";
    const to = generation.pool(presents).to(origin);
    try {
      await untilEnded(to.warm(connections), call, origin);
    } catch (error) {
      const failed = { method: "GET", presents, endpoint: origin, certificate, answeredBefore: to.answered } as const;
      throw classifyFailure(error, failed, call, to);
    }
  }

  /** Whether requests are made with this certificate now, as far as that is known without waiting. */
  presents(thumbprint: string, call: Call): boolean {
    return this.#generations.atHand(undefined, call)?.thumbprint === thumbprint;
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
    const { thumbprint } = outgoing;
    const generation = this.#generations.atHand(thumbprint, call) ?? (await this.#generations.with(thumbprint, call));
    try {
      return await this.#made(generation, outgoing, call, 0);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (error.code === "connection_lost") return await this.#afterLoss(error, generation, outgoing, call, 1);
      if (error.code !== "client_certificate_refused" || outgoing.presents === "nothing") throw error;
      await this.#generations.refresh(call);
      const next = await this.#generations.current(call);
      if (next === generation) throw error;
      return await this.#made(next, outgoing, call, 1).catch(again => this.#afterLoss(again, next, outgoing, call, 2));
    }
  }

  /** `resends`: how often it will have been sent before. */
  async #afterLoss(
    error: unknown,
    generation: Generation,
    outgoing: OutgoingRequest,
    call: Call,
    resends: number,
  ): Promise<Answer> {
    const lost = error instanceof TransportError && error.code === "connection_lost";
    if (outgoing.method !== "GET" || !lost) throw error;
    try {
      return await this.#made(generation, outgoing, call, resends);
    } catch (again) {
      // What was lost may have been read, though the repetition has not left.
      if (!(again instanceof TransportError && again.reached === "no")) throw again;
      throw call.ended === undefined ? error : endedEarly(call, "possible", error.endpoint, "none");
    }
  }

  /** Makes one attempt, and tells of it where somebody listens. */
  #made(generation: Generation, outgoing: OutgoingRequest, call: Call, resends: number): Promise<Answer> {
    const endpoint = outgoing.shownAs ?? nameOf(outgoing.url);
    // By the clock, too: in a machine that was asleep, the timers have not noticed.
    if (call.ended !== undefined || Date.now() >= call.deadline) throw endedEarly(call, "no", endpoint);
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
    const { interactionId } = call;
    const origin = generation.pool(presents).to(url.origin);
    const note: MadeRequest = call.trail.add({
      at: Date.now(),
      method,
      endpoint,
      interactionId: Object.values(headers).includes(interactionId) ? interactionId : undefined,
      thumbprint: presents === "client-certificate" ? thumbprint : undefined,
      knownAs: this.#knownAs,
    });
    try {
      const { status, headers: received, body } = await attempt(origin, outgoing, call, endpoint);
      if (status >= 300 && status < 400) throw redirected(status, method, endpoint, call);
      note.outcome = status;
      origin.answered = true;
      return { status, headers: received, body, thumbprint };
    } catch (error) {
      const failed = { method, presents, endpoint, certificate, answeredBefore: origin.answered };
      const failure = classifyFailure(error, failed, call, origin);
      note.outcome = outcomeOf(failure);
      if (call.ended === undefined && failure instanceof TransportError) origin.forgetSession();
      throw failure;
    } finally {
      note.endedAt = Date.now();
    }
  }
}

/** RFC 9700 section 4.12: redirects are refused, not followed. A token or a code must not travel to where somebody else points. */
function redirected(status: number, method: string, endpoint: string, call: Call): ValidationError {
  return new ValidationError(
    "redirect",
    `The bank answered with a redirect (HTTP ${status}) at ${endpoint}. It is not followed: check issuer and api.baseUrl, and whether a gateway in between sends its own answer.`,
    { interactionId: call.interactionId, sideEffect: method === "GET" ? "none" : "possible" },
  );
}

/** An endpoint as it may be shown: without the query. */
export function nameOf(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function outcomeOf(failure: MinnaError): string {
  return failure instanceof ValidationError ? failure.check : failure.code;
}
