/**
 * What the bank knows the partner as: once, or twice while links move from one registration to another.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { AuthorizationServer } from "../authorization/server.js";
import type { Configuration } from "../config/configuration.js";
import { LinkError } from "../errors.js";
import type { Call, CallOptions } from "../transport/call.js";
import type { Calls } from "../transport/calls.js";
import type { CallName } from "../transport/channels.js";
import type { Door } from "../transport/door.js";
import type { Access } from "./access.js";
import { type LinkRecord, readLink, serves } from "./record.js";
import type { Resources } from "./resource.js";
import type { Store } from "./store.js";

/** One registration: its configuration, and the rooms that work with it. */
export interface Registration {
  readonly configuration: Configuration;
  readonly door: Door;
  readonly server: AuthorizationServer;
  readonly access: Access;
  readonly resources: Resources;
}

/** Gets to know the bank, and makes so many connections to its API and to its token endpoint, for the calls to come. */
export async function warmUp(
  { configuration, door, server }: Registration,
  connections: number,
  call: Call,
): Promise<void> {
  const { metadata } = await server.discovered(call);
  if (connections === 0) return;
  const urls = [configuration.apiBaseUrl, metadata.mtls.token_endpoint ?? configuration.apiBaseUrl];
  const origins = new Set(urls.map(url => new URL(url).origin));
  await Promise.all([server.warmKeys(call), ...[...origins].map(origin => door.warm(origin, connections, call))]);
}

/** Finds the registration that a link, a customer or a transaction belongs to. */
export class Registrations {
  readonly #all: readonly [Registration, ...Registration[]];
  readonly #store: Store;
  readonly #calls: Calls;
  readonly #canary: number;

  /**
   * @param all - The one for new links first, then those that older links were made with.
   * @param canary - The share of customers, 0 to 1, whose new links are made with the first one.
   */
  constructor(all: readonly [Registration, ...Registration[]], store: Store, calls: Calls, canary = 1) {
    this.#all = all;
    this.#store = store;
    this.#calls = calls;
    this.#canary = canary;
  }

  /** Every registration, the one for new links first. */
  get all(): readonly [Registration, ...Registration[]] {
    return this.#all;
  }

  /** The one that a customer's new links are made with, and renewed ones: the same at every attempt, in every process. */
  forCustomer(customerId: string): Registration {
    const [first, second = first] = this.#all;
    const place = createHash("sha256").update(customerId).digest().readUInt32BE() / 2 ** 32;
    return place < this.#canary ? first : second;
  }

  /** The one that serves what was made so; `undefined` where none does. */
  of(made: Pick<LinkRecord, "issuer" | "clientId" | "profile">): Registration | undefined {
    return this.#all.find(({ configuration }) => serves(configuration, made));
  }

  /**
   * Runs `work` as one call, with the rooms of the registration that the link belongs to. A link that has moved meanwhile,
   * in another process, is followed.
   */
  run<T>(
    name: CallName,
    linkId: string,
    options: CallOptions | undefined,
    work: (call: Call, registration: Registration) => Promise<T>,
    timeout?: number,
  ): Promise<T> {
    const served = (call: Call) => this.serve(linkId, registration => work(call, registration));
    return this.#calls.run(name, options, served, timeout, linkId);
  }

  /** Runs `work` with the rooms of the registration that the link belongs to, within a call. */
  serve<T>(linkId: string, work: (registration: Registration) => Promise<T>): Promise<T> {
    return this.#all.length === 1 ? work(this.#all[0]) : this.#serveMoving(linkId, work);
  }

  async #serveMoving<T>(linkId: string, work: (registration: Registration) => Promise<T>): Promise<T> {
    // While links move, the store has the word each time: another process may have moved this one just now.
    const registration = await this.#find(linkId);
    try {
      return await work(registration);
    } catch (error) {
      if (!hasMoved(error)) throw error;
      const now = await this.#find(linkId);
      if (now === registration) throw error;
      registration.access.forget(linkId);
      return work(now);
    }
  }

  /** A link with the registration that it belongs to; `undefined` where there is no such link, or none for it. */
  async lookUp(
    linkId: string,
  ): Promise<{ readonly registration: Registration; readonly record: LinkRecord } | undefined> {
    try {
      const { record } = await readLink(this.#store, linkId);
      const registration = this.of(record);
      return registration && { registration, record };
    } catch (error) {
      if (error instanceof LinkError) return undefined;
      throw error;
    }
  }

  /** A link of nobody's, or none at all, is left to the first one, which says so. */
  async #find(linkId: string): Promise<Registration> {
    return (await this.lookUp(linkId))?.registration ?? this.#all[0];
  }
}

function hasMoved(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return [error, error.cause].some(reason => reason instanceof LinkError && reason.code === "link_elsewhere");
}
