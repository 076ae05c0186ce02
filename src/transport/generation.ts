/**
 * The certificates in use and the connections made with them.
 *
 * @module
 */
import type { CheckedCertificate } from "../config/certificate.js";
import type { Configuration } from "../config/configuration.js";
import { Countdown } from "../config/countdown.js";
import { type JstDateTime, toJst } from "../config/jst.js";
import { emitWarning } from "../config/warning.js";
import { type Call, LONGEST_CALL } from "./call.js";
import { closed } from "./calls.js";
import { type CertificateMessage, certificateChannel } from "./channels.js";
import type { Presents } from "./connection.js";
import { Current } from "./current.js";
import type { ConnectionPool } from "./pool.js";

/** One certificate with its own pools: a connection never outlives the certificate it was made with. */
export interface Generation {
  readonly certificate: CheckedCertificate;
  readonly thumbprint: string;
  pool(presents: Presents): ConnectionPool;
  close(): Promise<void>;
}

/** The certificate in use, after it was looked for anew. */
export interface CertificateInUse {
  /** Its `x5t#S256` (RFC 8705 section 3.1). */
  readonly thumbprint: string;
  /** When it expires. */
  readonly notAfter: JstDateTime;
  /** Whether it is another one than before. */
  readonly changed: boolean;
}

/**
 * Keeps the generation that new calls are made with, and for a while those before it: for what is under way, and for tokens
 * that are bound to them. No connection and no TLS session passes from one to another.
 */
export class Generations {
  readonly #certificate: Current<CheckedCertificate>;
  /** The current one first. */
  #open: readonly Generation[] = [];
  readonly #retiring = new Set<NodeJS.Timeout>();
  #countdown: Countdown | undefined;
  #closing: Promise<void> | undefined;
  /** Comes with undici, which takes long to load: after the client was made, and before its first call, as a rule. */
  readonly #loading = import("./pool.js");
  #Pool: typeof ConnectionPool | undefined;

  constructor({ certificate, timeout }: Pick<Configuration, "certificate" | "timeout">) {
    this.#certificate = new Current(certificate, timeout, error => {
      const inUse = this.#certificate.value;
      if (inUse !== undefined) tell("rejected", inUse, error === undefined ? {} : { error });
    });
    // The first call is told.
    this.#loading.catch(() => {});
  }

  /**
   * The one with this certificate while it is kept, and else the current one, where nothing has to be waited for;
   * `undefined` where something has.
   */
  atHand(thumbprint: string | undefined, call: Call): Generation | undefined {
    const certificate = this.#certificate.atHand(call);
    const over = certificate === undefined || certificate.notAfter <= Date.now();
    if (over || this.#closing !== undefined || this.#Pool === undefined) return undefined;
    const current = this.#newest();
    this.#countdown?.look();
    return current.thumbprint === thumbprint ? current : (this.#named(thumbprint) ?? current);
  }

  /** The one that a new request is made with. */
  async current(call: Call): Promise<Generation> {
    if (this.#closing !== undefined) throw closed();
    this.#Pool ??= (await this.#loading).ConnectionPool;
    const certificate = await this.#certificate.get(call);
    // With an expired one there is nothing to go on with.
    if (certificate.notAfter <= Date.now()) await this.#certificate.refresh(call);
    const generation = this.#newest();
    this.#countdown?.look();
    return generation;
  }

  /** The one with this certificate while it is kept, and else the current one. */
  async with(thumbprint: string | undefined, call: Call): Promise<Generation> {
    const current = await this.current(call);
    return this.#named(thumbprint) ?? current;
  }

  /** The `x5t#S256` of the one in use; `undefined` before it was first needed. */
  get inUse(): string | undefined {
    return this.#certificate.value?.thumbprint;
  }

  /** Whether a certificate is the current one, or was and is still kept. */
  knows(thumbprint: string): boolean {
    return this.#named(thumbprint) !== undefined;
  }

  /** Looks now whether there is a newer certificate, at most once in five seconds. No harm is done where there is none. */
  async refresh(call: Call): Promise<void> {
    await this.#certificate.refresh(call);
  }

  /**
   * Uses this certificate from now on; without one, loads it again.
   *
   * @throws {@link ConfigurationError} when it can't be used, or not be loaded. The one in use stays.
   */
  async rotate(given: unknown, call: Call): Promise<CertificateInUse> {
    if (this.#closing !== undefined) throw closed();
    this.#Pool ??= (await this.#loading).ConnectionPool;
    const before = this.#certificate.value;
    if (given === undefined) await this.#certificate.reload(call);
    else this.#certificate.replace(this.#certificate.check(given));
    const { certificate } = this.#newest();
    const { thumbprint, notAfter } = certificate;
    return Object.freeze({ thumbprint, notAfter: toJst(notAfter), changed: certificate !== before });
  }

  /** Uses the certificate of another one, which was the same until now: loaded twice, it could be two. */
  adopt(other: Generations): void {
    const certificate = other.#certificate.value;
    if (certificate === undefined || certificate === this.#certificate.value || this.#closing !== undefined) return;
    this.#certificate.replace(certificate);
    if (this.#open.length > 0) this.#newest();
  }

  /** Lets calls under way finish, then closes every connection. Closing twice is closing once. */
  async close(): Promise<void> {
    this.#closing ??= this.#certificate.settled().then(async () => {
      for (const timer of this.#retiring) clearTimeout(timer);
      await Promise.all(this.#open.map(generation => generation.close()));
      for (const { certificate } of this.#open) tell("retired", certificate);
    });
    await this.#closing;
  }

  #named(thumbprint: string | undefined): Generation | undefined {
    return this.#open.find(generation => generation.thumbprint === thumbprint);
  }

  /** Without a pause since the certificate was read: an older one must never take a newer one's place. */
  #newest(): Generation {
    const [current] = this.#open;
    const certificate = this.#certificate.value;
    const Pool = this.#Pool;
    if (this.#closing !== undefined || certificate === undefined || Pool === undefined) throw closed();
    if (current?.certificate === certificate) return current;
    const next = openGeneration(certificate, Pool);
    this.#open = [next, ...this.#open];
    this.#countdown = new Countdown(certificate.notAfter, [30, 7, 1], left => warnOfEnd(certificate, left));
    if (current === undefined) tell("in_use", certificate);
    else tell("rotated", certificate, { replaces: current.thumbprint });
    if (current !== undefined) this.#retire(current);
    return next;
  }

  /** Keeps it for as long as a call that began with it can last. */
  #retire(old: Generation): void {
    const timer = setTimeout(() => {
      this.#retiring.delete(timer);
      this.#open = this.#open.filter(generation => generation !== old);
      void old.close().catch(() => {});
      tell("retired", old.certificate);
    }, LONGEST_CALL).unref();
    this.#retiring.add(timer);
  }
}

function openGeneration(certificate: CheckedCertificate, Pool: typeof ConnectionPool): Generation {
  const pools: Readonly<Record<Presents, ConnectionPool>> = {
    "client-certificate": new Pool(certificate, "client-certificate"),
    nothing: new Pool(certificate, "nothing"),
  };
  return Object.freeze({
    certificate,
    thumbprint: certificate.thumbprint,
    pool: (presents: Presents) => pools[presents],
    close: async () => {
      await Promise.all(Object.values(pools).map(pool => pool.close()));
    },
  });
}

/** Tells of a certificate where somebody listens. */
function tell(
  event: CertificateMessage["event"],
  { thumbprint, notAfter }: CheckedCertificate,
  more: Pick<CertificateMessage, "replaces" | "daysLeft" | "error"> = {},
): void {
  if (!certificateChannel.hasSubscribers) return;
  certificateChannel.publish({ event, thumbprint, notAfter: toJst(notAfter), ...more } satisfies CertificateMessage);
}

function warnOfEnd(certificate: CheckedCertificate, left: number): void {
  const { notAfter } = certificate;
  tell("expires", certificate, { daysLeft: left });
  const when = toJst(notAfter);
  const message =
    left === 0
      ? `The client certificate expired at ${when}: the bank refuses it.`
      : `The client certificate expires at ${when}, within ${left === 1 ? "a day" : `${left} days`}.`;
  emitWarning(
    "MINNA_CERTIFICATE_EXPIRES",
    message,
    "Get the next one, and put it where the certificate is loaded from, or hand it to minna.rotateCertificate().",
  );
}
