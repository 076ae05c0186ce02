/** Redis servers of a test's own, for settings that no shared server can have. Each listens on a socket file only. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "redis";

export const hasRedisServer: boolean = spawnSync("redis-server", ["--version"]).status === 0;

/** What the tests use of a client. */
export type TestClient = ReturnType<typeof createClient>;

export class RedisServer {
  readonly #directory: string;
  readonly #settings: readonly string[];
  readonly #clients: TestClient[] = [];
  #process: ChildProcess | undefined;

  private constructor(directory: string, settings: readonly string[]) {
    this.#directory = directory;
    this.#settings = settings;
  }

  /** Starts a server that listens. @param settings - As on its command line: `["--appendonly", "yes"]`. */
  static async start(...settings: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer(await mkdtemp(join(tmpdir(), "minna-redis-")), settings);
    await server.restart();
    return server;
  }

  get #path(): string {
    return join(this.#directory, "redis.sock");
  }

  /** Starts it again on the files it left. */
  async restart(): Promise<void> {
    const base = ["--port", "0", "--unixsocket", this.#path, "--dir", this.#directory, "--save", ""];
    const child = spawn("redis-server", [...base, ...this.#settings], { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    for await (const chunk of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
      if (/ready to accept connections/i.test(String(chunk))) break;
    }
    child.stdout.resume();
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async connect(options: { username?: string; password?: string } = {}): Promise<TestClient> {
    const socket = { path: this.#path, tls: false as const, reconnectStrategy: 20 };
    const client = createClient({ ...options, socket, disableOfflineQueue: true }) as TestClient;
    client.on("error", () => {});
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) if (client.isOpen) client.destroy();
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
