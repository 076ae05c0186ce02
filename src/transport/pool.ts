/**
 * Connections to the bank, and the certificate they present.
 *
 * @module
 */
import type { CheckedCertificate } from "../config/certificate.js";
import { closed } from "./calls.js";
import { LARGEST_ANSWER, MOST_CONNECTIONS, type Presents, secureContext } from "./connection.js";
import { Connector, type TlsOptions } from "./connector.js";
import { type Dispatcher, Pool } from "./undici.js";

/** Milliseconds for which an idle connection is kept. */
const KEPT_ALIVE = 4_000;

/** Connections that belong together: the same certificate, the same roots. Each origin has its own. */
export class ConnectionPool {
  readonly #tls: TlsOptions;
  readonly #origins = new Map<string, Origin>();
  #closed = false;

  /** @param presents - Whether the connections carry the client certificate. */
  constructor(certificate: CheckedCertificate, presents: Presents) {
    this.#tls = {
      secureContext: secureContext(certificate.ca, presents === "client-certificate" ? certificate : undefined),
      // Said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment changes nothing here.
      rejectUnauthorized: true,
      timeout: 5_000,
    };
  }

  /** Whether it takes no further request. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The connections to an origin, which are made as they are needed. */
  to(origin: string): Origin {
    const known = this.#origins.get(origin);
    if (known !== undefined) return known;
    if (this.#closed) throw closed();
    const opened = new Origin(origin, this.#tls);
    this.#origins.set(origin, opened);
    return opened;
  }

  /** Lets requests under way finish, then closes every connection. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#origins.values()].map(origin => origin.close()));
  }
}

/** The connections to one origin. */
export class Origin {
  readonly #connector: Connector;
  readonly #pool: Pool;
  /** Whether it has answered yet. */
  answered = false;

  constructor(origin: string, tls: TlsOptions) {
    this.#connector = new Connector(origin, tls);
    this.#pool = new Pool(origin, {
      connections: MOST_CONNECTIONS,
      // Banks drop idle sockets after 5 seconds and more: ours are gone before.
      keepAliveTimeout: KEPT_ALIVE,
      keepAliveMaxTimeout: 30_000,
      // One deadline spans a call: the call's own, not timers for its parts.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: LARGEST_ANSWER,
      connect: this.#connector.connect,
    });
  }

  /** Sends a request as soon as a connection is free for it. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#pool.dispatch(options, handler);
  }

  /** Makes connections for the requests to come until there are so many. They are kept as long as an idle one is. */
  async warm(connections: number): Promise<void> {
    const length = Math.max(
      0,
      Math.min(connections, MOST_CONNECTIONS) - this.#pool.stats.connected - this.#connector.prepared,
    );
    await Promise.all(Array.from({ length }, () => this.#connector.prepare(KEPT_ALIVE)));
  }

  /** The next connection makes a full handshake: what failed may have been the session that it resumed. */
  forgetSession(): void {
    this.#connector.forget();
  }

  /** Whether the error came from making a connection, so that no request can have left. */
  failedToConnect(error: unknown): boolean {
    return this.#connector.failed(error);
  }

  async close(): Promise<void> {
    this.#connector.close();
    await this.#pool.close();
  }
}
