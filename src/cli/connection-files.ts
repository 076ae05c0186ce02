/**
 * What a partner needs to connect to the sandbox, as files that only their owner can read.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RegisteredDecryption, Sandbox, SandboxProfile } from "../sandbox/index.js";

const OWNER_ONLY = { mode: 0o600, flag: "wx" } as const;

/** Writes `ca.pem`, and a folder for each client, into a folder that must not exist yet. */
export async function writeConnection(
  folder: string,
  sandbox: Sandbox,
  profiles: readonly SandboxProfile[],
  decryption: ReadonlyMap<SandboxProfile, RegisteredDecryption> = new Map(),
): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  await writeFile(join(folder, "ca.pem"), sandbox.ca, OWNER_ONLY);
  for (const profile of profiles) {
    const { certificate, ...client } = sandbox.client(profile);
    const own = join(folder, profile);
    await mkdir(own, { mode: 0o700 });
    await writeFile(join(own, "cert.pem"), certificate.cert, OWNER_ONLY);
    await writeFile(join(own, "key.pem"), certificate.key, OWNER_ONLY);
    if ("signing" in client) {
      await writeFile(join(own, "signing.jwk.json"), json(client.signing.key), OWNER_ONLY);
    }
    const encrypted = decryption.get(profile);
    if (encrypted !== undefined) await writeFile(join(own, "decryption.json"), json(encrypted), OWNER_ONLY);
    const { issuer, clientId, redirectUri, api } = client;
    await writeFile(join(own, "options.json"), json({ profile, issuer, clientId, redirectUri, api }), OWNER_ONLY);
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
