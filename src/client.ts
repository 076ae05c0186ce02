/**
 * The client: wires the rooms together.
 *
 * @module
 */
import type { JWK } from "jose";
import { AuthorizationServer } from "./authorization/server.js";
import { Accounts } from "./bank/accounts.js";
import { Debits } from "./bank/debits.js";
import { IdentityApi } from "./bank/identity.js";
import { OpenDebits } from "./bank/open-debits.js";
import type { ClientCertificate } from "./config/certificate.js";
import { type Configuration, configure } from "./config/configuration.js";
import type { Decryption } from "./config/decryption.js";
import type { ProfileOptions } from "./config/options.js";
import type { SigningKeys } from "./config/signers.js";
import { ArgumentError } from "./errors.js";
import { Access } from "./links/access.js";
import { Grant, type GrantRooms } from "./links/grant.js";
import { GuardedStore } from "./links/guarded-store.js";
import { Links } from "./links/links.js";
import { MemoryStore } from "./links/memory-store.js";
import { Resources } from "./links/resource.js";
import type { Store } from "./links/store.js";
import { type CallOptions, withCall } from "./transport/call.js";
import { Door } from "./transport/door.js";
import { type CertificateInUse, Generations } from "./transport/generation.js";

/** The options of a client: the profile's, and where links and debits are kept. */
export type MinnaClientOptions = ProfileOptions & {
  /** Default: in memory, for a first try. What it holds dies with the process. */
  readonly store?: Store;
};

/** Keys that take the place of those in use. */
export interface RotatedKeys {
  /** The keys of the request objects: the first one signs. A profile that signs nothing takes no notice. */
  readonly signing?: SigningKeys;
  /** The keys for responses that the bank encrypts. */
  readonly decryption?: Decryption;
}

/**
 * A partner's client of the bank. One for each process is enough; it serves any number of customers at once.
 *
 * @example
 * ```ts
 * const minna = new MinnaClient({
 *   profile: "fapi2-security",
 *   issuer: "https://auth.bank.example",
 *   clientId: "partner-1",
 *   redirectUri: "https://partner.example/bank/callback",
 *   certificate: { cert, key },
 *   api: { baseUrl: "https://api.bank.example" },
 * });
 * ```
 */
export class MinnaClient {
  /** 口座連携: begins, completes and looks up links. */
  readonly links: Links;
  /** 口座振替 over all links: what a crash or an outage left open. */
  readonly debits: OpenDebits;
  readonly #configuration: Configuration;
  readonly #generations: Generations;
  readonly #server: AuthorizationServer;
  readonly #grants: GrantRooms;

  /**
   * Checks the options. It does no I/O: an outage at the bank does not stop the partner's server from starting.
   *
   * @throws {@link ConfigurationError} that names every wrong option at once.
   */
  constructor(options: MinnaClientOptions) {
    const configuration = configure(options);
    const store = new GuardedStore(options.store ?? new MemoryStore(), configuration.timeout);
    if (options.store === undefined && process.env["NODE_ENV"] === "production") warn("MINNA_MEMORY_STORE");
    if (configuration.contract.inquiry === "none") warn("MINNA_NO_INQUIRY");
    const generations = new Generations(configuration);
    const door = new Door(generations);
    const server = new AuthorizationServer(configuration, door);
    const access = new Access(configuration, server, door, store);
    const resources = new Resources(configuration, door, access);
    this.#configuration = configuration;
    this.#generations = generations;
    this.#server = server;
    this.#grants = Object.freeze({ configuration, server, access, resources, store });
    this.links = new Links(door, this.#grants);
    this.debits = new OpenDebits(store, linkId => new Link(linkId, this.#grants).debits);
  }

  /**
   * A handle to a link. It does no I/O: an unknown id shows at the first call.
   *
   * @throws {@link ArgumentError} when `id` is no string.
   */
  link(id: string): Link {
    if (typeof id !== "string" || id === "")
      throw new ArgumentError("id", "id must be the id that links.complete() returned.");
    return new Link(id, this.#grants);
  }

  /**
   * Loads the certificate and discovers the bank now, instead of at the first call.
   *
   * @throws {@link TransportError} when the bank can't be reached; {@link ValidationError} when its metadata can't be
   * used with this configuration; {@link ConfigurationError} when a certificate that is loaded late is wrong.
   */
  async ready(options?: CallOptions): Promise<void> {
    await withCall(options, this.#configuration.timeout, call => this.#server.discovered(call));
  }

  /**
   * The public keys to register at the bank, as a JWKS: to verify with, and to encrypt to; while keys take over from others,
   * the new ones and the old. Often there is none.
   *
   * @throws {@link ConfigurationError} when a signer outside of the process came without `publicKey`, when keys that are
   * loaded late are wrong, or when two of them have one id.
   */
  async publicJwks(options?: CallOptions): Promise<{ readonly keys: readonly JWK[] }> {
    return withCall(options, this.#configuration.timeout, async call =>
      Object.freeze({ keys: await this.#server.clientKeys.published(call) }),
    );
  }

  /**
   * Changes the client certificate without a restart. New calls use it at once; those under way end with the one they began
   * with. The tokens of a link are bound to their certificate, and are refreshed when it is next used.
   *
   * @param certificate - The new one. Without it, the files are read or the function is called again, now.
   * @returns the certificate that is in use now, and whether it is another one than before.
   * @throws {@link ConfigurationError} when the new one can't be used, such as one that does not match its key, has expired,
   * is not valid yet, or is older than the one in use; or, without an argument, when the certificate was given as it is.
   * The one in use stays.
   */
  async rotateCertificate(certificate?: ClientCertificate, options?: CallOptions): Promise<CertificateInUse> {
    return withCall(options, this.#configuration.timeout, call => this.#generations.rotate(certificate, call));
  }

  /**
   * Changes keys without a restart. During the overlap give the new ones and the old: `signing: [new, old]` signs with the
   * first and publishes both; `decryption: { keys: [new, old] }` opens what is encrypted to either.
   *
   * Where keys are loaded by a function, what it loads next takes the place of those given here.
   *
   * @param keys - The keys that take the place of those in use. Without any, the functions are called again, now.
   * @throws {@link ConfigurationError} when one can't be used, such as a new key with the id of one in use; or, without an
   * argument, when the keys were given as they are. Those in use stay.
   */
  async rotateKeys(keys: RotatedKeys = {}, options?: CallOptions): Promise<void> {
    await withCall(options, this.#configuration.timeout, call => this.#server.clientKeys.rotate(keys ?? {}, call));
  }

  /** Lets calls under way finish and closes every connection. Later calls fail with a `TransportError`. */
  async close(): Promise<void> {
    await this.#grants.access.settled();
    await this.#server.clientKeys.settled();
    await this.#generations.close();
  }
}

/** One linked account. Made by `minna.link(id)`. */
export class Link {
  /** The link's id, as `links.complete()` returned it. */
  readonly id: string;
  /** 口座照会. */
  readonly accounts: Accounts;
  /** 本人確認済情報照会. */
  readonly identity: IdentityApi;
  /** 口座振替. */
  readonly debits: Debits;
  /** 認可: 状態の確認, 期限延長, 解除. */
  readonly grant: Grant;

  /** @internal */
  constructor(id: string, rooms: GrantRooms) {
    const { configuration, server, resources } = rooms;
    const context = Object.freeze({ linkId: id, configuration, server, resources });
    this.id = id;
    this.accounts = new Accounts(context);
    this.identity = new IdentityApi(context);
    this.debits = new Debits(context, rooms.store);
    this.grant = new Grant(id, rooms);
  }
}

const WARNINGS = {
  MINNA_MEMORY_STORE: {
    message: "Links and debits are kept in memory: what is in doubt when the process dies stays so.",
    detail: "Give MinnaClient a store that outlives the process.",
  },
  MINNA_NO_INQUIRY: {
    message: "The bank can't be asked for a debit by its reference: one whose answer is lost for a day stays unknown.",
    detail: "Call debits.recover() well within 23 hours, while the bank remembers the idempotency key of a debit.",
  },
};
const warned = new Set<keyof typeof WARNINGS>();

/** Says once what the configuration can't promise. */
function warn(code: keyof typeof WARNINGS): void {
  if (warned.has(code)) return;
  warned.add(code);
  const { message, detail } = WARNINGS[code];
  process.emitWarning(message, { type: "MinnaBaasWarning", code, detail });
}
