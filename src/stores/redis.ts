/**
 * Links, transactions and debits in Redis.
 *
 * @module minna-baas/redis
 * @packageDocumentation
 */
import { ConfigurationError, type ConfigurationProblem } from "../errors.js";
import type { FindOptions, FoundEntry, PutOptions, Store, StoreEntry } from "../links/store.js";
import { type RedisClient, requireClient } from "./redis-client.js";
import { Persistence } from "./redis-persistence.js";
import { FIND, LOCK, PUT, type Script, TAKE, UNLOCK } from "./redis-scripts.js";

export type {
  ConfigurationError,
  ConfigurationProblem,
  MinnaError,
  MinnaErrorDetails,
  SideEffect,
  StoreError,
} from "../errors.js";
export type { FindOptions, FoundEntry, PutOptions, Store, StoreEntry } from "../links/store.js";
export type { RedisClient } from "./redis-client.js";

/** How the store uses Redis. */
export interface RedisStoreOptions {
  /**
   * What the names of all its keys begin with. Default `minna-baas:`. Two stores with different prefixes don't see each
   * other, unless one prefix is the beginning of the other.
   */
  readonly prefix?: string;
  /**
   * Keeps debits even where a crash of Redis loses them. Default `false`. The bank's inquiry still prevents a debit from
   * being sent twice in most cases, but nobody knows any more which ones were open.
   */
  readonly allowVolatileDebits?: boolean;
}

/**
 * Makes a store of a Redis server, 6.2 or later, or Valkey.
 *
 * `client` comes from the package `redis` (node-redis, 5 or 6; 6 is what the tests run with), which Redis maintains; ioredis only gets fixes. Connect it
 * before the first call, and give it an `error` listener. `disableOfflineQueue: true` is wise: without a connection, calls
 * then fail at once, where they would wait and run after their caller has gone. A late command does no harm (it names a
 * version, or a lock's owner), but takes longer to be noticed.
 *
 * One primary is meant, alone or under Sentinel: not Redis Cluster, since each step goes over several keys. A sentinel of
 * the same package is given as `{ sendCommand: args => sentinel.sendCommand(false, args) }`.
 *
 * **Debits.** A debit in doubt must outlive a crash of the database. So the store asks the server (INFO, CONFIG GET), at most
 * once a minute, and keeps no debits where it has no append-only file (snapshots alone lose minutes), or where it evicts keys
 * that don't expire. With `appendfsync everysec`, Redis's default, it warns: the machine's crash can lose about two
 * seconds; `appendfsync always` loses nothing. With a policy that evicts keys that expire (`volatile-…`) it warns, too: locks
 * are such keys, and `noeviction` is what keeps them. A server that does not say, as some managed ones, gets a warning and the
 * benefit of the doubt. A service that keeps data in another way than by the append-only file needs `allowVolatileDebits`.
 * In a failover everything is lost that the replica had not received: Redis acknowledges a write before it copies it.
 * Where debits are charged, PostgreSQL is the better home for them.
 *
 * The store rejects with what the client rejects with; the methods of `MinnaClient` make a {@link StoreError} of it, with
 * nothing of its content.
 *
 * @param client - A client of the package `redis`.
 * @throws {@link ConfigurationError} where `client` is another kind of client, or an option is wrong.
 *
 * @example
 * ```ts
 * import { createClient } from "redis";
 * import { redisStore } from "minna-baas/redis";
 *
 * const client = createClient({ url: process.env["REDIS_URL"], disableOfflineQueue: true });
 * client.on("error", error => console.error("redis", error.code));
 * const store = redisStore(await client.connect());
 * ```
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): Store {
  requireClient(client);
  const { prefix = "minna-baas:", allowVolatileDebits = false } = options;
  const problems: ConfigurationProblem[] = [];
  if (typeof prefix !== "string") problems.push({ option: "prefix", expected: "a string", found: typeof prefix });
  if (typeof allowVolatileDebits !== "boolean") {
    problems.push({ option: "allowVolatileDebits", expected: "a boolean", found: typeof allowVolatileDebits });
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return new RedisStore(client, prefix, allowVolatileDebits);
}

class RedisStore implements Store {
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #persistence: Persistence | undefined;

  constructor(client: RedisClient, prefix: string, allowVolatileDebits: boolean) {
    this.#client = client;
    this.#prefix = prefix;
    this.#persistence = allowVolatileDebits ? undefined : new Persistence(client);
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    return entryOf(key, await this.#send(["HMGET", this.#entry(key), "value", "version"]));
  }

  async put(key: string, value: string, options: PutOptions): Promise<number | undefined> {
    const { version, expiresAt, labels = {}, durable = false } = options;
    if (durable) await this.#persistence?.require();
    const indexed = Object.entries(labels).flatMap(([label, text]) => [escapeNul(label), memberOf(text, key)]);
    const args = [this.#prefix, String(version), value, endOf(expiresAt), ...indexed];
    const written = await this.#run(PUT, this.#entry(key), args);
    return written === null ? undefined : Number(written);
  }

  async take(key: string): Promise<StoreEntry | undefined> {
    return entryOf(key, await this.#run(TAKE, this.#entry(key), [this.#prefix]));
  }

  async find({ label, value, through = value, after = "", limit }: FindOptions): Promise<readonly FoundEntry[]> {
    if (!(limit >= 1)) return [];
    const name = escapeNul(label);
    const first = memberOf(value, "");
    let from = isBehind(after, first) ? `(${after}` : `[${first}`;
    const last = `(${escapeNul(through)}${BEHIND}`;
    const atMost = String(Math.min(Math.trunc(limit), Number.MAX_SAFE_INTEGER));
    for (;;) {
      const reply = await this.#run(FIND, `${this.#prefix}index:${name}`, [this.#prefix, name, from, last, atMost]);
      const [found, next] = reply as [readonly (readonly unknown[])[], unknown];
      // An empty page would say that nothing follows.
      if (found.length > 0 || String(next) === "") return found.map(foundOf);
      from = `(${next}`;
    }
  }

  async lock(key: string, owner: string, duration: number): Promise<boolean> {
    const milliseconds = Math.min(Math.ceil(duration) || 0, Number.MAX_SAFE_INTEGER);
    return Number(await this.#run(LOCK, `${this.#prefix}lock:${key}`, [owner, String(milliseconds)])) === 1;
  }

  async unlock(key: string, owner: string): Promise<void> {
    await this.#run(UNLOCK, `${this.#prefix}lock:${key}`, [owner]);
  }

  #entry(key: string): string {
    return `${this.#prefix}entry:${key}`;
  }

  async #run(script: Script, key: string, args: readonly string[]): Promise<unknown> {
    try {
      return await this.#send(["EVALSHA", script.sha1, "1", key, ...args]);
    } catch (error) {
      // A server that has restarted or flushed its scripts. Nothing was run.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return await this.#send(["EVAL", script.text, "1", key, ...args]);
    }
  }

  async #send(command: string[]): Promise<unknown> {
    try {
      return await this.#client.sendCommand(command);
    } catch (error) {
      // Also a script that is unknown: the server has restarted, perhaps with other settings.
      this.#persistence?.forget();
      throw error;
    }
  }
}

// A label's value and a key as one member, ordered by the one, then by the other, whatever they hold: bytes compare as they
// would one by one, and a value that is the beginning of another one comes before it.
const END = "\0\0";
const BEHIND = "\0\x01";

function escapeNul(text: string): string {
  return text.replaceAll("\0", BEHIND);
}

function memberOf(value: string, key: string): string {
  return `${escapeNul(value)}${END}${key}`;
}

/** Redis compares bytes. */
function isBehind(cursor: string, member: string): boolean {
  return Buffer.compare(Buffer.from(cursor), Buffer.from(member)) > 0;
}

/** Milliseconds that Redis can count; empty for never. */
function endOf(expiresAt = Number.POSITIVE_INFINITY): string {
  if (Number.isNaN(expiresAt) || expiresAt >= Number.MAX_SAFE_INTEGER) return "";
  return String(Math.max(0, Math.floor(expiresAt)));
}

/** A client may be set to give buffers in place of strings. */
function entryOf(key: string, reply: unknown): StoreEntry | undefined {
  const [value, version] = (reply ?? []) as readonly unknown[];
  if (value === undefined || value === null) return undefined;
  return Object.freeze({ key, value: String(value), version: Number(String(version)) });
}

function foundOf([key, value, version, member]: readonly unknown[]): FoundEntry {
  return Object.freeze({
    key: String(key),
    value: String(value),
    version: Number(String(version)),
    cursor: String(member),
  });
}
