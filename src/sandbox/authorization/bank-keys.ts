/**
 * The keys that the bank signs with now. They change; those that the authorization server started with do not, which is
 * why everything it signs is signed again on its way out.
 *
 * @module
 */
import type { JWK } from "jose";
import type { Keyring } from "../keeping/keyring.js";
import { compactJws, type SigningAlgorithm, unsecuredJws, withDamagedSignature } from "./jws.js";
import { createKeyPair, type KeyPair, privateJwk, publicJwk, weakKeyPair } from "./key-pair.js";
import type { TokenDraft } from "./token-draft.js";

/** The RS256 key is published, and rightly used for nothing. */
type KeySet = { readonly [Algorithm in SigningAlgorithm]: KeyPair<Algorithm> };

export class BankKeys {
  readonly #keyring: Keyring;
  #current: KeySet;

  private constructor(keyring: Keyring, first: KeySet) {
    this.#keyring = keyring;
    this.#current = first;
  }

  static async open(keyring: Keyring): Promise<BankKeys> {
    return new BankKeys(keyring, await keySet(alg => keyring.keyPair(nameOf(alg), alg, "sig")));
  }

  get privateKeys(): JWK[] {
    return Object.values(this.#current).map(privateJwk);
  }

  get publicKeys(): JWK[] {
    return Object.values(this.#current).map(publicJwk);
  }

  async rotate(): Promise<void> {
    this.#current = await keySet(alg => this.#keyring.newKeyPair(nameOf(alg), alg, "sig"));
    this.#keyring.save();
  }

  async sign(draft: TokenDraft): Promise<string> {
    if (draft.signer === "nobody") return unsecuredJws(draft.header, draft.claims);
    if (draft.signer === "next-key") await this.rotate();
    const token = compactJws(draft.header, draft.claims, await this.#keyFor(draft));
    return draft.damaged ? withDamagedSignature(token) : token;
  }

  async #keyFor({ header, signer }: TokenDraft): Promise<KeyPair<SigningAlgorithm>> {
    const alg = header["alg"] === "PS256" ? "PS256" : "ES256";
    if (signer === "rs256-key") return this.#current.RS256;
    if (signer === "unpublished-key") return createKeyPair(alg, "sig");
    return signer === "weak-key" ? weakKeyPair() : this.#current[alg];
  }
}

async function keySet(
  pair: <Algorithm extends SigningAlgorithm>(alg: Algorithm) => Promise<KeyPair<Algorithm>>,
): Promise<KeySet> {
  const [PS256, ES256, RS256] = await Promise.all([pair("PS256"), pair("ES256"), pair("RS256")]);
  return { PS256, ES256, RS256 };
}

function nameOf(alg: SigningAlgorithm): string {
  return `bank ${alg}`;
}
