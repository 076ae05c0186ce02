/**
 * The keys that the authorization server signs with, and the tokens it signs.
 *
 * @module
 */
import { generateKeyPair, type KeyObject, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { type CompactJWSHeaderParameters, CompactSign, decodeJwt, decodeProtectedHeader, type JWK } from "jose";

const generate = promisify(generateKeyPair);

/** A key pair for one algorithm. */
export interface SigningKey {
  readonly alg: "PS256" | "ES256" | "RS256";
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** Who signs a token: the bank as it should, or one of the forgeries. */
export type Signer = "bank" | "nobody" | "rs256-key" | "unpublished-key";

/** A signed token, taken apart so that it can be changed and signed anew. */
export interface TokenDraft {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  signer: Signer;
  /** Whether the signature is damaged after signing. */
  damaged: boolean;
}

export interface BankKeys {
  /** Private keys for the authorization server. */
  readonly jwks: { keys: JWK[] };
  sign(draft: TokenDraft): Promise<string>;
}

export async function createSigningKey(alg: SigningKey["alg"]): Promise<SigningKey> {
  const pair =
    alg === "ES256"
      ? await generate("ec", { namedCurve: "P-256" })
      : await generate("rsa", { modulusLength: 2048, publicExponent: 0x10001 });
  return { alg, kid: `${alg.toLowerCase()}-${randomBytes(4).toString("hex")}`, ...pair };
}

export function jwkOf({ alg, kid }: SigningKey, key: KeyObject): JWK {
  return { ...(key.export({ format: "jwk" }) as JWK), alg, kid, use: "sig" };
}

/** Makes the bank's keys. The RS256 key is published, and rightly used for nothing. */
export async function createBankKeys(): Promise<BankKeys> {
  const [ps256, es256, rs256] = await Promise.all([
    createSigningKey("PS256"),
    createSigningKey("ES256"),
    createSigningKey("RS256"),
  ]);
  const choose = async (draft: TokenDraft): Promise<SigningKey> => {
    if (draft.signer === "rs256-key") return rs256;
    if (draft.signer === "unpublished-key") return createSigningKey("ES256");
    return draft.header["alg"] === "PS256" ? ps256 : es256;
  };
  return {
    jwks: { keys: [ps256, es256, rs256].map(key => jwkOf(key, key.privateKey)) },
    async sign(draft) {
      const payload = JSON.stringify(draft.claims);
      if (draft.signer === "nobody") return `${encoded('{"alg":"none"}')}.${encoded(payload)}.`;
      const key = await choose(draft);
      const header: CompactJWSHeaderParameters = { ...draft.header, alg: key.alg, kid: key.kid };
      const token = await new CompactSign(Buffer.from(payload)).setProtectedHeader(header).sign(key.privateKey);
      return draft.damaged ? withDamagedSignature(token) : token;
    },
  };
}

export function draftOf(token: string): TokenDraft {
  return {
    header: { ...decodeProtectedHeader(token) },
    claims: { ...decodeJwt(token) },
    signer: "bank",
    damaged: false,
  };
}

function encoded(text: string): string {
  return Buffer.from(text).toString("base64url");
}

function withDamagedSignature(token: string): string {
  const [header, payload, signature = ""] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes[0] = (bytes[0] ?? 0) ^ 0x01;
  return `${header}.${payload}.${bytes.toString("base64url")}`;
}
