/**
 * The partners that the sandbox has registered, one for each profile.
 *
 * @module
 */
import type { JWK } from "jose";
import { type KeyPair, privateJwk, publicJwk } from "./authorization/key-pair.js";
import type { Keyring } from "./keeping/keyring.js";
import { goodUnder } from "./tls/authorities.js";
import { type Authority, subjectOf } from "./tls/authority.js";

/** A profile of FAPI that the bank offers. */
export type SandboxProfile = "fapi1-advanced" | "fapi2-security" | "fapi2-message-signing";

/** A client as the sandbox registered it. */
export interface RegisteredClient<Profile extends SandboxProfile> {
  /** What the client is registered for. */
  readonly profile: Profile;
  /** The authorization server, `https://localhost:PORT`. */
  readonly issuer: string;
  /** `partner-` and the profile. */
  readonly clientId: string;
  /** `https://partner.example/bank/callback`, which nobody opens. */
  readonly redirectUri: string;
  /** The client certificate and its key, and the authority that the bank's own certificates come from; all PEM. */
  readonly certificate: { readonly cert: string; readonly key: string; readonly ca: string };
  /** Where the API is. */
  readonly api: { readonly baseUrl: string };
}

/** A key that the sandbox made and registered for a client: to sign requests with, or to decrypt responses. */
export interface RegisteredKey<Algorithm extends "PS256" | "ES256" | "RSA-OAEP-256" | "ECDH-ES"> {
  /** The private key, as a JWK. */
  readonly key: JWK;
  /** What it is for. */
  readonly alg: Algorithm;
  /** Its id. */
  readonly kid: string;
}

/** What the bank can encrypt: ID Tokens, and authorization responses where they are signed (JARM). */
export type EncryptedResponse = "idToken" | "authorizationResponse";

/** How a client registers for encrypted responses. */
export interface EncryptionOptions {
  /** How the key of the content is encrypted; `RSA-OAEP-256` by default. */
  readonly alg?: "RSA-OAEP-256" | "ECDH-ES";
  /** What is encrypted; everything that the profile signs by default. */
  readonly responses?: readonly EncryptedResponse[];
}

/** What a client needs for its encrypted responses. */
export interface RegisteredDecryption {
  /** Every key registered so far, the newest first: the bank encrypts to that one. */
  readonly keys: readonly RegisteredKey<"RSA-OAEP-256" | "ECDH-ES">[];
  /** What the bank encrypts from now on. */
  readonly responses: readonly EncryptedResponse[];
}

/** Each profile's client: what a partner needs to connect. The signed profiles have a signing key. */
export interface SandboxClients {
  /** Signs its requests with PS256. */
  readonly "fapi1-advanced": RegisteredClient<"fapi1-advanced"> & { readonly signing: RegisteredKey<"PS256"> };
  /** Signs nothing. */
  readonly "fapi2-security": RegisteredClient<"fapi2-security">;
  /** Signs its requests with ES256. */
  readonly "fapi2-message-signing": RegisteredClient<"fapi2-message-signing"> & {
    readonly signing: RegisteredKey<"ES256">;
  };
}

/** A client whose settings the bank has changed to another profile's: id, certificate and keys are what they were. */
export type ReregisteredClient<Profile extends SandboxProfile> = RegisteredClient<Profile> & {
  readonly signing: RegisteredKey<"PS256" | "ES256">;
};

/** A registered client, to be spread into a partner's own options. */
export type SandboxClient = SandboxClients[SandboxProfile];

/** A client as the bank has it on file. */
export interface Registration {
  readonly profile: SandboxProfile;
  readonly clientId: string;
  /** What the customer is asked to trust. */
  readonly name: string;
  readonly redirectUris: readonly string[];
  /** The subject of its certificate, RFC 4514. */
  readonly subjectDn: string;
  /** Its public signing keys. */
  readonly keys: readonly JWK[];
  /** Whether it signs its requests, and with what; with keys of its own, the key says. */
  readonly signsRequests: boolean;
  readonly requestAlg: "PS256" | "ES256" | undefined;
  /** What the bank signs with for it. */
  readonly responseAlg: "PS256" | "ES256";
}

export interface Registry {
  /** As they are now: the bank may change one. */
  readonly registrations: Registration[];
  readonly clients: SandboxClients;
}

/** What the bank tells every partner alike. */
export interface BankAddress {
  readonly issuer: string;
  readonly apiBaseUrl: string;
  readonly redirectUris: readonly [string, ...string[]];
}

const DAY = 86_400_000;

/**
 * Registers a client for each profile, with the keys and certificates of the keyring.
 *
 * @param ownKeys - The partner's own public signing keys, beside those.
 */
export async function registerClients(
  authority: Authority,
  keyring: Keyring,
  address: BankAddress,
  ownKeys: readonly JWK[],
): Promise<Registry> {
  const [ps256, es256] = await Promise.all([
    keyring.keyPair("signing fapi1-advanced", "PS256", "sig"),
    keyring.keyPair("signing fapi2-message-signing", "ES256", "sig"),
  ]);
  const register = <Profile extends SandboxProfile>(profile: Profile): RegisteredClient<Profile> => {
    const now = Date.now();
    const clientId = `partner-${profile}`;
    const validity = { notBefore: new Date(now - DAY), notAfter: new Date(now + 365 * DAY) };
    const issue = () => authority.issue({ commonName: clientId, ...validity });
    return {
      profile,
      issuer: address.issuer,
      clientId,
      redirectUri: address.redirectUris[0],
      certificate: { ...keyring.certificate(clientId, issue, goodUnder(authority)), ca: authority.certificate },
      api: { baseUrl: address.apiBaseUrl },
    };
  };
  const clients: SandboxClients = {
    "fapi1-advanced": { ...register("fapi1-advanced"), signing: signing(ps256) },
    "fapi2-security": register("fapi2-security"),
    "fapi2-message-signing": { ...register("fapi2-message-signing"), signing: signing(es256) },
  };
  const file = (profile: SandboxProfile, name: string, key?: KeyPair<"PS256" | "ES256">): Registration => ({
    profile,
    clientId: clients[profile].clientId,
    name,
    redirectUris: address.redirectUris,
    subjectDn: subjectOf(clients[profile].clientId),
    keys: key === undefined ? [] : [publicJwk(key), ...ownKeys],
    signsRequests: key !== undefined,
    requestAlg: ownKeys.length === 0 ? key?.alg : undefined,
    responseAlg: profile === "fapi1-advanced" ? "PS256" : "ES256",
  });
  return {
    clients,
    registrations: [
      file("fapi1-advanced", "サンプル商店", ps256),
      file("fapi2-security", "サンプル書店"),
      file("fapi2-message-signing", "サンプル劇場", es256),
    ],
  };
}

function signing<Algorithm extends "PS256" | "ES256">(pair: KeyPair<Algorithm>): RegisteredKey<Algorithm> {
  return { key: privateJwk(pair), alg: pair.alg, kid: pair.kid };
}

/** What a client of a profile registers for, with the defaults filled in. */
export function checkEncryption(
  profile: SandboxProfile,
  { alg = "RSA-OAEP-256", responses }: EncryptionOptions,
): Required<EncryptionOptions> {
  const possible: readonly EncryptedResponse[] =
    profile === "fapi2-security" ? ["idToken"] : ["idToken", "authorizationResponse"];
  if (responses?.every(response => possible.includes(response)) === false) {
    throw new RangeError(`the bank can encrypt for ${profile}: ${possible.join(", ")}`);
  }
  return { alg, responses: responses ?? possible };
}

/** Changes what the bank has a client registered for; what the client needs to connect from now on. */
export function reregister<Profile extends SandboxProfile>(
  { clients, registrations }: Registry,
  from: "fapi1-advanced" | "fapi2-message-signing",
  to: Profile,
): ReregisteredClient<Profile> {
  const client = clients[from];
  const place = registrations.findIndex(({ clientId }) => clientId === client.clientId);
  const before = registrations[place];
  if (before === undefined) throw new RangeError(`no client is registered for ${from}`);
  registrations[place] = { ...before, profile: to, signsRequests: to !== "fapi2-security" };
  return { ...client, profile: to };
}

/** Takes another public key for the requests of a client, beside those it has. */
export function registerKey(
  { clients, registrations }: Registry,
  profile: Exclude<SandboxProfile, "fapi2-security">,
  key: JWK,
): void {
  const place = registrations.findIndex(({ clientId }) => clientId === clients[profile]?.clientId);
  const before = registrations[place];
  if (before === undefined || !before.signsRequests || (before.requestAlg ?? key.alg) !== key.alg) {
    throw new RangeError(`${profile} takes no key for ${key.alg}`);
  }
  registrations[place] = { ...before, keys: [...before.keys, key] };
}
