/**
 * The built command `minna-baas sandbox` as a process of its own, and what a partner gets to know of it.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { visitBank } from "../../src/sandbox/browser.js";
import type { Sandbox, SandboxProfile } from "../../src/sandbox/index.js";

export const COMMAND: string = resolve(import.meta.dirname, "../../dist/cli/main.js");

export class CommandProcess implements AsyncDisposable {
  readonly process: ChildProcess;
  out = "";
  err = "";
  readonly #exit: Promise<unknown>;

  private constructor(args: readonly string[], env: Record<string, string>) {
    this.process = spawn(process.execPath, [COMMAND, "sandbox", "--lang", "en", ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], ...env },
    });
    this.#exit = once(this.process, "exit");
    this.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
  }

  /** Starts it, and waits until it listens. */
  static async start(args: readonly string[], env: Record<string, string> = {}): Promise<CommandProcess> {
    const command = new CommandProcess(args, env);
    await command.says(/Stop with Ctrl\+C/);
    return command;
  }

  /** Runs it to its end. */
  static async run(args: readonly string[]): Promise<{ out: string; err: string; code: number | null }> {
    const command = new CommandProcess(args, {});
    return { code: await command.ended(), out: command.out, err: command.err };
  }

  /** Resolves once it has said so, on either stream. */
  async says(words: RegExp): Promise<void> {
    while (!words.test(this.out + this.err)) {
      const more = [this.process.stdout, this.process.stderr].map(stream => stream && once(stream, "data"));
      await Promise.race([...more, this.#exit.then(() => Promise.reject(new Error(`it ended: ${this.err}`)))]);
    }
  }

  /** Ends it; resolves with its exit code, and with null where the signal was its end. */
  async end(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<number | null> {
    this.process.kill(signal);
    return this.ended();
  }

  async ended(): Promise<number | null> {
    await this.#exit;
    return this.process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.end("SIGKILL");
  }
}

/** The variables that the command wrote for a profile. */
export async function variables(folder: string, profile: SandboxProfile): Promise<Record<string, string>> {
  return parseEnv(await readFile(join(folder, `${profile}.env`), "utf8")) as Record<string, string>;
}

/** As much of the sandbox as a partner needs, from the files that the command wrote. */
export async function fromFiles(folder: string, profile: SandboxProfile): Promise<Sandbox> {
  const env = await variables(folder, profile);
  const [ca = "", cert = "", key = ""] = await Promise.all(
    ["MINNA_CA_FILE", "MINNA_CERT_FILE", "MINNA_KEY_FILE"].map(name => readFile(env[name] ?? "", "utf8")),
  );
  const client = {
    profile,
    issuer: env["MINNA_ISSUER"],
    clientId: env["MINNA_CLIENT_ID"],
    redirectUri: env["MINNA_REDIRECT_URI"],
    api: { baseUrl: env["MINNA_API_BASE_URL"] },
    certificate: { cert, key, ca },
  };
  return {
    ca,
    apiBaseUrl: env["MINNA_API_BASE_URL"],
    issuer: env["MINNA_ISSUER"],
    client: () => client,
    approve: (url: string | URL, { customer = "hanako" } = {}) => asCustomer(url, customer, ca),
  } as unknown as Sandbox;
}

/** Goes through the bank's pages as a customer who allows everything; resolves with the callback URL. */
export function asCustomer(url: string | URL, id: string, ca: string): Promise<string> {
  const customer = { id, password: `sandbox-${id}`, name: "", note: "", accounts: [] };
  return visitBank(new URL(url), customer, "allow", undefined, ca);
}

/** The ports of before, to start with again. */
export async function portsOf(folder: string): Promise<string[]> {
  const { MINNA_ISSUER = "", MINNA_API_BASE_URL = "" } = await variables(folder, "fapi2-security");
  return ["--port", new URL(MINNA_ISSUER).port, "--mtls-port", new URL(MINNA_API_BASE_URL).port];
}
