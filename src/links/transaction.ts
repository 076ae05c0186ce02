/**
 * An authorization under way, bound to the browser that started it.
 *
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import type { AuthorizationSecrets } from "../authorization/request.js";
import type { Scope } from "../config/contract.js";
import type { Profile } from "../config/profile.js";
import { ValidationError } from "../errors.js";
import type { Store, StoreEntry } from "./store.js";
import { parseStored } from "./stored.js";

/** Seconds that a customer has from `links.begin()` to the callback. */
export const TRANSACTION_LIFETIME = 900;

/** What is kept between `links.begin()` and `links.complete()`. */
export interface Transaction {
  readonly customerId: string;
  readonly scopes: readonly Scope[];
  /** Scope strings, as on the wire. */
  readonly wireScopes: readonly string[];
  readonly secrets: AuthorizationSecrets;
  /** Which client began it, and how: another one must neither complete nor spend it. */
  readonly issuer: string;
  readonly clientId: string;
  readonly profile: Profile;
  /** The link that is to be renewed; absent for a new one. */
  readonly linkId?: string;
  /** Whether its grant was asked to be merged with. */
  readonly merges?: boolean;
}

/** A transaction as it is kept. */
interface Kept extends Transaction {
  /** Milliseconds since the epoch: over then, also where the store does not forget. */
  readonly expiresAt: number;
}

/** Keeps a transaction and returns the value that only the browser's cookie holds. */
export async function openTransaction(store: Store, transaction: Transaction): Promise<string> {
  const value = randomBytes(32).toString("base64url");
  const kept: Kept = { ...transaction, expiresAt: Date.now() + TRANSACTION_LIFETIME * 1000 };
  await store.put(keyOf(value), JSON.stringify(kept), { version: 0, expiresAt: kept.expiresAt });
  return value;
}

/** Looks at a transaction without using it up: a forged callback must not end the customer's own attempt. */
export async function peekTransaction(store: Store, value: unknown): Promise<Transaction> {
  if (typeof value !== "string" || value === "") {
    throw refuse("came without its transaction: the browser did not send the cookie set at links.begin()");
  }
  const entry = await store.get(keyOf(value));
  const transaction = entry && parseStored<Kept>(entry);
  if (transaction === undefined || transaction.expiresAt <= Date.now()) {
    throw refuse("belongs to a transaction that is unknown, over, or used already");
  }
  return transaction;
}

/** The refusal of a transaction that no configured client began. */
export function notOurs(): ValidationError {
  return refuse("belongs to a transaction of another issuer or client id than the configured one");
}

/** The refusal of a transaction that another customer began: they would get this one's account, or this one theirs. */
export function notTheirs(): ValidationError {
  const why = "The authorization was begun by another customer than the one who came back. No token was asked for.";
  return new ValidationError("customer", why);
}

/** Uses a transaction up. Of any number of callers exactly one gets past here. */
export async function spendTransaction(store: Store, value: string): Promise<void> {
  if ((await store.take(keyOf(value))) === undefined) throw refuse("was used already");
}

/** Writes a transaction as it is, for its seal; whether it was written: one that was spent meanwhile is not. */
export async function rewriteTransaction(store: Store, entry: StoreEntry): Promise<boolean> {
  const kept = parseStored<Kept>(entry);
  const options = { version: entry.version, expiresAt: kept.expiresAt };
  return (await store.put(entry.key, JSON.stringify(kept), options)) !== undefined;
}

/** What the keys of transactions begin with. */
export const TRANSACTIONS = "transaction:";

/** The store knows a hash only: who can read it can't play the browser. */
function keyOf(value: string): string {
  return TRANSACTIONS + createHash("sha256").update(value).digest("base64url");
}

function refuse(why: string): ValidationError {
  return new ValidationError("transaction", `The callback ${why}. No token was asked for.`);
}
