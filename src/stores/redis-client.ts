/**
 * The client that reaches Redis, as far as the store knows it.
 *
 * @module
 */
import { ConfigurationError } from "../errors.js";

/** What the store uses of a client of the package `redis`: one made by `createClient()` or `createClientPool()`. */
export interface RedisClient {
  /** Sends a command, and resolves to the server's reply. */
  sendCommand(args: string[]): Promise<unknown>;
}

/**
 * Refuses what has a `sendCommand` of another kind before the first command goes astray.
 *
 * @throws {@link ConfigurationError}
 */
export function requireClient(client: unknown): asserts client is RedisClient {
  const found = describe(client);
  if (found === undefined) return;
  throw new ConfigurationError([
    { option: "client", expected: 'a client of the package "redis" (createClient)', found },
  ]);
}

function describe(client: unknown): string | undefined {
  if (typeof client !== "object" || client === null) return client === null ? "null" : typeof client;
  // ioredis: its sendCommand() takes an object of its own.
  if ("call" in client && "status" in client) return 'a client of the package "ioredis", which takes other commands';
  if ("nodeByAddress" in client) return "a client of Redis Cluster, which has no scripts over several keys";
  if ("getMasterNode" in client)
    return "a sentinel; give { sendCommand: args => sentinel.sendCommand(false, args) } in its place";
  if (!("sendCommand" in client) || typeof client.sendCommand !== "function") return "an object without sendCommand()";
  return undefined;
}
