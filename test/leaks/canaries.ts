/** Everything that must show nowhere: secrets and personal data, written down as they pass. */
import { inspect } from "node:util";
import { MemoryStore, MinnaError, type PutOptions, type Store, type StoreEntry } from "../../src/index.js";

/** Too short, and they would be found by chance. */
const SHORTEST = 7;
const SHORTEST_JAPANESE = 2;

/** The canaries of a run, each with the name of what it is. */
export class Canaries {
  readonly #kinds = new Map<string, string>();
  /** By how they begin: there are thousands, and a log is long. */
  readonly #byStart = new Map<string, Set<string>>();

  get size(): number {
    return this.#kinds.size;
  }

  /** What there are canaries of. */
  get kinds(): ReadonlySet<string> {
    return new Set(this.#kinds.values());
  }

  /** Notes a value in every spelling that a log could have it in. */
  add(kind: string, value: unknown): void {
    if (typeof value !== "string") return;
    const plain = /^[\x20-\x7e\s]*$/.test(value);
    if (value.length < (plain ? SHORTEST : SHORTEST_JAPANESE)) return;
    const bytes = Buffer.from(value);
    const spellings = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)];
    if (bytes.length > 8) spellings.push(bytes.toString("base64url"), bytes.toString("base64"), bytes.toString("hex"));
    for (const spelling of spellings) this.#note(spelling, kind);
  }

  #note(spelling: string, kind: string): void {
    if (this.#kinds.has(spelling)) return;
    this.#kinds.set(spelling, kind);
    const start = spelling.slice(0, SHORTEST_JAPANESE);
    const alike = this.#byStart.get(start) ?? new Set();
    this.#byStart.set(start, alike.add(spelling));
  }

  /** A JWT: whole, and each part that says something. */
  addJwt(kind: string, token: unknown): void {
    if (typeof token !== "string") return;
    this.add(kind, token);
    const [, payload = "", ...rest] = token.split(".");
    for (const part of [payload, ...rest]) this.add(kind, part);
    // Where it is encrypted, or no JWT at all, it has no claims to look at.
    if (rest.length === 1) this.addMembers(kind, claimsIn(payload), CLAIMS);
  }

  /** A private key in PEM or as a JWK: each line, each private member. */
  addKey(kind: string, key: unknown): void {
    if (typeof key === "string") {
      for (const line of key.split("\n")) if (line.length > 20 && !line.startsWith("-----")) this.add(kind, line);
      return;
    }
    const jwk = key as Readonly<Record<string, unknown>>;
    for (const name of ["d", "p", "q", "dp", "dq", "qi"]) this.add(kind, jwk[name]);
  }

  /** Every member of these names, at any depth. */
  addMembers(kind: string, value: unknown, names: ReadonlySet<string>): void {
    if (typeof value !== "object" || value === null) return;
    for (const [name, member] of Object.entries(value)) {
      if (names.has(name)) this.add(`${kind}.${name}`, member);
      this.addMembers(kind, member, names);
    }
  }

  /** Which canaries a text shows. */
  foundIn(text: string): string[] {
    const found = new Set<string>();
    for (let at = 0; at < text.length; at++) {
      for (const spelling of this.#byStart.get(text.slice(at, at + SHORTEST_JAPANESE)) ?? []) {
        if (text.startsWith(spelling, at)) found.add(this.#kinds.get(spelling) ?? "");
      }
    }
    return [...found];
  }
}

/** What a JWT of the bank or of the partner says that must show nowhere. */
const CLAIMS: ReadonlySet<string> = new Set(["sub", "nonce", "at_hash", "code", "state", "code_challenge", "jti"]);

function claimsIn(payload: string): unknown {
  try {
    return JSON.parse(Buffer.from(payload, "base64url").toString());
  } catch {
    return undefined;
  }
}

/** Personal data in the answers of the API. */
export const PERSONAL: ReadonlySet<string> = new Set([
  ...["name", "nameKana", "birthDate", "phoneNumber", "postalCode", "city", "street", "building", "formatted"],
  ...["accountNumber", "accountName", "accountNameKana", "remarks", "applicantName", "ediInfo", "sub"],
]);

/** Secrets in what the store is given to keep, by the first part of the key. */
const SECRETS: Readonly<Record<string, ReadonlySet<string>>> = {
  transaction: new Set(["state", "nonce", "codeVerifier"]),
  link: new Set(["accessToken", "refreshToken", "sub"]),
};

/** A store that notes every secret that it is given to keep. */
export class WatchedStore implements Store {
  readonly #store = new MemoryStore();
  readonly #canaries: Canaries;

  constructor(canaries: Canaries) {
    this.#canaries = canaries;
  }

  async put(key: string, value: string, options: PutOptions): Promise<number | undefined> {
    const [kind = ""] = key.split(":");
    this.#canaries.addMembers(kind, JSON.parse(value), SECRETS[kind] ?? new Set());
    return this.#store.put(key, value, options);
  }

  get(key: string): Promise<StoreEntry | undefined> {
    return this.#store.get(key);
  }

  take(key: string): Promise<StoreEntry | undefined> {
    return this.#store.take(key);
  }

  find(...given: Parameters<Store["find"]>): ReturnType<Store["find"]> {
    return this.#store.find(...given);
  }

  lock(...given: Parameters<Store["lock"]>): Promise<boolean> {
    return this.#store.lock(...given);
  }

  unlock(...given: Parameters<Store["unlock"]>): Promise<void> {
    return this.#store.unlock(...given);
  }
}

/** Everything that a log could show of what was thrown, its causes included. */
export function shownOf(thrown: unknown): string {
  const shown: string[] = [String(thrown), inspect(thrown, { depth: 10, showHidden: true }), json(thrown)];
  if (thrown instanceof MinnaError) shown.push(json(thrown.toSupportBundle()));
  let link = thrown;
  for (let depth = 0; link instanceof Error && depth < 10; link = link.cause, depth++) {
    const names = Object.getOwnPropertyNames(link);
    shown.push(link.message, String(link.stack), json(link));
    shown.push(json(Object.fromEntries(names.map(name => [name, Reflect.get(link as object, name)]))));
  }
  return shown.join("\n");
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}
