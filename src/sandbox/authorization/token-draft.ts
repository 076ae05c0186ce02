/**
 * A token of the bank, taken apart so that it can be changed, signed anew and encrypted.
 *
 * @module
 */
import { decodeJwt, decodeProtectedHeader } from "jose";

/** Who signs a token: the bank as it should, with the keys of now or new ones, or one of the forgeries. */
export type Signer = "bank" | "nobody" | "rs256-key" | "unpublished-key" | "weak-key" | "next-key";

/** How a token is encrypted: as the client has registered, whenever it has a key, not at all, or in a wrong way. */
export type Encryption = "as-registered" | "newest-key" | "none" | "rsa1_5" | "unknown-key";

export interface TokenDraft {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  signer: Signer;
  /** Whether the signature is damaged after signing. */
  damaged: boolean;
  encryption: Encryption;
}

/** A draft of a token that the bank means as it says. */
export function newDraft(header: Record<string, unknown>, claims: Record<string, unknown>): TokenDraft {
  return { header, claims, signer: "bank", damaged: false, encryption: "as-registered" };
}

export function draftOf(token: string): TokenDraft {
  return newDraft({ ...decodeProtectedHeader(token) }, { ...decodeJwt(token) });
}
