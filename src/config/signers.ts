/**
 * The keys that sign request objects: the one in use, and those that are published beside it while one takes over.
 *
 * @module
 */
import { isAnother } from "./key.js";
import type { Problems } from "./problems.js";
import type { ProfileRules } from "./profile.js";
import { checkSigning, type Signer, type Signing } from "./signing.js";
import { type Check, checked, givenSource, loadedSource, type Source } from "./source.js";

/** One key, or several while one takes over from another: the first one signs, all of them are published. */
export type SigningKeys = Signing | readonly Signing[];

/**
 * Loads the signing keys when they are first needed, and again every five minutes at most: what it loads then takes the
 * place of those in use.
 */
export type SigningKeysLoader = () => SigningKeys | Promise<SigningKeys>;

/** Checks `signing` as far as it is there, and notes what is wrong with it. */
export function signingSource(value: unknown, rules: ProfileRules, problems: Problems): Source<readonly Signer[]> {
  // A profile that signs nothing looks at no key.
  if (!rules.signedRequest) return givenSource<readonly Signer[]>("signing", [], () => []);
  const check: Check<readonly Signer[]> = (next, before) => checked(found => checkSigners(next, rules, found, before));
  if (typeof value === "function") {
    return loadedSource("signing", value as () => unknown, "signing keys", check);
  }
  return givenSource("signing", checkSigners(value, rules, problems), check);
}

function checkSigners(
  value: unknown,
  rules: ProfileRules,
  problems: Problems,
  before: readonly Signer[] = [],
): readonly Signer[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) problems.add("signing", "a list of at least one key", "an empty one");
  const signers: Signer[] = [];
  for (const [index, item] of list.entries()) {
    const option = Array.isArray(value) ? `signing[${index}]` : "signing";
    const signer = checkSigning(item, option, rules, problems);
    if (signer === undefined) continue;
    if (signers.some(({ kid }) => kid === signer.kid)) {
      problems.add(`${option}.kid`, "the id of the key, of each key another", "one that was given");
    }
    const namesake = before.find(({ kid }) => kid === signer.kid);
    if (namesake !== undefined && isAnother(signer.publicJwk, namesake.publicJwk)) {
      problems.add(`${option}.kid`, "an id of its own for a new key", "that of the key in use");
    }
    signers.push(signer);
  }
  return Object.freeze(signers);
}

/** Notes a decryption key that has the id of a signing key: the bank could not tell them apart (RFC 7517 section 4.5). */
export function checkKids(signers: readonly Signer[], decryptionKids: Iterable<string>, problems: Problems): void {
  for (const kid of decryptionKids) {
    if (signers.some(signer => signer.kid === kid)) {
      problems.add("decryption.keys", "ids that no signing key has", "one that a signing key has");
    }
  }
}
