/**
 * The partner's store, with errors of this package and an end to every wait.
 *
 * @module
 */
import { StoreError } from "../errors.js";
import { type StoreMessage, storeChannel, trace, type Writable } from "../transport/channels.js";
import type { FindOptions, FoundEntry, PutOptions, Store, StoreEntry } from "./store.js";

/** Passes everything on. What the store throws may hold addresses, passwords and rows: only name and code are repeated. */
export class GuardedStore implements Store {
  readonly #store: Store;
  readonly #timeout: number;

  constructor(store: Store, timeout: number) {
    this.#store = store;
    this.#timeout = timeout;
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    return this.#entry("get", await this.#guard("get", key, () => this.#store.get(key)));
  }

  async put(key: string, value: string, options: PutOptions): Promise<number | undefined> {
    const version: unknown = await this.#guard("put", key, () => this.#store.put(key, value, options));
    if (version === undefined || version === null) return undefined;
    return isVersion(version) ? version : this.#refuse("put", "neither a version nor undefined");
  }

  async take(key: string): Promise<StoreEntry | undefined> {
    return this.#entry("take", await this.#guard("take", key, () => this.#store.take(key)));
  }

  async find(options: FindOptions): Promise<readonly FoundEntry[]> {
    const found: unknown = await this.#guard("find", options.label, () => this.#store.find(options));
    if (!Array.isArray(found)) return this.#refuse("find", "no list");
    return found.map((value: FoundEntry | null | undefined) => {
      const entry = this.#entry("find", value);
      return entry !== undefined && typeof entry.cursor === "string" ? entry : this.#refuse("find", "no entry");
    });
  }

  async lock(key: string, owner: string, duration: number): Promise<boolean> {
    const taken: unknown = await this.#guard("lock", key, () => this.#store.lock(key, owner, duration));
    return typeof taken === "boolean" ? taken : this.#refuse("lock", "no boolean");
  }

  unlock(key: string, owner: string): Promise<void> {
    return this.#guard("unlock", key, () => this.#store.unlock(key, owner));
  }

  /** Databases say `null` for nothing. */
  #entry<Entry extends StoreEntry>(method: keyof Store, value: Entry | null | undefined): Entry | undefined {
    if (value === undefined || value === null) return undefined;
    const whole = typeof value.value === "string" && isVersion(value.version);
    return whole ? value : this.#refuse(method, "no entry");
  }

  #refuse(method: keyof Store, returned: string): never {
    throw new StoreError(method, "store_failed", `it returned ${returned}`);
  }

  /** `about`: the key or, for a search, the label. */
  #guard<T>(method: keyof Store, about: string, work: () => Promise<T>): Promise<T> {
    return storeChannel.hasSubscribers ? this.#told(method, about, work) : this.#inTime(method, work);
  }

  #told<T>(method: keyof Store, about: string, work: () => Promise<T>): Promise<T> {
    const message: Writable<StoreMessage> = { method, kind: kindOf(about) };
    return trace(storeChannel, message, async () => {
      const answer = await this.#inTime(method, work);
      message.outcome = method !== "unlock" && isNothing(answer) ? "nothing" : "done";
      return answer;
    });
  }

  async #inTime<T>(method: keyof Store, work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new StoreError(method, "store_timeout", "it did not answer in time")),
        this.#timeout,
      );
    });
    try {
      return await Promise.race([work(), late]);
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError(method, "store_failed", describe(error));
    } finally {
      clearTimeout(timer);
    }
  }
}

/** `0` stands for no entry, and what is no safe integer may be equal to the next one. */
function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

/** What an entry is, by the beginning of its key or by the label that it is found by. No more of them is told. */
function kindOf(about: string): StoreMessage["kind"] {
  const [beginning = ""] = about.split(":", 1);
  return KINDS.get(beginning) ?? "other";
}

const KINDS: ReadonlyMap<string, StoreMessage["kind"]> = new Map([
  ["link", "link"],
  ["customer", "link"],
  ["former", "link"],
  ["grant-ends", "link"],
  ["transaction", "transaction"],
  ["debit", "debit"],
  ["lock", "lock"],
]);

function isNothing(answer: unknown): boolean {
  return answer === undefined || answer === null || answer === false || (Array.isArray(answer) && answer.length === 0);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = "code" in error && /^[A-Z0-9_]{1,40}$/.test(String(error.code)) ? ` ${error.code}` : "";
  return `${/^[A-Z]\w{0,40}$/.test(error.name) ? error.name : "Error"}${code}`;
}
