/**
 * The options of a client, as a partner writes them.
 *
 * @module
 */
import type { ClientCertificate, ClientCertificateLoader } from "./certificate.js";
import type { ClientCertificateFiles } from "./certificate-source.js";
import type { ContractOptions } from "./contract.js";
import type { Decryption, DecryptionLoader } from "./decryption.js";
import type { SigningAlgorithm } from "./profile.js";
import type { SigningKeys, SigningKeysLoader } from "./signers.js";

/** The options that every profile has. */
export interface CommonOptions {
  /** The bank's issuer identifier, exactly as its metadata writes it: it is compared as a string. */
  readonly issuer: string;
  /** The client id that the bank gave the partner. */
  readonly clientId: string;
  /** Where the bank sends the customer back to, as registered. https, without fragment; http on localhost, for development. */
  readonly redirectUri: string;
  /**
   * The client certificate; or the files that it is in, or a function that loads it: then it is replaced without a restart.
   * See also `minna.rotateCertificate()`.
   */
  readonly certificate: ClientCertificate | ClientCertificateFiles | ClientCertificateLoader;
  /** Where the bank's API is. */
  readonly api: {
    /** The base of the bank's API, for example `https://api.bank.example/v1`. */
    readonly baseUrl: string;
  };
  /** Keys for responses that the bank encrypts, where it does; or a function that loads them. See also `minna.rotateKeys()`. */
  readonly decryption?: Decryption | DecryptionLoader;
  /** What differs at the bank from the default contract. */
  readonly contract?: ContractOptions;
  /** Milliseconds that a call may take with all its attempts, where the call says nothing else. Default 15,000. */
  readonly timeout?: number;
  /**
   * `YYYY-MM`: the month in which the bank announced the version that follows this profile's. By the bank's policy this one
   * ends at the end of the same month a year later, in Japan: process warnings come before, and `links.migration()` tells.
   */
  readonly announcedIn?: string;
  /**
   * The algorithms that the bank signs with, as registered for the client. Default: each one that the profile allows.
   * Nothing outside the profile is ever accepted, whatever the bank's metadata lists. UserInfo and introspection may also
   * come unsigned; given here, they may not.
   */
  readonly algorithms?: {
    readonly idToken?: SigningAlgorithm;
    readonly authorizationResponse?: SigningAlgorithm;
    readonly userInfo?: SigningAlgorithm;
    readonly introspection?: SigningAlgorithm;
  };
}

/** FAPI 1.0 Advanced with mutual TLS and JARM. */
export interface Fapi1AdvancedOptions extends CommonOptions {
  /** Chooses this profile. */
  readonly profile: "fapi1-advanced";
  /**
   * The key of the request objects; several while one takes over from another: the first signs, all are published; or a
   * function that loads them. See also `minna.rotateKeys()`.
   */
  readonly signing: SigningKeys | SigningKeysLoader;
  /** `par` (default): the request object is pushed. `by-value`: it travels in the authorization URL. */
  readonly requestDelivery?: "par" | "by-value";
}

/** FAPI 2.0 Security Profile with mutual TLS. */
export interface Fapi2SecurityOptions extends CommonOptions {
  /** Chooses this profile. */
  readonly profile: "fapi2-security";
  /** Not used: this profile signs nothing. It may stay where it is, so that changing the profile is one line. */
  readonly signing?: SigningKeys | SigningKeysLoader;
}

/** FAPI 2.0 Message Signing: signed authorization requests and responses. */
export interface Fapi2MessageSigningOptions extends CommonOptions {
  /** Chooses this profile. */
  readonly profile: "fapi2-message-signing";
  /**
   * The key of the request objects; several while one takes over from another: the first signs, all are published; or a
   * function that loads them. See also `minna.rotateKeys()`.
   */
  readonly signing: SigningKeys | SigningKeysLoader;
}

/** The options of a client, by profile. */
export type ProfileOptions = Fapi1AdvancedOptions | Fapi2SecurityOptions | Fapi2MessageSigningOptions;
