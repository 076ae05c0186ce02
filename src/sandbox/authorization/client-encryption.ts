/**
 * Which clients have registered to be answered in encrypted form, with which keys, and what.
 *
 * @module
 */
import type { EncryptedResponse, RegisteredDecryption } from "../client.js";
import type { Keyring } from "../keeping/keyring.js";
import { compactJwe, compactJweWithRsa15, type EncryptionAlgorithm } from "./jwe.js";
import { createKeyPair, type KeyPair, privateJwk } from "./key-pair.js";
import type { Encryption } from "./token-draft.js";

interface Registered {
  /** Newest first. */
  readonly keys: readonly KeyPair<EncryptionAlgorithm>[];
  readonly responses: readonly EncryptedResponse[];
}

export class ClientEncryption {
  readonly #clients = new Map<string, Registered>();
  readonly #keyring: Keyring;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  /** Registers a new key, which takes the place of those before it. The first one may be kept from the last time. */
  async register(
    clientId: string,
    alg: EncryptionAlgorithm,
    responses: readonly EncryptedResponse[],
  ): Promise<RegisteredDecryption> {
    const before = this.#clients.get(clientId)?.keys ?? [];
    const name = `decryption ${clientId}`;
    const key = await (before.length === 0
      ? this.#keyring.keyPair(name, alg, "enc")
      : this.#keyring.newKeyPair(name, alg, "enc"));
    this.#keyring.save();
    const keys = [key, ...before];
    this.#clients.set(clientId, { keys, responses });
    return { keys: keys.map(pair => ({ key: privateJwk(pair), alg: pair.alg, kid: pair.kid })), responses };
  }

  /** Encrypts a signed token, or leaves it as it is. A wrong way needs no registration. */
  async encrypt(
    token: string,
    encryption: Encryption,
    clientId: string,
    response: EncryptedResponse | undefined,
  ): Promise<string> {
    const { keys = [], responses = [] } = this.#clients.get(clientId) ?? {};
    const [newest] = keys;
    switch (encryption) {
      case "as-registered":
        return newest !== undefined && response !== undefined && responses.includes(response)
          ? compactJwe(token, newest)
          : token;
      case "newest-key":
        return newest === undefined ? token : compactJwe(token, newest);
      case "none":
        return token;
      case "rsa1_5":
        return compactJweWithRsa15(token, keys.find(isRsa) ?? (await createKeyPair("RSA-OAEP-256", "enc")));
      case "unknown-key":
        return compactJwe(token, await createKeyPair(newest?.alg ?? "ECDH-ES", "enc"));
    }
  }
}

function isRsa({ alg }: KeyPair<EncryptionAlgorithm>): boolean {
  return alg === "RSA-OAEP-256";
}
