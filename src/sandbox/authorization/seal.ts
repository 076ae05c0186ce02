/**
 * The last thing that happens to a token before it leaves: it is signed, then encrypted for clients that want it so.
 *
 * @module
 */
import type { EncryptedResponse } from "../client.js";
import type { Faults } from "../faults/faults.js";
import type { BankKeys } from "./bank-keys.js";
import type { ClientEncryption } from "./client-encryption.js";
import type { TokenDraft } from "./token-draft.js";

export interface Seal {
  readonly keys: BankKeys;
  readonly encryption: ClientEncryption;
  readonly faults: Faults;
}

/** Seals what a client receives; only a response that can be encrypted has a name. */
export async function seal(
  draft: TokenDraft,
  clientId: string,
  { keys, encryption, faults }: Seal,
  response?: EncryptedResponse,
): Promise<string> {
  for (const fault of faults.take("signature", clientId)) fault(draft);
  return encryption.encrypt(await keys.sign(draft), draft.encryption, clientId, response);
}
