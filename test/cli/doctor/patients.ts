/** What is to be examined in tests: the options of a sandbox's client, as a module or as files. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examine, type Patient, type Settings } from "../../../src/cli/doctor/check.js";
import { CHECKS } from "../../../src/cli/doctor/checks.js";
import type { Finding } from "../../../src/cli/doctor/finding.js";
import { admit } from "../../../src/cli/doctor/patient.js";
import type { Profile } from "../../../src/index.js";
import type { Sandbox } from "../../../src/sandbox/index.js";

export type Variables = Record<string, string>;

const SETTINGS: Settings = { timeout: 5_000, offline: false, push: false };

/** A partner's module, without the module. */
export function asModule(options: object, environment: Variables = {}): Patient {
  return { file: "doctor.mjs", environment, content: { kind: "module", options } };
}

export async function findingsOf(patient: Patient, settings: Partial<Settings> = {}): Promise<readonly Finding[]> {
  const groups = await examine(CHECKS, patient, { ...SETTINGS, ...settings });
  return groups.flatMap(({ findings }) => findings);
}

/** A folder of a test's own. */
export class Folder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), "minna baas ")));
  }

  async write(name: string, content: string | Buffer, mode = 0o600): Promise<string> {
    const path = join(this.path, name);
    await rm(path, { force: true });
    await writeFile(path, content, { mode });
    return path;
  }

  /** The files of a sandbox's client, and the variables that name them. */
  async connection(bank: Sandbox, profile: Profile): Promise<Variables> {
    const client = bank.client(profile);
    const { cert, key, ca } = client.certificate;
    const signing =
      "signing" in client
        ? { MINNA_SIGNING_FILE: await this.write("signing.jwk.json", JSON.stringify(client.signing.key)) }
        : {};
    return {
      MINNA_PROFILE: profile,
      MINNA_ISSUER: client.issuer,
      MINNA_CLIENT_ID: client.clientId,
      MINNA_REDIRECT_URI: client.redirectUri,
      MINNA_CERT_FILE: await this.write("cert.pem", cert),
      MINNA_KEY_FILE: await this.write("key.pem", key),
      MINNA_CA_FILE: await this.write("ca.pem", ca),
      MINNA_API_BASE_URL: client.api.baseUrl,
      ...signing,
    };
  }

  /** An env file of these variables. */
  async environment(variables: Variables): Promise<string> {
    const lines = Object.entries(variables).map(([name, value]) => `${name}="${value}"\n`);
    return this.write("bank.env", lines.join(""));
  }

  /** The same, read. */
  async patient(variables: Variables, shell: Variables = {}): Promise<Patient> {
    return admit(await this.environment(variables), SETTINGS.timeout, shell);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
