/**
 * Links whose grants end soon.
 *
 * @module
 */
import { type JstDateTime, toJst } from "../config/jst.js";
import { findEnding, findNotAsked } from "./record.js";
import type { Registrations } from "./registrations.js";
import type { Store } from "./store.js";

/** A link whose grant ends soon. */
export interface ExpiringLink {
  /** The link. */
  readonly id: string;
  /** The partner's own id of the customer. */
  readonly customerId: string;
  /** When the grant ends; absent where the bank says only that it has ended. */
  readonly expiresAt?: JstDateTime;
  /** Whether it has ended already: then the link needs its customer again. */
  readonly expired: boolean;
}

/** When a grant ends, milliseconds since the epoch; `ended`: it has, the bank says not when; `undefined`: the bank does not say. */
export type GrantEnd = number | "ended" | undefined;

/**
 * The links whose grants end until then, milliseconds since the epoch: first those of which it is known, then those after
 * which the bank is asked.
 *
 * @throws {@link StoreError} for one that can't be read, after all the others.
 */
export async function* expiringLinks(
  until: number,
  registrations: Registrations,
  store: Store,
  ask: (linkId: string) => Promise<GrantEnd>,
): AsyncGenerator<ExpiringLink, void, undefined> {
  const unreadable: unknown[] = [];
  for await (const record of tried(findEnding(store, until), unreadable)) {
    const { id, customerId, grantExpiresAt: ends } = record;
    if (typeof ends === "number" && registrations.of(record) !== undefined) yield expiring(id, customerId, ends);
  }
  for await (const record of tried(findNotAsked(store), unreadable)) {
    const { id, customerId } = record;
    const ends = registrations.of(record) === undefined ? undefined : await ask(id);
    if (ends === "ended" || (ends !== undefined && ends <= until)) yield expiring(id, customerId, ends);
  }
  if (unreadable.length > 0) throw unreadable[0];
}

function expiring(id: string, customerId: string, ends: number | "ended"): ExpiringLink {
  if (ends === "ended") return Object.freeze({ id, customerId, expired: true });
  return Object.freeze({ id, customerId, expiresAt: toJst(ends), expired: ends <= Date.now() });
}

/** What can be read, first of all; what can't is noted for later. */
async function* tried<T>(records: AsyncIterable<T>, unreadable: unknown[]): AsyncGenerator<T, void, undefined> {
  try {
    yield* records;
  } catch (error) {
    unreadable.push(error);
  }
}
