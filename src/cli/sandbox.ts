/**
 * `minna-baas sandbox`: the bank in a box, for people.
 *
 * @module
 */
import { once } from "node:events";
import { parseArgs } from "node:util";
import {
  FAULT_NAMES,
  type FaultName,
  type Sandbox,
  type SandboxEvent,
  type SandboxProfile,
  startSandbox,
} from "../sandbox/index.js";
import { writeConnection } from "./connection-files.js";
import { UsageError } from "./usage.js";

export const SANDBOX_HELP = `Usage: minna-baas sandbox [options]

Starts a bank on this machine, and shows what it receives until it is stopped.

Options:
  --port N             the port for browsers (default: any free one)
  --mtls-port N        the port for the partner's server (default: any free one)
  --redirect-uri URL   register another redirect URI for every client (repeatable)
  --write FOLDER       write certificates and keys into a new folder
  --fault NAME         switch a misbehaviour on (repeatable)`;

const PROFILES: readonly SandboxProfile[] = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"];

/** Runs until SIGINT or SIGTERM. */
export async function runSandbox(args: string[]): Promise<void> {
  const options = read(args);
  const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  const sandbox = await startSandbox({
    port: options.port,
    mtlsPort: options.mtlsPort,
    redirectUris: options.redirectUris,
    onEvent: event => print(line(event)),
  });
  try {
    for (const fault of options.faults) sandbox.faults.on(fault);
    if (options.folder !== undefined) await writeConnection(options.folder, sandbox, PROFILES);
    print(introduction(sandbox, options.folder));
    await stopped;
  } finally {
    await sandbox.close();
  }
}

interface Options {
  readonly port: number;
  readonly mtlsPort: number;
  readonly redirectUris: readonly string[];
  readonly folder: string | undefined;
  readonly faults: readonly FaultName[];
}

function read(args: string[]): Options {
  const { values } = parse(args);
  return {
    port: port("--port", values.port),
    mtlsPort: port("--mtls-port", values["mtls-port"]),
    redirectUris: (values["redirect-uri"] ?? []).map(redirectUri),
    folder: values.write,
    faults: (values.fault ?? []).map(faultName),
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
        fault: { type: "string", multiple: true },
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

function redirectUri(value: string): string {
  if (/^https?:\/\//.test(value) && URL.canParse(value) && !value.includes("#")) return value;
  throw new UsageError("--redirect-uri must be an http or https URL without a fragment");
}

function faultName(value: string): FaultName {
  const name = FAULT_NAMES.find(known => known === value);
  if (name !== undefined) return name;
  throw new UsageError(`no fault is called ${value}; there are:\n  ${FAULT_NAMES.join("\n  ")}`);
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
