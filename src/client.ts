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
import type { LinkCalls, LinkContext } from "./bank/link-context.js";
import { OpenDebits } from "./bank/open-debits.js";
import { type Resealed, reseal } from "./bank/reseal.js";
import type { ClientCertificate } from "./config/certificate.js";
import type { Configuration } from "./config/configuration.js";
import { configure } from "./config/configurations.js";
import type { Decryption } from "./config/decryption.js";
import { isAnother } from "./config/key.js";
import type { ProfileOptions } from "./config/options.js";
import type { SealingOptions } from "./config/sealing.js";
import type { SigningKeys } from "./config/signers.js";
import { countdownOf } from "./config/version-end.js";
import { emitWarning } from "./config/warning.js";
import type { KnownAs } from "./errors/trail.js";
import { ArgumentError, ConfigurationError } from "./errors.js";
import { Access } from "./links/access.js";
import { Grant } from "./links/grant.js";
import { GuardedStore } from "./links/guarded-store.js";
import { Links } from "./links/links.js";
import { handedBack } from "./links/lock.js";
import { MemoryStore } from "./links/memory-store.js";
import { type Registration, Registrations, warmUp } from "./links/registrations.js";
import { Resources } from "./links/resource.js";
import { SealedStore } from "./links/sealed-store.js";
import type { Store } from "./links/store.js";
import type { CallOptions } from "./transport/call.js";
import { Calls, type CloseOptions, closed } from "./transport/calls.js";
import { MOST_CONNECTIONS } from "./transport/connection.js";
import { Door } from "./transport/door.js";
import { type CertificateInUse, Generations } from "./transport/generation.js";

/** The options of a client: the profile's, and where links and debits are kept. */
export type MinnaClientOptions = ProfileOptions & {
  /** Default: in memory, for a first try. What it holds dies with the process. */
  readonly store?: Store;
  /** The keys that the store's entries are sealed under. Default: they are not sealed. */
  readonly sealing?: SealingOptions;
  /**
   * What older links were made with, while they move to this configuration: each is served by what made it until its
   * customer renews it. Another issuer, another client id, or only another profile of the same client.
   */
  readonly previous?: ProfileOptions | readonly ProfileOptions[];
  /**
   * With `previous`: the share of customers, 0 to 1, whose new and renewed links use this configuration already; those of the
   * others are still made with the (first) previous one. A customer always falls on the same side. Default 1; 0 undoes the
   * move for new links, and links that have moved go on working.
   */
  readonly canary?: number;
  /**
   * Makes the `x-fapi-interaction-id` of a call that says none itself: a UUID, another one for each call. It goes to the bank.
   * `traceInteractionId` of `minna-baas/otel` makes it from the active span. Default: a random one. Where it fails or returns
   * anything else, the call is not made, and ends with an `ArgumentError`.
   */
  readonly interactionId?: () => string;
};

/** Keys that take the place of those in use. */
export interface RotatedKeys {
  /** The keys of the request objects: the first one signs. A profile that signs nothing takes no notice. */
  readonly signing?: SigningKeys;
  /** The keys for responses that the bank encrypts. */
  readonly decryption?: Decryption;
}

/** What `minna.ready()` prepares. */
export interface ReadyOptions extends CallOptions {
  /**
   * So many connections, 0 to 64, to the bank's API and to its token endpoint. They are kept for four seconds while nobody
   * uses them, as any connection is. Default 0.
   */
  readonly warm?: number;
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
  readonly #registrations: Registrations;
  readonly #generations: readonly Generations[];
  readonly #store: Store;
  readonly #calls: Calls;
  readonly #sealedUnder: string | undefined;

  /**
   * Checks the options. It asks nobody: an outage at the bank does not stop the partner's server from starting.
   *
   * @throws {@link ConfigurationError} that names every wrong option at once.
   */
  constructor(options: MinnaClientOptions) {
    const { all, canary, sealing, interactionId } = configure(options);
    const [{ timeout }] = all;
    const store = new SealedStore(new GuardedStore(options.store ?? new MemoryStore(), timeout), sealing);
    if (options.store === undefined && process.env["NODE_ENV"] === "production") warn("MINNA_MEMORY_STORE");
    if (all.some(({ contract }) => contract.inquiry === "none")) warn("MINNA_NO_INQUIRY");
    this.#generations = all.map(configuration => new Generations(configuration));
    const registrations = all.map((configuration, index): Registration => {
      const door = new Door(this.#generations[index] as Generations, knownAs(configuration));
      const server = new AuthorizationServer(configuration, door);
      const access = new Access(configuration, server, door, store);
      return Object.freeze({
        configuration,
        door,
        server,
        access,
        resources: new Resources(configuration, door, access),
      });
    });
    this.#store = store;
    this.#sealedUnder = sealing.current;
    const countdowns = all.flatMap(countdownOf);
    this.#calls = new Calls(
      timeout,
      () => {
        for (const one of countdowns) one.look();
      },
      knownAs(all[0]),
      interactionId,
    );
    this.#registrations = new Registrations(
      registrations as unknown as [Registration, ...Registration[]],
      store,
      this.#calls,
      canary,
    );
    this.debits = new OpenDebits(this.#registrations, store, this.#calls, linkId => this.link(linkId).debits);
    this.links = new Links(this.#registrations, store, this.#calls);
  }

  /**
   * A handle to a link. It does no I/O: an unknown id shows at the first call.
   *
   * @throws {@link ArgumentError} when `id` is no string.
   */
  link(id: string): Link {
    if (typeof id !== "string" || id === "")
      throw new ArgumentError("id", "id must be the id that links.complete() returned.");
    return new Link(id, this.#registrations, this.#store);
  }

  /**
   * Loads the certificate and discovers the bank now, instead of at the first call. With `warm`, fetches the bank's keys and
   * makes connections, too: for a process that is to take many calls as soon as it is in service.
   *
   * @throws {@link TransportError} when the bank can't be reached; {@link ValidationError} when its metadata can't be
   * used with this configuration; {@link ConfigurationError} when a certificate that is loaded late is wrong;
   * {@link ArgumentError} when `warm` is no integer from 0 to 64.
   */
  async ready({ warm = 0, ...options }: ReadyOptions = {}): Promise<void> {
    if (!(Number.isInteger(warm) && warm >= 0 && warm <= MOST_CONNECTIONS)) {
      throw new ArgumentError("warm", `warm must be an integer from 0 to ${MOST_CONNECTIONS}: connections.`);
    }
    await this.#calls.run("ready", options, async call => {
      const [current, ...previous] = this.#registrations.all.map(rooms => warmUp(rooms, warm, call));
      await current;
      // What older links were made with may be gone one day: their calls say so.
      await Promise.allSettled(previous);
    });
  }

  /**
   * The public keys to register at the bank, as a JWKS: to verify with, and to encrypt to; while keys take over from others,
   * the new ones and the old. Often there is none.
   *
   * @throws {@link ConfigurationError} when a signer outside of the process came without `publicKey`, when keys that are
   * loaded late are wrong, or when two of them have one id.
   */
  async publicJwks(options?: CallOptions): Promise<{ readonly keys: readonly JWK[] }> {
    return this.#calls.run("publicJwks", options, async call => {
      const keys = new Map<string, JWK>();
      for (const { server } of this.#registrations.all) {
        for (const key of await server.clientKeys.published(call)) {
          const { kid = "" } = key;
          const known = keys.get(kid);
          if (known !== undefined && isAnother(known, key)) throw sharedKid(kid);
          keys.set(kid, key);
        }
      }
      return Object.freeze({ keys: Object.freeze([...keys.values()]) });
    });
  }

  /**
   * Changes the client certificate without a restart. New calls use it at once; those under way end with the one they began
   * with. The tokens of a link are bound to their certificate, and are refreshed when it is next used. A `previous`
   * configuration with the same certificate changes with it.
   *
   * @param certificate - The new one. Without it, the files are read or the function is called again, now.
   * @returns the certificate that is in use now, and whether it is another one than before.
   * @throws {@link ConfigurationError} when the new one can't be used, such as one that does not match its key, has expired,
   * is not valid yet, or is older than the one in use; or, without an argument, when the certificate was given as it is.
   * The one in use stays.
   */
  async rotateCertificate(certificate?: ClientCertificate, options?: CallOptions): Promise<CertificateInUse> {
    return this.#calls.run("rotateCertificate", options, async call => {
      const [current, ...others] = this.#generations;
      if (current === undefined) throw closed();
      const { thumbprint } = await current.current(call);
      const same = others.filter(one => one.inUse === thumbprint);
      const rotated = await current.rotate(certificate, call);
      for (const one of same) one.adopt(current);
      return rotated;
    });
  }

  /**
   * Changes keys without a restart, those of `previous` configurations excepted. During the overlap give the new ones and
   * the old: `signing: [new, old]` signs with the first and publishes both; `decryption: { keys: [new, old] }` opens what is
   * encrypted to either.
   *
   * Where keys are loaded by a function, what it loads next takes the place of those given here.
   *
   * @param keys - The keys that take the place of those in use. Without any, the functions are called again, now.
   * @throws {@link ConfigurationError} when one can't be used, such as a new key with the id of one in use; or, without an
   * argument, when the keys were given as they are. Those in use stay.
   */
  async rotateKeys(keys: RotatedKeys = {}, options?: CallOptions): Promise<void> {
    const [{ server }] = this.#registrations.all;
    await this.#calls.run("rotateKeys", options, call => server.clientKeys.rotate(keys ?? {}, call));
  }

  /**
   * Seals every entry of the store under the first of `sealing.keys` that is not yet: after that, older keys can go. What is
   * written in the meantime is sealed under it anyway. Safe in any number of processes at once, and to be broken off.
   *
   * @throws {@link StoreError} when the store fails; for an entry that can't be opened, once all others are done.
   */
  async reseal(): Promise<Resealed> {
    return this.#calls.track(() => reseal(this.#store, this.#sealedUnder, this.#calls));
  }

  /**
   * Takes no further call, lets those under way finish, which hands their locks back, and closes every connection. Later
   * calls fail with a `TransportError` `closed`. The store is the partner's to close, afterwards.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    // A refresh that others waited for goes on after them, and saves what it got.
    await this.#calls.close(options, async () => {
      const { all } = this.#registrations;
      await Promise.all(all.flatMap(({ access, server }) => [access.settled(), server.clientKeys.settled()]));
      await Promise.all([handedBack(this.#store), ...this.#generations.map(generations => generations.close())]);
    });
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
  constructor(id: string, registrations: Registrations, store: Store) {
    const former: LinkContext["former"] = async formerId => {
      const found = await registrations.lookUp(formerId);
      return found && { ...found.registration, record: found.record, linkId: formerId, former };
    };
    const calls: LinkCalls = {
      run: (name, options, work, timeout) =>
        registrations.run(name, id, options, (call, rooms) => work(call, { ...rooms, linkId: id, former }), timeout),
    };
    this.id = id;
    this.accounts = new Accounts(calls);
    this.identity = new IdentityApi(calls);
    this.debits = new Debits(calls, store);
    this.grant = new Grant(id, registrations, store);
  }
}

function knownAs({ issuer, clientId, profile }: Configuration): KnownAs {
  return Object.freeze({ issuer, clientId, profile });
}

function sharedKid(kid: string): ConfigurationError {
  const found = `the id ${JSON.stringify(kid.slice(0, 64))} for two keys`;
  return new ConfigurationError([{ option: "previous.signing.kid", expected: "for each key another id", found }]);
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
  emitWarning(code, message, detail);
}
