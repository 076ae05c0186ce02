/**
 * The certificate in use and the connections made with it.
 *
 * @module
 */
import type { CheckedCertificate } from "../config/certificate.js";
import type { Configuration } from "../config/configuration.js";
import { TransportError } from "../errors.js";
import { type Call, withCall } from "./call.js";
import { type ConnectionPool, openPool, type Presents } from "./connection.js";
import { SingleFlight, untilEnded } from "./single-flight.js";

/** One certificate with its own pools: a connection never outlives the certificate it was made with. */
export interface Generation {
  readonly thumbprint: string;
  pool(presents: Presents): ConnectionPool;
  close(): Promise<void>;
}

/** Loads the certificate when it is first needed, once for all callers. */
export class Generations {
  readonly #load: Configuration["loadCertificate"];
  readonly #timeout: number;
  readonly #loading = new SingleFlight<Generation>("certificate");
  #current: Generation | undefined;
  #closing: Promise<void> | undefined;

  constructor(configuration: Configuration) {
    this.#load = configuration.loadCertificate;
    this.#timeout = configuration.timeout;
  }

  async current(call: Call): Promise<Generation> {
    if (this.#closing !== undefined) {
      throw closed();
    }
    if (this.#current !== undefined) return this.#current;
    // A deadline of its own: a loader that hangs must not hang every later call with it.
    return this.#loading.join("certificate", call, () =>
      withCall(undefined, this.#timeout, async own => {
        const loaded = openGeneration(await untilEnded(this.#load(), own, "certificate"));
        if (this.#closing !== undefined) {
          await loaded.close();
          throw closed();
        }
        this.#current = loaded;
        return loaded;
      }),
    );
  }

  /** Lets calls under way finish, then closes every connection. Closing twice is closing once. */
  async close(): Promise<void> {
    this.#closing ??= this.#loading.settled().then(() => this.#current?.close());
    await this.#closing;
  }
}

function closed(): TransportError {
  return new TransportError("closed", "The client was closed.", { reached: "no", endpoint: "none" });
}

function openGeneration(certificate: CheckedCertificate): Generation {
  const pools: Readonly<Record<Presents, ConnectionPool>> = {
    "client-certificate": openPool(certificate, "client-certificate"),
    nothing: openPool(certificate, "nothing"),
  };
  return Object.freeze({
    thumbprint: certificate.thumbprint,
    pool: (presents: Presents) => pools[presents],
    close: async () => {
      await Promise.all(Object.values(pools).map(pool => pool.agent.close()));
    },
  });
}
