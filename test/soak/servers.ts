/** The databases of a run: those that the environment names, or servers of its own. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { StoreKind } from "./stores.js";

export interface Server extends AsyncDisposable {
  readonly url: string;
}

const VARIABLES: Readonly<Record<StoreKind, string>> = { postgres: "MINNA_TEST_POSTGRES", redis: "MINNA_TEST_REDIS" };
const DEBIAN = "/usr/lib/postgresql";

/** A server to use; one that was started here ends with it, and everything in it. */
export async function serverOf(kind: StoreKind): Promise<Server> {
  const url = process.env[VARIABLES[kind]];
  if (url !== undefined && url !== "") return { url, async [Symbol.asyncDispose]() {} };
  const folder = mkdtempSync(join(tmpdir(), `minna-soak-${kind}-`));
  try {
    return await (kind === "postgres" ? startPostgres(folder) : startRedis(folder));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const why = error instanceof Error ? error.message : String(error);
    const known = kind === "postgres" ? `Debian's PostgreSQL (${DEBIAN})` : "redis-server";
    throw new Error(`There is no ${kind} to use. Set ${VARIABLES[kind]} to a URL, or install ${known}. (${why})`);
  }
}

async function startPostgres(folder: string): Promise<Server> {
  const [newest] = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  const bin = join(DEBIAN, newest ?? "", "bin");
  // PostgreSQL refuses to be run by root.
  const user = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "minna", "--auth=trust", "-E", "UTF8"], {
    ...user,
    stdio: "ignore",
    cwd: folder,
  });
  const port = await freePort();
  const settings = ["-D", data, "-p", String(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"];
  const child = spawn(join(bin, "postgres"), settings, { ...user, stdio: "ignore", cwd: folder });
  await ready(child, () => execFileSync(join(bin, "pg_isready"), ["-h", "127.0.0.1", "-p", String(port)]));
  return running(child, `postgres://minna@127.0.0.1:${port}/postgres`, folder);
}

function idOf(which: "-u" | "-g"): number {
  return Number(execFileSync("id", [which, "postgres"], { encoding: "utf8" }));
}

async function startRedis(folder: string): Promise<Server> {
  const port = await freePort();
  const settings = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--appendonly",
    "yes",
    "--save",
    "",
  ];
  const child = spawn("redis-server", settings, { stdio: "ignore" });
  await ready(child, () => execFileSync("redis-cli", ["-p", String(port), "ping"], { stdio: "ignore" }));
  return running(child, `redis://127.0.0.1:${port}`, folder);
}

async function ready(child: ChildProcess, ask: () => unknown): Promise<void> {
  let failed: unknown;
  child.once("error", error => {
    failed = error;
  });
  for (let attempt = 0; attempt < 100; attempt++) {
    await sleep(100);
    if (failed !== undefined) throw failed;
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    try {
      ask();
      return;
    } catch {
      // Not yet.
    }
  }
  child.kill("SIGKILL");
  throw new Error("it does not answer");
}

function running(child: ChildProcess, url: string, folder: string): Server {
  return {
    url,
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      // PostgreSQL ends its sessions at once; to Redis it is the same as SIGTERM.
      child.kill("SIGINT");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
