/**
 * A key pair with an id, for one algorithm: what signing and encryption have in common.
 *
 * @module
 */
import { generateKeyPair, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { JWK } from "jose";

export interface KeyPair<Algorithm extends string> {
  readonly alg: Algorithm;
  readonly kid: string;
  readonly use: "sig" | "enc";
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const generate = promisify(generateKeyPair);

/** Elliptic curve algorithms get P-256, the others RSA with 2048 bits. */
export async function createKeyPair<Algorithm extends string>(
  alg: Algorithm,
  use: "sig" | "enc",
): Promise<KeyPair<Algorithm>> {
  const pair = alg.startsWith("E")
    ? await generate("ec", { namedCurve: "P-256" })
    : await generate("rsa", { modulusLength: 2048 });
  return { alg, kid: newKid(alg), use, ...pair };
}

let weak: KeyPair<"PS256"> | undefined;

/** A key for signatures that is too short, the same for every sandbox of the process. */
export function weakKeyPair(): KeyPair<"PS256"> {
  weak ??= { alg: "PS256", kid: newKid("weak"), use: "sig", ...generateKeyPairSync("rsa", { modulusLength: 1024 }) };
  return weak;
}

function newKid(prefix: string): string {
  return `${prefix.toLowerCase()}-${randomBytes(4).toString("hex")}`;
}

export function publicJwk(pair: KeyPair<string>): JWK {
  return jwkOf(pair, pair.publicKey);
}

export function privateJwk(pair: KeyPair<string>): JWK {
  return jwkOf(pair, pair.privateKey);
}

function jwkOf({ alg, kid, use }: KeyPair<string>, key: KeyObject): JWK {
  return { ...(key.export({ format: "jwk" }) as JWK), alg, kid, use };
}
