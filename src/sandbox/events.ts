/**
 * What the sandbox has received: one event for each request, without a token, a code or personal data.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { jstDateTime } from "./bank/jst.js";
import type { Settings } from "./options.js";

/** Where a request went. */
export type SandboxEndpoint =
  | "discovery"
  | "jwks"
  | "par"
  | "authorization"
  | "interaction"
  | "token"
  | "userinfo"
  | "introspection"
  | "revocation"
  | "grant"
  | "api"
  | "other";

/**
 * The listener a request came in by: the browsers' one, the one that needs a client certificate, or that of a foreign
 * host (for `jwks-foreign-host-gets-no-client-certificate`), which asks for one too and should be shown none.
 */
export type SandboxChannel = "browser" | "mtls" | "foreign";

/** A request that the sandbox received, and what came of it. */
export interface SandboxEvent {
  /** JST date-time with `+09:00`. */
  readonly at: string;
  /** Which listener it came in by. */
  readonly channel: SandboxChannel;
  /** What it was for. */
  readonly endpoint: SandboxEndpoint;
  /** The HTTP method; `TLS` for a handshake that the sandbox ended. */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The HTTP status; 0 when the connection was dropped without an answer. */
  readonly status: number;
  /** The client, as far as the request told. */
  readonly clientId?: string;
  /** The `x5t#S256` thumbprint of the client certificate that was presented. */
  readonly certificate?: string;
  /** Its subject as RFC 4514 spells it, such as `CN=partner-fapi2-security,O=minna-baas sandbox`. */
  readonly certificateSubject?: string;
  /** The `x-fapi-interaction-id` of an API call, and of any other request that had one. */
  readonly interactionId?: string;
  /**
   * More, by endpoint: `signed`, `grantType`, `responseMode`, `debitId`, `amount` and others.
   *
   * Where the customer comes back from a page of the bank: `customer` (the login id) and `decision`, which is `login`,
   * `allowed` (with `scopes`) or `declined`. `responded` says that the browser was sent to the partner, with a `code` or an
   * `error`. Of a refusal: `error` and `reason`.
   *
   * Of a page that told the customer why there can be no consent, `obstacle` is `account` (it can't be linked), `grant` (the
   * one to be changed is another customer's) or `end` (that one has ended).
   *
   * At the token endpoint `refresh` says what was done with a refresh token: `refreshed`; `reused` where it had been rotated
   * away before, whether that was allowed (`status` 200) or not; `refused` for any other reason. With it go `grantId`, where
   * the bank knew the token, and `refreshTokenHash`, which tells refresh tokens apart.
   */
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/** What was presented of a client certificate. */
type Presented = Pick<SandboxEvent, "certificate" | "certificateSubject">;

/** A request in progress: handlers note on it what the event will say. */
export class Visit {
  clientId: string | undefined;
  interactionId: string | undefined;
  readonly detail: Record<string, string | number | boolean> = {};
  readonly received: Pick<SandboxEvent, "channel" | "endpoint" | "method" | "path"> & Presented;

  constructor(received: Visit["received"]) {
    this.received = received;
  }

  note(detail: Readonly<Record<string, string | number | boolean | undefined>>): void {
    for (const [name, value] of Object.entries(detail)) if (value !== undefined) this.detail[name] = value;
  }
}

export class EventLog {
  #events: SandboxEvent[] = [];
  readonly #visits = new WeakMap<IncomingMessage, Visit>();
  readonly #now: () => number;
  readonly #keep: number;
  readonly #listener: ((event: SandboxEvent) => void) | undefined;

  constructor({ now, keepEvents, onEvent }: Pick<Settings, "now" | "keepEvents" | "onEvent">) {
    this.#now = now;
    this.#keep = keepEvents;
    this.#listener = onEvent;
  }

  get events(): readonly SandboxEvent[] {
    return this.#latest();
  }

  open(request: IncomingMessage, received: Visit["received"]): Visit {
    const visit = new Visit(received);
    this.#visits.set(request, visit);
    return visit;
  }

  visitOf(request: IncomingMessage): Visit | undefined {
    return this.#visits.get(request);
  }

  /** Ends a visit. Called before the answer leaves, so that who has the answer can see the event. */
  close(visit: Visit, status: number): void {
    const event: SandboxEvent = Object.freeze({
      at: jstDateTime(this.#now()),
      ...visit.received,
      status,
      ...(visit.clientId === undefined ? {} : { clientId: visit.clientId }),
      ...(visit.interactionId === undefined ? {} : { interactionId: visit.interactionId }),
      detail: Object.freeze({ ...visit.detail }),
    });
    this.#events.push(event);
    // Not at each event: moving all that are kept costs as much as they are many.
    if (this.#events.length > 2 * this.#keep + 100) this.#events = this.#latest();
    this.#listener?.(event);
  }

  #latest(): SandboxEvent[] {
    return this.#events.slice(Math.max(this.#events.length - this.#keep, 0));
  }

  /** Records a TLS handshake that ended before there was a request, with the reason's name in OpenSSL or Node. */
  refuseHandshake(channel: SandboxChannel, reason: string): void {
    const visit = new Visit({ channel, endpoint: "other", method: "TLS", path: "" });
    visit.note({ reason });
    this.close(visit, 0);
  }
}
