/**
 * `minna-baas sandbox`: the bank in a box, for people.
 *
 * @module
 */
import { once } from "node:events";
import { parseArgs } from "node:util";
import {
  type FaultName,
  type RegisteredDecryption,
  type Sandbox,
  type SandboxEvent,
  type SandboxOptions,
  type SandboxProfile,
  startSandbox,
} from "../sandbox/index.js";
import { type FaultChance, faultChance } from "./chance.js";
import { writeConnection } from "./connection-files.js";
import { faultList, faultName } from "./fault-list.js";
import { UsageError } from "./usage.js";

export const SANDBOX_HELP: string = `Usage: minna-baas sandbox [options]

Starts a bank on this machine, and shows what it receives until it is stopped.

Options:
  --port N                    the port for browsers (default: any free one)
  --mtls-port N               the port for the partner's server (default: any free one)
  --redirect-uri URL          register another redirect URI for every client (repeatable)
  --write FOLDER              write certificates and keys into a new folder
  --encrypt                   encrypt ID Tokens and signed responses; the keys come with --write
  --signed-userinfo           answer userinfo with a signed JWT
  --rotate-refresh-tokens     end a refresh token when it is used, and give a new one
  --refresh-token-retry-seconds N
                              how long it may be used again by who missed the new one (default: 0)
  --access-token-seconds N    how long an access token lives (default: 300)
  --fault NAME                make the bank misbehave (repeatable)
  --chance SEED:NAME=ODDS,…   leave faults to chance: 7:api-429=0.1,debit-409=0.05

Faults:
${faultList()}`;

const PROFILES: readonly SandboxProfile[] = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"];

/** Runs until SIGINT or SIGTERM. */
export async function runSandbox(args: string[]): Promise<void> {
  const options = read(args);
  const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  const sandbox = await startSandbox({ ...options.bank, onEvent: event => print(line(event)) });
  try {
    for (const fault of options.faults) sandbox.faults.on(fault);
    if (options.chance !== undefined) sandbox.faults.byChance(options.chance.seed, options.chance.odds);
    const decryption = await encrypt(sandbox, options.encrypted ? PROFILES : []);
    if (options.folder !== undefined) await writeConnection(options.folder, sandbox, PROFILES, decryption);
    print(introduction(sandbox, options.folder));
    await stopped;
  } finally {
    await sandbox.close();
  }
}

async function encrypt(sandbox: Sandbox, profiles: readonly SandboxProfile[]) {
  const registered = profiles.map(async profile => [profile, await sandbox.encryptFor(profile)] as const);
  return new Map<SandboxProfile, RegisteredDecryption>(await Promise.all(registered));
}

interface Options {
  readonly bank: SandboxOptions;
  readonly folder: string | undefined;
  readonly encrypted: boolean;
  readonly faults: readonly FaultName[];
  readonly chance: FaultChance | undefined;
}

function read(args: string[]): Options {
  const { values } = parse(args);
  if (values.encrypt && values.write === undefined) throw new UsageError("--encrypt needs --write, for the keys");
  return {
    bank: {
      port: port("--port", values.port),
      mtlsPort: port("--mtls-port", values["mtls-port"]),
      redirectUris: (values["redirect-uri"] ?? []).map(redirectUri),
      signedUserinfo: values["signed-userinfo"],
      rotateRefreshTokens: values["rotate-refresh-tokens"],
      refreshTokenRetrySeconds: seconds("--refresh-token-retry-seconds", values["refresh-token-retry-seconds"], 0),
      accessTokenSeconds: seconds("--access-token-seconds", values["access-token-seconds"], 1),
    },
    folder: values.write,
    encrypted: values.encrypt,
    faults: (values.fault ?? []).map(faultName),
    chance: values.chance === undefined ? undefined : faultChance(values.chance),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: "string" },
        "mtls-port": { type: "string" },
        "redirect-uri": { type: "string", multiple: true },
        write: { type: "string" },
        encrypt: { type: "boolean", default: false },
        "signed-userinfo": { type: "boolean", default: false },
        "rotate-refresh-tokens": { type: "boolean", default: false },
        "refresh-token-retry-seconds": { type: "string", default: "0" },
        "access-token-seconds": { type: "string", default: "300" },
        fault: { type: "string", multiple: true },
        chance: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function port(option: string, value = "0"): number {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new UsageError(`${option} must be a port number`);
}

function seconds(option: string, value: string, least: number): number {
  if (/^\d{1,5}$/.test(value) && Number(value) >= least && Number(value) <= 86_400) return Number(value);
  throw new UsageError(`${option} must be a number of seconds, at most a day`);
}

function redirectUri(value: string): string {
  if (/^https?:\/\//.test(value) && URL.canParse(value) && !value.includes("#")) return value;
  throw new UsageError("--redirect-uri must be an http or https URL without a fragment");
}

function introduction(sandbox: Sandbox, folder: string | undefined): string {
  const clients = PROFILES.map(profile => `  ${profile.padEnd(24)}${sandbox.client(profile).clientId}`);
  const customers = sandbox.customers.map(
    ({ id, password, note }) => `  ${id.padEnd(10)}${password.padEnd(18)}${note}`,
  );
  const keys =
    folder === undefined
      ? "Keys and certificates: tests get them from startSandbox(); --write FOLDER writes them to files."
      : `Keys and certificates: ${folder}`;
  return [
    "みんなの銀行 サンドボックス",
    "",
    `Issuer        ${sandbox.issuer}`,
    `API           ${sandbox.apiBaseUrl}`,
    `Redirect URI  ${sandbox.client("fapi2-security").redirectUri}`,
    "",
    "Clients",
    ...clients,
    "",
    "Customers (id, password)",
    ...customers,
    "",
    keys,
    "Stop with Ctrl+C.",
    "",
  ].join("\n");
}

function line({ at, channel, endpoint, method, path, status, clientId, detail }: SandboxEvent): string {
  const details = Object.entries(detail).map(([name, value]) => `${name}=${value}`);
  const what = `${method} ${path}`.trim();
  return [at.slice(11, 19), channel.padEnd(7), endpoint.padEnd(13), status, what, clientId ?? "-", ...details].join(
    " ",
  );
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
