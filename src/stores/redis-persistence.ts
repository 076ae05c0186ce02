/**
 * Whether Redis keeps what it is told: asked of the server before a debit is written.
 *
 * @module
 */
import { StoreError } from "../errors.js";
import type { RedisClient } from "./redis-client.js";

/** How long an answer holds, milliseconds. */
const FRESH = 60_000;

const UNKNOWN = {
  code: "MINNA_REDIS_PERSISTENCE_UNKNOWN",
  message: "Redis does not say how it keeps data on disk: debits in doubt may be lost in a crash.",
  detail:
    "Let the client's user run INFO and CONFIG GET (ACL: +info +config|get), or make sure yourself of appendonly yes, " +
    "appendfsync always and a maxmemory-policy that does not evict.",
};

const APPENDFSYNC: Readonly<Record<string, typeof UNKNOWN>> = {
  everysec: {
    code: "MINNA_REDIS_APPENDFSYNC",
    message:
      "Redis writes to disk once a second: with the machine, about two seconds of the debit journal can be lost.",
    detail:
      "A crash of the Redis process alone loses nothing. To lose nothing with the machine either: appendfsync always.",
  },
  no: {
    code: "MINNA_REDIS_APPENDFSYNC",
    message:
      "Redis leaves writing to disk to the system: with the machine, half a minute of the debit journal can be lost.",
    detail:
      "A crash of the Redis process alone loses nothing. To lose nothing with the machine either: appendfsync always.",
  },
};

const EVICTION = {
  code: "MINNA_REDIS_EVICTION",
  message: "Redis evicts keys that expire when its memory is full: locks and authorizations under way are among them.",
  detail:
    "Without its lock a link may be refreshed twice at once, and a customer may come back to nothing: set maxmemory-policy " +
    "noeviction.",
};

/** CONFIG is what managed servers and access lists refuse first; INFO knows nothing of appendfsync. */
const QUESTIONS = [
  ["INFO", "persistence"],
  ["INFO", "memory"],
  ["CONFIG", "GET", "append*"],
  ["CONFIG", "GET", "maxmemory*"],
] as const;

/** Asks at most once a minute, and warns once. */
export class Persistence {
  readonly #client: RedisClient;
  readonly #warned = new Set<string>();
  #freshUntil = 0;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** After a failure the next answer may come from another server. */
  forget(): void {
    this.#freshUntil = 0;
  }

  /**
   * Goes on where the server keeps what it is told, or does not say.
   *
   * @throws {@link StoreError} `store_not_durable`, and what `sendCommand` rejects with unless it is a refusal
   */
  async require(): Promise<void> {
    const now = performance.now();
    if (now < this.#freshUntil) return;
    const facts = await this.#facts();
    if ((facts.get("aof_enabled") ?? facts.get("appendonly"))?.match(/^(?:0|no)$/)) {
      throw volatile("Redis keeps no append-only file, and a crash would lose debits: set appendonly yes");
    }
    const policy = facts.get("maxmemory-policy") ?? facts.get("maxmemory_policy");
    if (policy?.startsWith("allkeys-") && facts.get("maxmemory") !== "0") {
      throw volatile("Redis evicts debits when its memory is full: set maxmemory-policy noeviction");
    }
    if (policy?.startsWith("volatile-") && facts.get("maxmemory") !== "0") this.#warn(EVICTION);
    const appendfsync = facts.get("appendfsync");
    if (appendfsync === undefined || policy === undefined) this.#warn(UNKNOWN);
    else this.#warn(APPENDFSYNC[appendfsync]);
    this.#freshUntil = now + FRESH;
  }

  /** Nothing of what the server refuses to say. A lost connection is no answer. */
  async #facts(): Promise<ReadonlyMap<string, string>> {
    const [persistence, memory, ...configuration] = await Promise.all(
      QUESTIONS.map(async question => {
        try {
          return await this.#client.sendCommand([...question]);
        } catch (error) {
          if (error instanceof Error && /^(?:NOPERM|ERR) /.test(error.message)) return undefined;
          throw error;
        }
      }),
    );
    return new Map([...fields(persistence), ...fields(memory), ...configuration.flatMap(settings)]);
  }

  #warn(warning: typeof UNKNOWN | undefined): void {
    if (warning === undefined || this.#warned.has(warning.code)) return;
    this.#warned.add(warning.code);
    const { message, code, detail } = warning;
    process.emitWarning(message, { type: "MinnaBaasWarning", code, detail });
  }
}

function volatile(reason: string): StoreError {
  return new StoreError("put", "store_not_durable", reason);
}

/** The lines `name:value` of INFO. */
function fields(info: unknown): [string, string][] {
  return String(info ?? "")
    .split(/\r?\n/)
    .flatMap(line => {
      const colon = line.indexOf(":");
      return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] satisfies [string, string]];
    });
}

/** The reply of CONFIG GET: a list of names and values in turn, or a map, as whatever the client makes of one. */
function settings(reply: unknown): [string, string][] {
  if (typeof reply !== "object" || reply === null) return [];
  const list: readonly unknown[] = Array.isArray(reply)
    ? reply
    : [...(reply instanceof Map ? reply : Object.entries(reply))].flat();
  return list.flatMap((name, at) =>
    at % 2 === 0 ? [[String(name), String(list[at + 1])] satisfies [string, string]] : [],
  );
}
