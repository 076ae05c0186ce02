/** Where things are broken one at a time: a sandbox, a folder, and what is started on the way. */
import type { ServerResponse } from "node:http";
import type { ServerOptions } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import type { Patient, Settings } from "../../../src/cli/doctor/check.js";
import type { Status } from "../../../src/cli/doctor/finding.js";
import type { Profile } from "../../../src/index.js";
import { type FaultName, type Sandbox, startSandbox } from "../../../src/sandbox/index.js";
import { newAuthority, serverCertificate } from "../../support/certificates.js";
import { startServer } from "../../support/tls-server.js";
import type { Made } from "./certificates.js";
import { asModule, Folder, type Variables } from "./patients.js";

/** One thing that is broken. */
export interface Broken {
  readonly how: string;
  /** The finding that comes first where it is a problem, the default. */
  readonly id: string;
  readonly status?: Status;
  readonly settings?: Partial<Settings>;
  readonly says?: RegExp;
  readonly patient: (ward: Ward) => Patient | Promise<Patient>;
}

export const OFFLINE: Partial<Settings> = { offline: true };

export class Ward {
  readonly bank: Sandbox;
  readonly folder: Folder;
  readonly #closing: (() => Promise<unknown>)[] = [];

  private constructor(bank: Sandbox, folder: Folder) {
    this.bank = bank;
    this.folder = folder;
  }

  static async open(): Promise<Ward> {
    return new Ward(...(await Promise.all([startSandbox(), Folder.make()])));
  }

  options(overrides: object = {}, profile: Profile = "fapi2-security"): Patient {
    return asModule({ ...this.bank.client(profile), ...overrides });
  }

  async files(
    change: (variables: Variables) => Variables | Promise<Variables>,
    profile: Profile = "fapi2-security",
  ): Promise<Patient> {
    const variables = await this.folder.connection(this.bank, profile);
    return this.folder.patient({ ...variables, ...(await change(variables)) });
  }

  withFault(name: FaultName, profile: Profile = "fapi2-security"): Patient {
    this.bank.faults.on(name);
    return this.options({}, profile);
  }

  withCertificate({ cert, key }: Pick<Made, "cert" | "key">, passphrase?: string): Patient {
    const { ca } = this.bank.client("fapi2-security").certificate;
    return this.options({ certificate: { cert, key, ca, ...(passphrase !== undefined && { passphrase }) } });
  }

  /** The bank's API on a server that is like this. */
  async withApi(
    server: ServerOptions,
    reply: (response: ServerResponse) => unknown = response => response.writeHead(404).end(),
  ): Promise<Patient> {
    const ours = newAuthority();
    const started = await startServer({ ...serverCertificate(ours), ...server }, (_, response) => void reply(response));
    this.#closing.push(started.close);
    const { certificate } = this.bank.client("fapi2-security");
    return this.options({
      api: { baseUrl: started.url },
      certificate: { ...certificate, ca: [certificate.ca, ours.certificate] },
    });
  }

  async portOf(server: Server): Promise<number> {
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
    this.#closing.push(() => new Promise(resolve => server.close(resolve)));
    return (server.address() as AddressInfo).port;
  }

  /** A port that takes connections, and says nothing. */
  async silent(): Promise<number> {
    const server = createTcpServer(socket => this.#closing.unshift(async () => socket.destroy()));
    return this.portOf(server);
  }

  /** As if nothing had been broken. */
  async mend(): Promise<void> {
    this.bank.faults.off();
    await Promise.all(this.#closing.splice(0).map(close => close()));
  }

  async close(): Promise<void> {
    await Promise.all([this.bank.close(), this.folder.remove()]);
  }
}

/** A port where nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
