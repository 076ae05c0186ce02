/**
 * One kind of what the authorization server stores, such as its refresh tokens.
 *
 * @module
 */
import type { AdapterPayload } from "oidc-provider";
import type { Table } from "../keeping/archive.js";

export class TokenModel {
  readonly #payloads = new Map<string, AdapterPayload>();
  readonly #table: Table<AdapterPayload>;

  /** Takes up what was kept and has not ended since. */
  constructor(table: Table<AdapterPayload>) {
    this.#table = table;
    for (const [id, payload] of table.kept) {
      if (hasEnded(payload)) table.delete(id);
      else this.#payloads.set(id, payload);
    }
  }

  get(id: string): AdapterPayload | undefined {
    return this.#payloads.get(id);
  }

  /** Stores a payload; whoever changes it later sets it again. */
  set(id: string, payload: AdapterPayload): void {
    this.#payloads.set(id, payload);
    this.#table.put(id, payload);
  }

  delete(id: string): void {
    this.#payloads.delete(id);
    this.#table.delete(id);
  }

  deleteWhere(isMeant: (payload: AdapterPayload, id: string) => boolean): void {
    for (const [id, payload] of this.#payloads) if (isMeant(payload, id)) this.delete(id);
  }

  find(isMeant: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
    return [...this.#payloads.values()].find(isMeant);
  }

  /** For payloads that are in the order in which they end: those of a long run would fill the memory. */
  deleteEnded(): void {
    for (const [id, payload] of this.#payloads) {
      if (!hasEnded(payload)) return;
      this.delete(id);
    }
  }
}

export function hasEnded({ exp = Number.POSITIVE_INFINITY }: AdapterPayload): boolean {
  return exp * 1000 <= Date.now();
}
