/**
 * The keys and certificates of a sandbox: made when they are first asked for, and kept where there is a folder for them.
 *
 * @module
 */
import {
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  randomBytes,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import type { JWK } from "jose";
import { createKeyPair, type KeyPair, privateJwk } from "../authorization/key-pair.js";
import type { CertificatePair } from "../tls/authority.js";
import type { Folder } from "./folder.js";
import { SandboxFolderError } from "./folder-error.js";

const FILE = "sandbox-keys.json";
const FORMAT = "minna-baas sandbox keys";
const VERSION = 1;

interface Contents {
  readonly certificates: Record<string, CertificatePair>;
  /** Private JWKs. */
  readonly keys: Record<string, JWK>;
  /** Random bytes, base64url. */
  readonly secrets: Record<string, string>;
}

export class Keyring {
  readonly #folder: Folder | undefined;
  readonly #contents: Contents;

  private constructor(folder: Folder | undefined, contents: Contents) {
    this.#folder = folder;
    this.#contents = contents;
  }

  /**
   * Opens the keys of a folder; without one, they are new and nobody keeps them.
   *
   * @throws SandboxFolderError where the file is damaged, or of another version.
   */
  static open(folder: Folder | undefined): Keyring {
    return new Keyring(folder, (folder && contentsOf(folder)) ?? { certificates: {}, keys: {}, secrets: {} });
  }

  /** Whether what is made now is used again another day. */
  get lasts(): boolean {
    return this.#folder !== undefined;
  }

  /** The certificate of this name, unless it is no longer good: then a new one. */
  certificate(
    name: string,
    make: () => CertificatePair,
    isGood: (certificate: X509Certificate) => boolean,
  ): CertificatePair {
    const kept = this.#contents.certificates[name];
    if (kept !== undefined && isGood(new X509Certificate(kept.cert))) return kept;
    const made = make();
    this.#contents.certificates[name] = made;
    return made;
  }

  async keyPair<Algorithm extends string>(
    name: string,
    alg: Algorithm,
    use: "sig" | "enc",
  ): Promise<KeyPair<Algorithm>> {
    const kept = this.#contents.keys[name];
    if (kept?.alg === alg && kept.use === use) return pairOf(kept, alg, use);
    return this.newKeyPair(name, alg, use);
  }

  /** A key in the place of the one of this name. */
  async newKeyPair<Algorithm extends string>(
    name: string,
    alg: Algorithm,
    use: "sig" | "enc",
  ): Promise<KeyPair<Algorithm>> {
    const pair = await createKeyPair(alg, use);
    this.#contents.keys[name] = privateJwk(pair);
    return pair;
  }

  secret(name: string): Buffer {
    this.#contents.secrets[name] ??= randomBytes(32).toString("base64url");
    return Buffer.from(this.#contents.secrets[name] ?? "", "base64url");
  }

  /** Writes what is new. To be called before anybody hears of it. */
  save(): void {
    const text = `${JSON.stringify({ format: FORMAT, version: VERSION, ...this.#contents }, null, 2)}\n`;
    if (this.#folder !== undefined && this.#folder.read(FILE) !== text) this.#folder.replace(FILE, text);
  }
}

function pairOf<Algorithm extends string>(kept: JWK, alg: Algorithm, use: "sig" | "enc"): KeyPair<Algorithm> {
  const privateKey = createPrivateKey({ key: { ...kept }, format: "jwk" });
  return { alg, kid: String(kept.kid), use, privateKey, publicKey: createPublicKey(privateKey) };
}

function contentsOf(folder: Folder): Contents | undefined {
  const text = folder.read(FILE);
  if (text === undefined) return undefined;
  const file = folder.file(FILE);
  const { format, version, ...contents } = parsed(text) ?? {};
  if (format !== FORMAT) throw new SandboxFolderError("damaged", file);
  if (version !== VERSION) throw new SandboxFolderError("other_version", file);
  if (!isSound(contents)) throw new SandboxFolderError("damaged", file);
  return contents;
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether both halves of a key are there, and fit: nobody looks when a key is read. */
function isWhole({ kty, n, e, crv, x, y, ...rest }: JWK): boolean {
  const half = { kty, n, e, crv, x, y } as JsonWebKey;
  const privateKey = createPrivateKey({ key: { ...half, ...rest } as JsonWebKey, format: "jwk" });
  const probe = Buffer.from(FORMAT);
  return verify("sha256", probe, createPublicKey({ key: half, format: "jwk" }), sign("sha256", probe, privateKey));
}

/** Whether every certificate has its key, and every key is one. */
function isSound(contents: object): contents is Contents {
  const { certificates, keys, secrets } = contents as Contents;
  try {
    for (const { cert, key } of Object.values(certificates)) {
      if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return false;
    }
    for (const key of Object.values(keys)) {
      if (typeof key.kid !== "string" || !isWhole(key)) return false;
    }
    return Object.values(secrets).every(secret => typeof secret === "string");
  } catch {
    return false;
  }
}
