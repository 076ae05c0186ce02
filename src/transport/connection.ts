/**
 * TLS connections to the bank, and the certificate they present.
 *
 * @module
 */
import { constants } from "node:crypto";
import { readFileSync } from "node:fs";
import * as tls from "node:tls";
import type { CheckedCertificate } from "../config/certificate.js";
import { closed } from "./calls.js";
import { Connector, type TlsOptions } from "./connector.js";
import { type Dispatcher, Pool } from "./undici.js";

/** What a connection shows the bank: the client certificate at its mTLS endpoints, nothing anywhere else. */
export type Presents = "client-certificate" | "nothing";

/** Connections to one origin at most: what comes on top waits for one of them. */
export const MOST_CONNECTIONS: number = 64;
/** Milliseconds for which an idle connection is kept. */
const KEPT_ALIVE = 4_000;

// RFC 9325, FAPI 1.0 Part 1 7.1 and Part 2 8.5, FAPI 2.0 SP 5.2.1: TLS 1.2 or later; in 1.2 only ECDHE with AES-GCM.
const CIPHERS = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
].join(":");

/**
 * The authorities that Node trusts without being told: a partner's own one is added to them. Node 20 can't be asked for
 * those that NODE_EXTRA_CA_CERTS adds.
 */
function trustedByNode(): readonly string[] {
  if ("getCACertificates" in tls) return (tls.getCACertificates as () => string[])();
  const extra = process.env["NODE_EXTRA_CA_CERTS"];
  return extra === undefined ? tls.rootCertificates : [...tls.rootCertificates, ...readExtra(extra)];
}

/** As Node does: a file that can't be read adds nothing. */
function readExtra(file: string): readonly string[] {
  try {
    return [readFileSync(file, "utf8")];
  } catch {
    return [];
  }
}

/** Bytes that an answer may have, so that none fills the memory. A page of 500 rows has about 200,000. */
export const LARGEST_ANSWER: number = 4 * 1024 * 1024;

/** How this client speaks TLS. `ca` is added to the authorities that Node trusts; `presented` is shown to who asks for it. */
export function secureContext(
  ca: readonly string[],
  presented?: Pick<CheckedCertificate, "cert" | "key">,
): tls.SecureContext {
  return tls.createSecureContext({
    minVersion: "TLSv1.2",
    ciphers: CIPHERS,
    honorCipherOrder: true,
    // In TLS 1.2 a server could ask for another certificate in the middle, when it has taken a request already.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(ca.length > 0 ? { ca: [...trustedByNode(), ...ca] } : {}),
    ...(presented === undefined
      ? {}
      : { cert: presented.cert, key: presented.key.export({ type: "pkcs8", format: "pem" }) }),
  });
}

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

  /** Makes so many connections now, for the requests to come. They are kept as long as an idle one is. */
  async warm(connections: number): Promise<void> {
    await Promise.all(Array.from({ length: connections }, () => this.#connector.prepare(KEPT_ALIVE)));
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
