import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SandboxProfile } from "../../src/sandbox/index.js";
import { asCustomer, CommandProcess, fromFiles, portsOf, variables } from "./command-process.js";
import { Partner } from "./partner.js";

const PROFILES: readonly SandboxProfile[] = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"];
const ANY_PORTS = ["--port", "0", "--mtls-port", "0"];
const ACCOUNT = "/accounts/acc-hanako-ordinary";

describe("minna-baas sandbox, as a process", () => {
  let parent: string;
  beforeAll(async () => {
    parent = await realpath(await mkdtemp(join(tmpdir(), "minna baas-")));
  });
  afterAll(() => rm(parent, { recursive: true }));

  it("keeps a debit, the money, the link and the idempotency key when it is killed after its answer", async () => {
    const folder = join(parent, "killed");
    const options = ["--write", folder, "--state", folder];
    await using first = await CommandProcess.start([...options, ...ANY_PORTS]);
    const bank = await fromFiles(folder, "fapi2-security");
    const partner = new Partner(bank, "fapi2-security");
    const tokens = await partner.link();
    const statement = async (token: string) =>
      (await partner.call(`${ACCOUNT}/transactions?dateFrom=2000-01-01`, { token })).json;
    const before = await statement(tokens.access_token);
    const body = { partnerTransactionId: "order-1", amount: 1980 };
    const answered = await partner.debit(tokens.access_token, body, "key-1");
    expect(answered.json.status).toBe("succeeded");
    expect(await first.end("SIGKILL")).toBeNull();

    await using second = await CommandProcess.start([...options, ...(await portsOf(folder))]);
    const again = await partner.refresh(tokens.refresh_token ?? "");
    for (const token of [tokens.access_token, again.access_token]) {
      expect((await partner.call(`${ACCOUNT}/balance`, { token })).json.balance).toBe("1498020");
      const repeated = await partner.debit(token, body, "key-1");
      expect([repeated.status, repeated.json]).toEqual([201, answered.json]);
      expect((await partner.debit(token, body, "key-2")).json.code).toBe("already_processed");
    }
    const after = await statement(again.access_token);
    // The page is full: what has come since is beyond it.
    expect(after.transactions).toEqual(before.transactions);
    expect(second.out).toContain("1,498,020 yen");
    await partner.close();
  });

  it("keeps each refresh token that it gave, killed after each", async () => {
    const folder = join(parent, "rotated");
    const options = ["--state", folder, "--write", folder, "--rotate-refresh-tokens"];
    let command = await CommandProcess.start([...options, ...ANY_PORTS]);
    const partner = new Partner(await fromFiles(folder, "fapi2-security"), "fapi2-security");
    let { refresh_token: token = "" } = await partner.link();
    for (let times = 0; times < 2; times++) {
      expect(await command.end("SIGKILL")).toBeNull();
      command = await CommandProcess.start([...options, ...(await portsOf(folder))]);
      token = (await partner.refresh(token)).refresh_token ?? "";
    }
    expect(await command.end("SIGTERM")).toBe(0);
    await partner.close();
  });

  it("has kept all that it answered, and can be read, whenever it is killed", async () => {
    const folder = join(parent, "any time");
    const options = ["--write", folder, "--state", folder];
    let command = await CommandProcess.start([...options, ...ANY_PORTS]);
    const partner = new Partner(await fromFiles(folder, "fapi2-security"), "fapi2-security");
    const ports = await portsOf(folder);
    const { access_token: token } = await partner.link();
    const answered = new Map<string, string>();
    for (const [round, answers] of [1, 7, 20].entries()) {
      let left = answers;
      const ended = once(command.process, "exit");
      const charge = async (reference: string) => {
        for (let times = 0; left > 0; times++) {
          const key = `${reference}-${times}`;
          const { status, json } = await partner.debit(token, { partnerTransactionId: key, amount: 1 }, key);
          expect(status).toBe(201);
          answered.set(key, json.debitId);
          left -= 1;
          if (left === 0) command.process.kill("SIGKILL");
        }
      };
      await Promise.allSettled(["a", "b", "c", "d"].map(name => charge(`${round}-${name}`)));
      await ended;
      command = await CommandProcess.start([...options, ...ports]);
      for (const [key, debitId] of answered) {
        const { json } = await partner.call(`/direct-debits?partnerTransactionId=${key}`, { token });
        expect(json.directDebits).toMatchObject([{ debitId, status: "succeeded" }]);
      }
      // Those whose answer was on its way may be there too: the money says how many, and so does the statement.
      const { json } = await partner.call(`${ACCOUNT}/balance`, { token });
      const moved = 1_500_000 - Number(json.balance);
      expect(moved).toBeGreaterThanOrEqual(answered.size);
      expect(moved).toBeLessThanOrEqual(answered.size + 4 * (round + 1));
    }
    expect(answered.size).toBeGreaterThanOrEqual(28);
    await partner.close();
    expect(await command.end("SIGTERM")).toBe(0);
  }, 60_000);

  it.each(PROFILES)(
    "serves an app that was configured by --env-file alone, before and after a restart: %s",
    async profile => {
      const folder = join(parent, `for ${profile}`);
      const options = ["--write", folder, "--state", join(parent, `state of ${profile}`), "--encrypt"];
      await using first = await CommandProcess.start([...options, ...ANY_PORTS]);
      const app = startApp(join(folder, `${profile}.env`));
      const begun = await app.ask("begin");
      const ca = await readFile(join(folder, "ca.pem"), "utf8");
      const { id } = await app.ask(
        "complete",
        await asCustomer(begun.authorizationUrl, "hanako", ca),
        begun.transaction,
      );
      expect(await app.ask("charge", id, "order-1", 100)).toMatchObject({ status: "succeeded" });
      expect(await first.end("SIGTERM")).toBe(0);
      await using _second = await CommandProcess.start([...options, ...(await portsOf(folder))]);
      expect(await app.ask("charge", id, "order-2", 200)).toMatchObject({ status: "succeeded" });
      expect(await app.ask("status", id)).toMatchObject({ status: "active" });
      expect(await app.end()).toBe(0);
    },
  );

  it("writes variables that a shell reads as Node does", async () => {
    const folder = join(parent, "it's $HOME `x`");
    const refused = await CommandProcess.run(["--write", folder, ...ANY_PORTS]);
    expect(refused.err).toMatch(/can't be written into an environment file/);
    expect([refused.code, existsSync(folder)]).toEqual([2, false]);
    const fine = join(parent, 'a "b" $HOME `c` \\ ja 銀行');
    await using _command = await CommandProcess.start(["--write", fine, ...ANY_PORTS]);
    const file = join(fine, "fapi2-message-signing.env");
    const print =
      "process.stdout.write(JSON.stringify(Object.entries(process.env).filter(([n]) => /^MINNA_/.test(n)).sort()))";
    const env = { PATH: process.env["PATH"] };
    const byNode = spawnSync(process.execPath, [`--env-file=${file}`, "-e", print], { env, encoding: "utf8" });
    const byShell = spawnSync("sh", ["-c", 'set -a; . "$1"; exec "$2" -e "$3"', "sh", file, process.execPath, print], {
      env,
      encoding: "utf8",
    });
    expect(byNode.stderr + byShell.stderr).toBe("");
    expect(JSON.parse(byShell.stdout)).toEqual(JSON.parse(byNode.stdout));
    expect(Object.fromEntries(JSON.parse(byNode.stdout))).toEqual(await variables(fine, "fapi2-message-signing"));
    expect(JSON.parse(byNode.stdout)).toContainEqual(["MINNA_CA_FILE", join(fine, "ca.pem")]);
  });

  it.each(["--port", "--mtls-port"])("names the port that is in use, and %s", async option => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const { err, code } = await CommandProcess.run([...ANY_PORTS, option, String(port)]);
    expect(err).toMatch(new RegExp(`^minna-baas: port ${port} is in use: .* ${option}\\.\n$`));
    expect(code).toBe(1);
    taken.close();
  });

  it.each(["--write", "--state"])("says where it can't write, and what to name: %s", async option => {
    const file = join(parent, "file");
    await writeFile(file, "");
    const { err, code } = await CommandProcess.run([option, join(file, "bank"), ...ANY_PORTS]);
    expect(err).toMatch(
      /^minna-baas: .*bank can't be read and written \(ENOTDIR\): name folders with --write and --state/,
    );
    expect(code).toBe(1);
  });

  it("says so of a file in its folder too", async () => {
    const folder = join(parent, "bank");
    await using command = await CommandProcess.start(["--write", folder, ...ANY_PORTS]);
    await command.end("SIGTERM");
    await rm(join(folder, "fapi2-security"), { recursive: true });
    await writeFile(join(folder, "fapi2-security"), "");
    const { err, code } = await CommandProcess.run(["--write", folder, ...ANY_PORTS]);
    expect(err).toMatch(/^minna-baas: .*fapi2-security can't be read and written \(EEXIST\)/);
    expect(code).toBe(1);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends well by %s", async signal => {
    await using command = await CommandProcess.start(ANY_PORTS);
    expect(await command.end(signal)).toBe(0);
    expect(command.err).toBe("");
  });

  it("ends well when nobody reads it any more", async () => {
    await using command = await CommandProcess.start(["--write", join(parent, "unread"), ...ANY_PORTS]);
    command.process.stdout?.destroy();
    const partner = new Partner(await fromFiles(join(parent, "unread"), "fapi2-security"), "fapi2-security");
    await partner.call("/accounts").catch(() => {});
    expect(await command.ended()).toBe(0);
    expect(command.err).toBe("");
    await partner.close();
  });

  it("prints events as JSON, and nothing else among them", async () => {
    const folder = join(parent, "json");
    await using command = await CommandProcess.start(["--write", folder, "--json", ...ANY_PORTS]);
    const partner = new Partner(await fromFiles(folder, "fapi2-security"), "fapi2-security");
    const { access_token: token } = await partner.link("taro");
    await partner.debit(token, { amount: 500, partnerTransactionId: "order-9" });
    await command.says(/order-9/);
    const events = command.out
      .trim()
      .split("\n")
      .map(line => JSON.parse(line));
    expect(events.map(({ endpoint }) => endpoint)).toEqual(
      expect.arrayContaining(["par", "authorization", "token", "api"]),
    );
    expect(events.at(-1).detail).toMatchObject({ debitStatus: "failed", failure: "insufficient_funds" });
    await partner.close();
  });
});

/** The app as a partner starts it, with nothing in its environment but the file. */
function startApp(file: string) {
  const app = spawn(process.execPath, [`--env-file=${file}`, resolve(import.meta.dirname, "app.mjs")], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], NODE_NO_WARNINGS: "1" },
  });
  const lines = createInterface({ input: app.stdout })[Symbol.asyncIterator]();
  return {
    // biome-ignore lint/suspicious/noExplicitAny: what the app answers is looked into.
    async ask(...given: unknown[]): Promise<any> {
      app.stdin.write(`${JSON.stringify(given)}\n`);
      return JSON.parse((await lines.next()).value ?? "null");
    },
    async end(): Promise<number | null> {
      app.stdin.end();
      if (app.exitCode === null) await once(app, "exit");
      return app.exitCode;
    },
  };
}
