/**
 * Grants (認可): what a customer has allowed a partner, since when, and until when.
 *
 * @module
 */
import type { Table } from "../keeping/archive.js";
import { jstDateTime } from "./jst.js";

const DAY = 86_400_000;

/** This bank suspends a grant by a fault only. */
export type GrantStatus = "active" | "expired" | "revoked" | "suspended";

export interface GrantRecord {
  readonly grantId: string;
  readonly clientId: string;
  /** The customer's subject. */
  readonly subject: string;
  readonly createdAt: number;
  scopes: readonly string[];
  expiresAt: number;
  lastUpdatedAt: number;
  revoked: boolean;
}

/** The body of the grant management endpoint. */
export interface GrantBody {
  readonly status: GrantStatus;
  readonly scopes: readonly { readonly scope: string }[];
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly lastUpdatedAt: string;
}

export class Grants {
  readonly #records: Map<string, GrantRecord>;
  readonly #days: number;
  readonly #now: () => number;

  readonly #table: Table<GrantRecord>;

  constructor(days: number, now: () => number, table: Table<GrantRecord>) {
    this.#days = days;
    this.#now = now;
    this.#table = table;
    this.#records = new Map(table.kept);
  }

  /** When a grant given now will end. */
  nextExpiry(): number {
    return this.#now() + this.#days * DAY;
  }

  /** Records what a customer has just allowed: a new grant, or the new contents of an old one. */
  record(grant: Pick<GrantRecord, "grantId" | "clientId" | "subject" | "scopes">): void {
    const now = this.#now();
    const createdAt = this.#records.get(grant.grantId)?.createdAt ?? now;
    const expiresAt = this.nextExpiry();
    const record: GrantRecord = { ...grant, createdAt, lastUpdatedAt: now, expiresAt, revoked: false };
    this.#records.set(grant.grantId, record);
    this.#table.put(grant.grantId, record);
  }

  find(grantId: string): GrantRecord | undefined {
    return this.#records.get(grantId);
  }

  /** `undefined` for a grant this bank has never given. */
  status(grantId: string): GrantStatus | undefined {
    const record = this.#records.get(grantId);
    if (record === undefined) return undefined;
    if (record.revoked) return "revoked";
    return record.expiresAt <= this.#now() ? "expired" : "active";
  }

  extend(record: GrantRecord, expiresAt: number): void {
    record.expiresAt = expiresAt;
    record.lastUpdatedAt = this.#now();
    this.#table.put(record.grantId, record);
  }

  /** Ends a grant today, as if its time had come. */
  expire(grantId: string): void {
    const record = this.#records.get(grantId);
    if (record !== undefined) this.extend(record, this.#now());
  }

  revoke(grantId: string): void {
    const record = this.#records.get(grantId);
    if (record === undefined || record.revoked) return;
    record.revoked = true;
    record.lastUpdatedAt = this.#now();
    this.#table.put(grantId, record);
  }

  /** What a partner is shown of a grant; how it stands is the bank's word unless the caller knows better. */
  bodyOf(record: GrantRecord, status: GrantStatus | undefined = this.status(record.grantId)): GrantBody {
    return {
      status: status ?? "revoked",
      scopes: record.scopes.map(scope => ({ scope })),
      createdAt: jstDateTime(record.createdAt),
      expiresAt: jstDateTime(record.expiresAt),
      lastUpdatedAt: jstDateTime(record.lastUpdatedAt),
    };
  }
}
