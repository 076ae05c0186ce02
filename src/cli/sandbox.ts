/**
 * `minna-baas sandbox`: the bank in a box, for people.
 *
 * @module
 */
import { once } from "node:events";
import {
  type RegisteredDecryption,
  type Sandbox,
  type SandboxEvent,
  type SandboxProfile,
  startSandbox,
} from "../sandbox/index.js";
import { writeConnection } from "./sandbox/connection-files.js";
import { openConsole } from "./sandbox/console.js";
import { sandboxIntroduction } from "./sandbox/introduction.js";
import { SandboxLog } from "./sandbox/log.js";
import { readSandboxOptions, type SandboxCommand } from "./sandbox/options.js";
import { sandboxTrouble } from "./sandbox/trouble.js";

const PROFILES: readonly SandboxProfile[] = ["fapi2-security", "fapi2-message-signing", "fapi1-advanced"];

/** Runs until SIGINT or SIGTERM, or until nobody reads what it says. */
export async function runSandbox(args: string[]): Promise<void> {
  const command = readSandboxOptions(args);
  const { language } = command;
  const stop = new AbortController();
  const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), once(stop.signal, "abort")]);
  const unread = (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    stop.abort();
  };
  process.stdout.on("error", unread);
  const log = new SandboxLog(language, coloured());
  const show = (event: SandboxEvent) => (command.json ? [JSON.stringify(event)] : log.lines(event)).forEach(print);
  const inWords = (error: unknown) => Promise.reject(sandboxTrouble(error, command));
  const sandbox = await startSandbox({ ...command.bank, onEvent: show }).catch((error: unknown) => {
    process.stdout.off("error", unread);
    return inWords(error);
  });
  try {
    const say = command.json ? printAside : print;
    await introduce(command, sandbox, say).catch(inWords);
    const close = process.stdin.isTTY ? openConsole(sandbox, language, say) : () => {};
    await stopped;
    close();
  } finally {
    await sandbox.close();
    process.stdout.off("error", unread);
  }
}

async function introduce(command: SandboxCommand, sandbox: Sandbox, say: (text: string) => void): Promise<void> {
  const { folder, redirectUri, language } = command;
  for (const fault of command.faults) sandbox.faults.on(fault);
  if (command.chance !== undefined) sandbox.faults.byChance(command.chance.seed, command.chance.odds);
  const decryption = await encrypt(sandbox, command.encrypted ? PROFILES : []);
  const connection = { sandbox, profiles: PROFILES, redirectUri, decryption };
  if (folder !== undefined) await writeConnection(folder, connection);
  say(sandboxIntroduction(connection, folder, language, command));
}

async function encrypt(sandbox: Sandbox, profiles: readonly SandboxProfile[]) {
  const registered = profiles.map(async profile => [profile, await sandbox.encryptFor(profile)] as const);
  return new Map<SandboxProfile, RegisteredDecryption>(await Promise.all(registered));
}

/** https://no-color.org: the variable counts where it is not empty. */
function coloured(): boolean {
  return process.stdout.isTTY === true && !process.env["NO_COLOR"];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printAside(text: string): void {
  process.stderr.write(`${text}\n`);
}
