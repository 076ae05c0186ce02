import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMAND, variables } from "./command-process.js";

// Of util-linux: it makes a terminal, where a shell has jobs.
const SCRIPT = "script";
const hasTerminals = process.platform === "linux" && spawnSync(SCRIPT, ["--version"]).status === 0;

if (!hasTerminals) console.log("The sandbox in a terminal is not tested: script of util-linux is not there.");

describe.skipIf(!hasTerminals)("minna-baas sandbox in a terminal", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "minna-baas-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const start = () =>
    `'${process.execPath}' '${COMMAND}' sandbox --port 0 --mtls-port 0 --lang en --write '${folder}/bank'`;
  const status = async () => {
    const { MINNA_ISSUER } = await variables(join(folder, "bank"), "fapi2-security");
    return statusOf(`${MINNA_ISSUER}/.well-known/openid-configuration`);
  };

  it("answers from the background of a shell", async () => {
    await using shell = new Shell();
    await shell.type(`${start()} &\n`, /Stop with Ctrl\+C/);
    // What the shell is told wakes whoever reads the terminal.
    await shell.type("echo so$((6 * 7))far\n", /so42far/);
    expect(await status()).toBe(200);
    await shell.type("fg\n", /fg\r?\n[\s\S]*sandbox --port/);
    await shell.type(CTRL_C, /\^C/);
    await shell.type("echo ended$?\n", /ended0/);
  });

  it("takes lines in the foreground, and goes on when it is sent to the background", async () => {
    await using shell = new Shell();
    await shell.type(`${start()}\n`, /Stop with Ctrl\+C/);
    await shell.type("fault api-429\n", /api-429 is on\./);
    await shell.type(CTRL_Z, /Stopped/);
    await shell.type("fg\n", /fg\r?\n[\s\S]*sandbox --port/);
    await shell.type("off\n", /All faults are off\./);
    await shell.type(CTRL_Z, /Stopped[\s\S]*Stopped/);
    await shell.type("bg; echo so$((6 * 7))far\n", /so42far/);
    await shell.type("echo so$((6 * 8))far\n", /so48far/);
    expect(await status()).toBe(200);
    await shell.type("kill %1; wait %1; echo ended$?\n", /ended0/);
  });
});

const CTRL_C = "\u0003";
const CTRL_Z = "\u001a";

/** A shell that has a terminal, and ends what runs in it. */
class Shell implements AsyncDisposable {
  readonly #script = spawn(SCRIPT, ["-qfec", "bash --norc -i", "/dev/null"], {
    env: { PATH: process.env["PATH"], PS1: "$ ", TERM: "dumb" },
  });
  #out = "";

  constructor() {
    this.#script.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#out += text;
    });
  }

  /** Types; resolves once the words are on the terminal. */
  async type(keys: string, words: RegExp): Promise<void> {
    this.#script.stdin.write(keys);
    const signal = AbortSignal.timeout(15_000);
    while (!words.test(this.#out)) {
      await once(this.#script.stdout, "data", { signal }).catch(() => expect.fail(`${words} in: ${this.#out}`));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A shell's jobs outlive it.
    this.#script.stdin.end("jobs -p | xargs -r kill -9\nexit\nexit\n");
    const late = setTimeout(() => this.#script.kill("SIGKILL"), 5_000);
    await once(this.#script, "exit");
    clearTimeout(late);
  }
}

/** Rejects where nobody answers: a process that is stopped takes connections all the same. */
async function statusOf(url: string): Promise<number | undefined> {
  const asked = request(url, { agent: false, rejectUnauthorized: false, timeout: 5_000 }).end();
  asked.once("timeout", () => asked.destroy(new Error("no answer")));
  const [response] = await once(asked, "response");
  asked.destroy();
  return response.statusCode;
}
