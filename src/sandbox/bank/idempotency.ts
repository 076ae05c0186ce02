/**
 * Idempotency keys: what each was first used for, remembered for 24 hours.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Table } from "../keeping/archive.js";

const WINDOW = 24 * 3_600_000;

/** What a key stands for already. */
export type Precedent<T> =
  | { readonly kind: "new" }
  | { readonly kind: "running" }
  | { readonly kind: "different" }
  | { readonly kind: "same"; readonly result: T };

interface Use<T> {
  readonly fingerprint: string;
  readonly since: number;
  readonly running: boolean;
  readonly result: T;
}

/** A use as it is kept: with the result's id in the place of the result. */
export type KeptUse = Use<string>;

/** What keys can stand for. */
export interface Results<T> {
  idOf(result: T): string;
  withId(id: string): T | undefined;
}

export class IdempotencyKeys<T> {
  readonly #uses = new Map<string, Use<T>>();
  readonly #now: () => number;
  readonly #table: Table<KeptUse>;
  readonly #results: Results<T>;

  constructor(now: () => number, table: Table<KeptUse>, results: Results<T>) {
    this.#now = now;
    this.#table = table;
    this.#results = results;
    for (const [id, use] of table.kept) {
      const result = results.withId(use.result);
      if (result === undefined || this.#isOver(use)) table.delete(id);
      else this.#uses.set(id, { ...use, result });
    }
  }

  /** Looks a client's key up for a request with this fingerprint. */
  lookUp(clientId: string, key: string, fingerprint: string): Precedent<T> {
    const use = this.#uses.get(`${clientId} ${key}`);
    if (use === undefined || this.#isOver(use)) return { kind: "new" };
    if (use.fingerprint !== fingerprint) return { kind: "different" };
    return use.running ? { kind: "running" } : { kind: "same", result: use.result };
  }

  /** Remembers what came of a key. While it is `running`, the same request is told to wait. */
  remember(clientId: string, key: string, fingerprint: string, result: T, running: boolean): void {
    this.#set(`${clientId} ${key}`, { fingerprint, since: this.#now(), running, result });
  }

  /** Ends the wait for every key that led to this result. */
  finish(result: T): void {
    for (const [id, use] of this.#uses) {
      if (use.result === result && use.running) this.#set(id, { ...use, running: false });
    }
  }

  #set(id: string, use: Use<T>): void {
    this.#uses.set(id, use);
    this.#table.put(id, { ...use, result: this.#results.idOf(use.result) });
  }

  #isOver({ since }: Pick<Use<T>, "since">): boolean {
    return this.#now() - since >= WINDOW;
  }
}

/** A digest of what makes two requests the same: member order and white space of the JSON do not count. */
export function fingerprint(parts: readonly unknown[]): string {
  return createHash("sha256").update(canonical(parts)).digest("base64url");
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}
