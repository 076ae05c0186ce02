/**
 * The client's own keys: those that sign its requests, and those that open what the bank encrypts.
 *
 * @module
 */
import type { JWK } from "jose";
import type { Configuration } from "../config/configuration.js";
import type { Decryptor } from "../config/decryption.js";
import { checkKids } from "../config/signers.js";
import type { Signer } from "../config/signing.js";
import { checked } from "../config/source.js";
import { ConfigurationError } from "../errors.js";
import type { Call } from "../transport/call.js";
import { Current } from "../transport/current.js";

/** Keeps the keys in use. What has begun with a key ends with it. */
export class ClientKeys {
  readonly #signing: Current<readonly Signer[]>;
  readonly #decryption: Current<Decryptor>;

  constructor({ signing, decryption, timeout }: Pick<Configuration, "signing" | "decryption" | "timeout">) {
    this.#signing = new Current(signing, timeout);
    this.#decryption = new Current(decryption, timeout);
  }

  /** What signs; `undefined` in a profile that signs nothing. */
  async signer(call: Call): Promise<Signer | undefined> {
    return (await this.#signing.get(call))[0];
  }

  /** What opens what the bank encrypts. */
  async decryptor(call: Call): Promise<Decryptor> {
    return this.#decryption.get(call);
  }

  /**
   * The public keys as they are to be known at the bank.
   *
   * @throws {@link ConfigurationError} when a signer outside of the process came without `publicKey`, or two keys have one id.
   */
  async published(call: Call): Promise<readonly JWK[]> {
    const signers = await this.#signing.get(call);
    const { keys } = await this.#decryption.get(call);
    checked(problems => checkKids(signers, keys.keys(), problems));
    const signing = signers.map(({ publicJwk }) => publicJwk ?? missing());
    return Object.freeze([...signing, ...[...keys.values()].map(({ publicJwk }) => publicJwk)]);
  }

  /**
   * Uses these keys from now on; without any, loads them again.
   *
   * @throws {@link ConfigurationError} when one of them can't be used, or none can be loaded. Those in use stay, all of them.
   */
  async rotate(given: { readonly signing?: unknown; readonly decryption?: unknown }, call: Call): Promise<void> {
    if (given.signing === undefined && given.decryption === undefined) return this.#reload(call);
    const signing = given.signing === undefined ? this.#signing.value : this.#signing.check(given.signing);
    const decryption =
      given.decryption === undefined ? this.#decryption.value : this.#decryption.check(given.decryption);
    checked(problems => checkKids(signing ?? [], decryption?.keys.keys() ?? [], problems));
    if (signing !== undefined) this.#signing.replace(signing);
    if (decryption !== undefined) this.#decryption.replace(decryption);
  }

  /** Resolves when nothing is being loaded any more. */
  async settled(): Promise<void> {
    await Promise.all([this.#signing.settled(), this.#decryption.settled()]);
  }

  async #reload(call: Call): Promise<void> {
    // Where only one of them can be loaded, it is the one that is meant.
    if (this.#signing.loads || !this.#decryption.loads) await this.#signing.reload(call);
    if (this.#decryption.loads) await this.#decryption.reload(call);
  }
}

function missing(): never {
  throw new ConfigurationError([
    { option: "signing.publicKey", expected: "the public JWK of the signer, to publish it", found: "nothing" },
  ]);
}
