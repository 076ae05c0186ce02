/**
 * Idempotency keys: what each was first used for, remembered for 24 hours.
 *
 * @module
 */
import { createHash } from "node:crypto";

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
  running: boolean;
  readonly result: T;
}

export class IdempotencyKeys<T> {
  readonly #uses = new Map<string, Use<T>>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Looks a client's key up for a request with this fingerprint. */
  lookUp(clientId: string, key: string, fingerprint: string): Precedent<T> {
    const use = this.#uses.get(`${clientId} ${key}`);
    if (use === undefined || this.#now() - use.since >= WINDOW) return { kind: "new" };
    if (use.fingerprint !== fingerprint) return { kind: "different" };
    return use.running ? { kind: "running" } : { kind: "same", result: use.result };
  }

  /** Remembers what came of a key. While it is `running`, the same request is told to wait. */
  remember(clientId: string, key: string, fingerprint: string, result: T, running: boolean): void {
    this.#uses.set(`${clientId} ${key}`, { fingerprint, since: this.#now(), running, result });
  }

  /** Ends the wait for every key that led to this result. */
  finish(result: T): void {
    for (const use of this.#uses.values()) if (use.result === result) use.running = false;
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
