/**
 * The bank in a box: an authorization server, an API and customers, on two listeners of this machine.
 *
 * @module
 */
import type { JWK } from "jose";
import { Api, BANK_OPERATIONS } from "./api/api.js";
import { GRANT_OPERATIONS } from "./api/grant-management.js";
import { createAuthorizationServer } from "./authorization/authorization-server.js";
import { BankKeys } from "./authorization/bank-keys.js";
import { ClientEncryption } from "./authorization/client-encryption.js";
import { Interactions } from "./authorization/interaction.js";
import { watchOutgoing } from "./authorization/outgoing.js";
import { TokenStore } from "./authorization/token-store.js";
import { openBank } from "./bank/bank.js";
import { type SandboxCustomer, shown } from "./bank/customers.js";
import type { SandboxLedger } from "./bank/ledger.js";
import { type Choice, visitBank } from "./browser.js";
import {
  checkEncryption,
  type EncryptionOptions,
  type RegisteredDecryption,
  type ReregisteredClient,
  registerClients,
  registerKey,
  reregister,
  type SandboxClients,
  type SandboxProfile,
} from "./client.js";
import { API_PREFIX, GRANT_PREFIX } from "./endpoints.js";
import { EventLog, type SandboxEvent } from "./events.js";
import { Faults, type SandboxFaults } from "./faults/faults.js";
import { FrontDoor } from "./front-door.js";
import { type Keeping, openKeeping } from "./keeping/keeping.js";
import { checkOptions, checkSigningKey, type SandboxOptions, type Settings } from "./options.js";
import { type Authorities, type CertificateOptions, createAuthorities } from "./tls/authorities.js";
import type { CertificatePair } from "./tls/authority.js";
import { type Listeners, openListeners } from "./tls/listeners.js";

/** A running sandbox. What it knows ends with {@link Sandbox.close}, unless it was told to keep it. */
export interface Sandbox extends AsyncDisposable {
  /** The authorization server, `https://localhost:PORT`, which browsers can reach. */
  readonly issuer: string;
  /** The API, `https://localhost:MTLSPORT/v1`, where a client certificate must be presented. */
  readonly apiBaseUrl: string;
  /** The authority behind every certificate of the sandbox, PEM. */
  readonly ca: string;
  /** The customers who can log in. */
  readonly customers: readonly SandboxCustomer[];
  /** Everything received, oldest first; the latest, where `keepEvents` is given. */
  readonly events: readonly SandboxEvent[];
  /** What the money did. */
  readonly ledger: SandboxLedger;
  /** Misbehaviour by name, which the customer of {@link Sandbox.approve} meets too. */
  readonly faults: SandboxFaults;
  /** The registered client of a profile. */
  client<Profile extends SandboxProfile>(profile: Profile): SandboxClients[Profile];
  /**
   * Goes to the bank as a customer who logs in and allows what is asked. Resolves with the callback URL that the
   * browser would be sent to, which is not opened. Rejects when the bank shows an error page instead.
   */
  approve(authorizationUrl: string | URL, choice?: Choice): Promise<string>;
  /** The same, but the customer presses 許可しない. */
  decline(authorizationUrl: string | URL, choice?: Choice): Promise<string>;
  /**
   * Registers a new encryption key for a profile's client. From now on the bank encrypts what it signs for that client
   * (A256GCM, to the newest key). Without it, nothing is encrypted.
   *
   * @throws RangeError if the profile has no such response.
   */
  encryptFor(profile: SandboxProfile, options?: EncryptionOptions): Promise<RegisteredDecryption>;
  /**
   * Registers another public signing key (with a `kid`) for a profile's client, beside those it has. While the keys rotate
   * the bank takes requests that are signed with any of them.
   *
   * @throws RangeError if the profile signs nothing, or with another algorithm.
   */
  registerKey(profile: Exclude<SandboxProfile, "fapi2-security">, key: JWK): void;
  /** Gives the bank new signing keys: the old ones are no longer published, and sign nothing more. */
  rotateKeys(): Promise<void>;
  /**
   * The bank changes the settings of a client to another profile's, as when it moves to FAPI 2.0: the client id, the
   * certificate and the keys stay, and so do its grants and tokens. Authorizations under way end there.
   */
  reregister<Profile extends SandboxProfile>(
    from: "fapi1-advanced" | "fapi2-message-signing",
    to: Profile,
  ): ReregisteredClient<Profile>;
  /** Issues another client certificate, to be refused by the bank or to take a registered one's place. */
  issueCertificate(options?: CertificateOptions): CertificatePair;
  /** Closes every listener and every connection. */
  close(): Promise<void>;
}

/**
 * Starts a bank on two free ports of the loopback interface. Needs the package oidc-provider 9.
 *
 * @example
 * ```ts
 * const sandbox = await startSandbox();
 * const { clientId, certificate } = sandbox.client("fapi2-security");
 * // … push an authorization request, then:
 * const callback = await sandbox.approve(authorizationUrl, { customer: "hanako" });
 * await sandbox.close();
 * ```
 *
 * @throws RangeError if an option is out of range.
 * @throws SandboxFolderError if `keys` or `state` is another's folder, is in use, or has a file that can't be read.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const settings = checkOptions(options);
  const events = new EventLog(settings);
  const faults = new Faults();
  const keeping = await openKeeping(settings);
  try {
    const authorities = createAuthorities(keeping.keyring);
    // The listeners open first: their ports are in the issuer, and the issuer is in everything else.
    const listeners = await openListeners(settings, authorities, faults, (channel, reason) =>
      events.refuseHandshake(channel, reason),
    );
    try {
      return await openSandbox(settings, events, faults, keeping, authorities, listeners);
    } catch (error) {
      await listeners.close();
      throw error;
    }
  } catch (error) {
    keeping.close();
    throw error;
  }
}

async function openSandbox(
  settings: Settings,
  events: EventLog,
  faults: Faults,
  keeping: Keeping,
  { authority, issueClientCertificate }: Authorities,
  { browser, mtls, foreign, close: closeListeners }: Listeners,
): Promise<Sandbox> {
  const { keyring } = keeping;
  const archive = keeping.openArchive(authority.certificate);
  const bank = openBank(settings, archive);
  const store = new TokenStore(bank.grants, faults, settings.refreshTokenRetrySeconds, archive);
  const issuer = browser.origin;
  const apiBaseUrl = `${mtls.origin}${API_PREFIX}`;
  const [keys, registry] = await Promise.all([
    BankKeys.open(keyring),
    registerClients(
      authority,
      keyring,
      { issuer, apiBaseUrl, redirectUris: settings.redirectUris },
      settings.signingKeys,
    ),
  ]);
  const { clients, registrations } = registry;
  const cookieKey = keyring.secret("cookies");
  keyring.save();
  archive.save();
  const encryption = new ClientEncryption(keyring);
  const provider = await createAuthorizationServer({
    ...settings,
    issuer,
    bank,
    keys,
    cookieKey,
    store,
    registrations,
  });
  const origins = { issuer, mtlsOrigin: mtls.origin, foreignOrigin: foreign.origin };
  watchOutgoing(provider, {
    ...origins,
    keys,
    encryption,
    store,
    responses: new Map(),
    archive,
    bank,
    faults,
    events,
  });

  const backOffice = { bank, store, faults, pageSize: settings.pageSize };
  const door = new FrontDoor({
    issuer,
    events,
    archive,
    faults,
    registrations,
    interactions: new Interactions(provider, bank, registrations),
    api: new Api({ ...backOffice, operations: BANK_OPERATIONS, prefix: API_PREFIX }),
    grantManagement: new Api({ ...backOffice, operations: GRANT_OPERATIONS, prefix: GRANT_PREFIX }),
    authorizationServer: provider.callback(),
  });
  browser.serve((request, response) => door.enter(request, response, "browser"));
  mtls.serve((request, response) => door.enter(request, response, "mtls"));
  foreign.serve((request, response) => door.enter(request, response, "foreign"));

  const close = async () => {
    await closeListeners();
    keeping.close();
  };
  const visit = (authorizationUrl: string | URL, decision: "allow" | "deny", { customer, scopes }: Choice = {}) => {
    const found = bank.customers.find(({ id }) => id === (customer ?? bank.customers[0]?.id));
    if (found === undefined) throw new RangeError(`no sample customer is called ${customer}`);
    return visitBank(new URL(authorizationUrl), found, decision, scopes, authority.certificate);
  };
  return {
    issuer,
    apiBaseUrl,
    ca: authority.certificate,
    customers: bank.customers.map(shown),
    get events() {
      return events.events;
    },
    ledger: bank.ledger,
    faults,
    client: profile => clients[profile],
    approve: async (authorizationUrl, choice) => visit(authorizationUrl, "allow", choice),
    decline: async (authorizationUrl, choice) => visit(authorizationUrl, "deny", choice),
    async encryptFor(profile, options = {}) {
      const { alg, responses } = checkEncryption(profile, options);
      return encryption.register(clients[profile].clientId, alg, responses);
    },
    registerKey: (profile, key) => registerKey(registry, profile, checkSigningKey(key)),
    rotateKeys: () => keys.rotate(),
    reregister: (from, to) => reregister(registry, from, to),
    issueCertificate: (options = {}) => issueClientCertificate(options),
    close,
    [Symbol.asyncDispose]: close,
  };
}
