/**
 * A file that says which running sandbox a folder belongs to. Who was killed leaves it behind, and holds nothing by it.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Lock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** A port of the loopback interface, where the holder says its id. */
  readonly port: number;
  readonly id: string;
}

/** How long a holder may take to say its id: one that is stopped says nothing. */
const PATIENCE = 1000;
/** Milliseconds, of a few system calls. */
const LONGEST_TURN = 2000;

/** Takes the lock; `undefined` while another one holds it. */
export async function takeLock(path: string): Promise<Lock | undefined> {
  const id = randomUUID();
  const server = createServer(socket => void socket.on("error", () => {}).end(id));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  server.unref();
  const holder: Holder = { pid: process.pid, port: (server.address() as AddressInfo).port, id };
  try {
    while (!written(path, holder)) {
      const found = textOf(path);
      if (await isHeld(path)) {
        server.close();
        return undefined;
      }
      await clear(path, found);
    }
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    release() {
      server.close();
      if (holderIn(path)?.id === id) rmSync(path, { force: true });
    },
  };
}

function written(path: string, holder: Holder): boolean {
  try {
    writeFileSync(path, JSON.stringify(holder), { mode: 0o600, flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Clears away what was found, one process at a time: meanwhile another may have done so, and hold the lock. */
async function clear(path: string, found: string | undefined): Promise<void> {
  const turn = `${path}.turn`;
  try {
    writeFileSync(turn, "", { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    await sleep(20);
    // Who was killed in their turn does not come back.
    if ((statSync(turn, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) < Date.now() - LONGEST_TURN)
      rmSync(turn, { force: true });
    return;
  }
  try {
    if (textOf(path) === found) rmSync(path, { force: true });
  } finally {
    rmSync(turn, { force: true });
  }
}

async function isHeld(path: string): Promise<boolean> {
  // Between its making and its writing, the file is empty for a moment.
  if (holderIn(path) === undefined) await sleep(50);
  const holder = holderIn(path);
  if (holder === undefined) return false;
  const said = await idAt(holder.port);
  return said === undefined ? false : said === holder.id || (said === "" && isAlive(holder.pid));
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function holderIn(path: string): Holder | undefined {
  try {
    const holder: Partial<Holder> | null = JSON.parse(textOf(path) ?? "");
    const { pid, port, id } = holder ?? {};
    if (!Number.isInteger(pid) || !Number.isInteger(port) || typeof id !== "string") return undefined;
    return { pid: Number(pid), port: Number(port), id };
  } catch {
    return undefined;
  }
}

/** What is said at a port; nothing at all where nobody listens, and an empty string where somebody keeps silent. */
function idAt(port: number): Promise<string | undefined> {
  return new Promise(resolve => {
    let said = "";
    const socket = connect({ port, host: "127.0.0.1" });
    const timer = setTimeout(() => socket.destroy(), PATIENCE);
    let connected = false;
    socket.setEncoding("utf8");
    socket.once("connect", () => {
      connected = true;
    });
    socket.on("data", (text: string) => {
      said += text;
      if (said.length > 100) socket.destroy();
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(connected ? said : undefined);
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
