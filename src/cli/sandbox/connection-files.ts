/**
 * What a partner needs to connect to the sandbox, as files that only their owner can read.
 *
 * @module
 */
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { RegisteredDecryption, Sandbox, SandboxProfile } from "../../sandbox/index.js";
import { type Variables, variableLines } from "../environment-file.js";

/** For who would add variables of their own, and lose them. */
const NOTE = "# Written anew by minna-baas sandbox when it starts. Keep variables of your own in another --env-file.";

export interface Connection {
  readonly sandbox: Sandbox;
  readonly profiles: readonly SandboxProfile[];
  readonly redirectUri: string;
  /** The keys of the clients whom the bank answers in encrypted form. */
  readonly decryption: ReadonlyMap<SandboxProfile, RegisteredDecryption>;
}

/** The variables of one profile, where the files are in this folder; without one, those that need no file. */
export function variablesOf(
  { sandbox, redirectUri, decryption }: Omit<Connection, "profiles">,
  profile: SandboxProfile,
  folder?: string,
): Variables {
  const client = sandbox.client(profile);
  const file = (...names: readonly string[]) => resolve(folder ?? "", ...names);
  const files: Variables = [
    ["MINNA_CERT_FILE", file(profile, "cert.pem")],
    ["MINNA_KEY_FILE", file(profile, "key.pem")],
    ["MINNA_CA_FILE", file("ca.pem")],
    ...("signing" in client ? [["MINNA_SIGNING_FILE", file(profile, "signing.jwk.json")] as const] : []),
    ...(decryption.has(profile) ? [["MINNA_DECRYPTION_FILE", file(profile, "decryption.jwks.json")] as const] : []),
  ];
  return [
    ["MINNA_PROFILE", profile],
    ["MINNA_ISSUER", client.issuer],
    ["MINNA_CLIENT_ID", client.clientId],
    ["MINNA_REDIRECT_URI", redirectUri],
    ["MINNA_API_BASE_URL", client.api.baseUrl],
    ...(folder === undefined ? [] : files),
  ];
}

export function environmentFile(folder: string, profile: SandboxProfile): string {
  return join(folder, `${profile}.env`);
}

/**
 * Writes `ca.pem`, and for each profile a folder of keys and a file of variables. What is as it should be stays untouched:
 * the partner may be watching it.
 */
export async function writeConnection(folder: string, connection: Connection): Promise<void> {
  const { sandbox, profiles, decryption } = connection;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await write(join(folder, "ca.pem"), sandbox.ca);
  for (const profile of profiles) {
    const client = sandbox.client(profile);
    const own = join(folder, profile);
    await mkdir(own, { recursive: true, mode: 0o700 });
    await write(join(own, "cert.pem"), client.certificate.cert);
    await write(join(own, "key.pem"), client.certificate.key);
    if ("signing" in client) await write(join(own, "signing.jwk.json"), json(client.signing.key));
    const encrypted = decryption.get(profile);
    const keys = join(own, "decryption.jwks.json");
    if (encrypted === undefined) await rm(keys, { force: true });
    else await write(keys, json({ keys: encrypted.keys.map(({ key }) => key) }));
    const variables = variableLines(variablesOf(connection, profile, folder));
    await write(environmentFile(folder, profile), `${[NOTE, ...variables].join("\n")}\n`);
  }
}

/** Whoever reads meanwhile has the old file or the new one. */
async function write(file: string, text: string): Promise<void> {
  const found = await readFile(file, "utf8").catch(() => undefined);
  if (found !== text) {
    await rm(`${file}.new`, { force: true });
    await writeFile(`${file}.new`, text, { mode: 0o600, flag: "wx" });
    await rename(`${file}.new`, file);
  }
  await chmod(file, 0o600);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
