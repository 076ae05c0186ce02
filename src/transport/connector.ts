/**
 * New connections to one origin.
 *
 * @module
 */
import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import { buildConnector } from "./undici.js";

/** How connections are made. */
export interface TlsOptions {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
  /** Milliseconds that making a connection may take. */
  readonly timeout: number;
}

/** Milliseconds that others wait for the session of a first connection. Not longer: a server may give none. */
const PATIENCE = 250;

/**
 * Makes connections, each with the TLS session of one before it. undici keeps sessions by host name, and as long as the
 * garbage collector likes; here they live as long as the connector, and so never longer than the certificate in use.
 */
export class Connector {
  readonly #url: URL;
  readonly #tls: TlsOptions;
  readonly #failures = new WeakSet<object>();
  readonly #ready = new Set<Socket>();
  #closed = false;
  #session: Buffer | undefined;
  /** Resolves when there is a session to resume, or none is to be waited for; absent before the first connection. */
  #first: Promise<void> | undefined;

  constructor(origin: string, tls: TlsOptions) {
    this.#url = new URL(origin);
    this.#tls = tls;
  }

  /** Connects, as undici's pool wants it. */
  readonly connect: buildConnector.connector = (options, callback) => {
    const [socket] = this.#ready;
    if (socket === undefined) return this.#open(options, callback);
    this.#ready.delete(socket);
    // Not at once: undici overlooks a connection that is there before it has asked for it.
    queueMicrotask(() => callback(null, socket));
  };

  /** Makes a connection ahead of time, for whoever asks for one within so many milliseconds. */
  async prepare(kept: number): Promise<void> {
    const { host, protocol, port } = this.#url;
    // An address of IPv6 stands in brackets in a URL, and nowhere else.
    const hostname = this.#url.hostname.replace(/^\[|\]$/g, "");
    const socket = await new Promise<Socket>((resolve, reject) =>
      this.#open({ hostname, host, protocol, port }, (...[error, connected]) =>
        error === null ? resolve(connected) : reject(error),
      ),
    );
    if (this.#closed) socket.destroy();
    else this.#ready.add(socket);
    const drop = () => this.#ready.delete(socket) && socket.destroy();
    socket.once("close", drop);
    setTimeout(drop, kept).unref();
  }

  /** How many connections wait for somebody to ask for them. */
  get prepared(): number {
    return this.#ready.size;
  }

  /** Forgets the session: a server that can't go on with it would be asked to for ever. */
  forget(): void {
    this.#session = undefined;
    this.#first = undefined;
  }

  /** Whether the error is one of connecting, so that no request can have left. */
  failed(error: unknown): boolean {
    return typeof error === "object" && error !== null && this.#failures.has(error);
  }

  /** Ends the connections that nobody asked for. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#ready) socket.destroy();
  }

  /** Of many at once on a cold start one makes a full handshake, and the others resume its session. */
  #open(options: buildConnector.Options, callback: buildConnector.Callback): void {
    if (this.#first === undefined) {
      this.#first = new Promise(resolve => {
        setTimeout(resolve, PATIENCE).unref();
        this.#dial(options, callback, resolve);
      });
    } else if (this.#session !== undefined) this.#dial(options, callback);
    else void this.#first.then(() => this.#dial(options, callback));
  }

  #dial(options: buildConnector.Options, callback: buildConnector.Callback, decided: () => void = () => {}): void {
    const learn = (session: Buffer | undefined) => {
      if (session === undefined) return;
      this.#session = session;
      decided();
    };
    const resumed = this.#session === undefined ? {} : { session: this.#session };
    const connect = buildConnector({ ...this.#tls, ...resumed, maxCachedSessions: 0 });
    connect(options, (...result) => {
      const [error, socket] = result;
      if (error !== null) {
        this.#failures.add(error);
        this.forget();
        decided();
      } else if (socket instanceof TLSSocket) {
        // TLS 1.3 gives sessions after the handshake (RFC 8446 section 4.6.1), TLS 1.2 in it.
        socket.on("session", learn);
        if (socket.getProtocol() === "TLSv1.2") learn(socket.getSession());
      }
      callback(...result);
    });
  }
}
