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
import { faultList } from "./sandbox/fault-list.js";
import { sandboxIntroduction } from "./sandbox/introduction.js";
import { SandboxLog } from "./sandbox/log.js";
import { readSandboxOptions, type SandboxCommand } from "./sandbox/options.js";
import { sandboxTrouble } from "./sandbox/trouble.js";

export const SANDBOX_HELP: string = `Usage: minna-baas sandbox [options]

Starts a bank on this machine, and shows what it receives until it is stopped.

  minna-baas sandbox --write .minna-bank
  node --env-file=.minna-bank/fapi2-security.env app.js      (in another terminal)

Options:
  --write FOLDER              keep keys and certificates in a folder, with a file of variables
                              (MINNA_…) for each profile; used again at the next start
  --state FOLDER              keep what the bank knows: money, debits, grants and tokens live on
                              after a restart; keeps the keys too, unless --write does
  --redirect-uri URL          register this redirect URI for every client (repeatable), beside
                              http://localhost:3000/bank/callback; the first one is written
  --port N                    the port for browsers (default: 9443; 0: any free one)
  --mtls-port N               the port for the partner's server (default: 9444)
  --lang ja|en                the language (default: the environment's)
  --json                      print each event as a line of JSON, and all else to stderr
  --encrypt                   encrypt ID Tokens and signed responses; the keys come with --write
  --signed-userinfo           answer userinfo with a signed JWT
  --rotate-refresh-tokens     end a refresh token when it is used, and give a new one
  --refresh-token-retry-seconds N
                              how long it may be used again by who missed the new one (default: 0)
  --access-token-seconds N    how long an access token lives (default: 300)
  --fault NAME                make the bank misbehave (repeatable)
  --chance SEED:NAME=ODDS,…   leave faults to chance: 7:api-429=0.1,debit-409=0.05

While it runs in a terminal, it takes: fault NAME, off NAME, off, faults, customers, help.

Faults:
${faultList()}`;

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
  say(sandboxIntroduction(connection, folder, language));
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
