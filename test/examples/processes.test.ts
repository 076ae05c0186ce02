import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { MemoryStore, MinnaClient, type MinnaClientOptions } from "minna-baas";
import { postgresStore } from "minna-baas/postgres";
import { type Sandbox, type SandboxOptions, startSandbox } from "minna-baas/sandbox";
import pg from "pg";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { work } from "../../examples/worker.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const database = process.env["MINNA_TEST_POSTGRES"];
if (database === undefined) console.log("The worker's own process is not tested: MINNA_TEST_POSTGRES is not set.");

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "examples"], {
    cwd: root,
  });
});

/** A running example, what it has said so far, and how to wait for more of it. */
class Example {
  readonly process: ChildProcess;
  readonly said: string[] = [];
  readonly exited: Promise<unknown[]>;
  #heard = () => {};

  constructor(file: string, environment: Readonly<Record<string, string>>) {
    this.process = spawn(process.execPath, [join(root, ".build/examples", file)], {
      env: { PATH: process.env["PATH"], ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.exited = once(this.process, "exit");
    const { stdout } = this.process;
    if (stdout === null) throw new Error("the output is a pipe");
    createInterface(stdout).on("line", line => {
      this.said.push(line);
      this.#heard();
    });
    onTestFinished(() => void this.process.kill("SIGKILL"));
  }

  async says(text: string): Promise<void> {
    while (!this.said.some(line => line.includes(text))) {
      await new Promise<void>((resolve, reject) => {
        this.#heard = resolve;
        this.exited.then(() => reject(new Error(`ended without saying ${text}:\n${this.said.join("\n")}`)), reject);
      });
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "localhost");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

async function startBank(options: SandboxOptions = {}): Promise<Sandbox> {
  const bank = await startSandbox(options);
  onTestFinished(() => bank.close());
  return bank;
}

/** What the env file of `minna-baas sandbox --write` holds. */
async function environmentOf(bank: Sandbox, redirectUri?: string): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "minna-example-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const client = bank.client("fapi2-security");
  const files = Object.entries(client.certificate).map(async ([name, pem]) => {
    await writeFile(join(folder, `${name}.pem`), pem);
    return [`MINNA_${name.toUpperCase()}_FILE`, join(folder, `${name}.pem`)];
  });
  return {
    ...Object.fromEntries(await Promise.all(files)),
    MINNA_PROFILE: client.profile,
    MINNA_ISSUER: client.issuer,
    MINNA_CLIENT_ID: client.clientId,
    MINNA_REDIRECT_URI: redirectUri ?? client.redirectUri,
    MINNA_API_BASE_URL: client.api.baseUrl,
  };
}

async function link(bank: Sandbox, minna: MinnaClient, customer: string): Promise<string> {
  const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-1", scopes: ["debit"] });
  return (await minna.links.complete(await bank.approve(authorizationUrl, { customer }), { transaction })).id;
}

describe("the shop's process", { timeout: 60_000 }, () => {
  it("starts a bank of its own, and ends at SIGTERM", async () => {
    const port = await freePort();
    const shop = new Example("shop/main.js", { PORT: String(port) });
    await shop.says("Ctrl+C");
    expect(shop.said.join("\n")).toContain(`http://localhost:${port}`);
    expect(shop.said.join("\n")).toContain("sandbox-hanako");
    const page = await fetch(`http://localhost:${port}/`);
    expect(await page.text()).toContain("お客さま A としてログイン");
    shop.process.kill("SIGTERM");
    expect(await shop.exited).toEqual([0, null]);
  });

  it("goes to the bank of its environment, and finishes a debit before it ends", async () => {
    const port = await freePort();
    const origin = `http://localhost:${port}`;
    const redirectUri = `${origin}/bank/callback`;
    let ended: Promise<unknown[]> | undefined;
    const bank = await startBank({
      redirectUris: [redirectUri],
      onEvent({ endpoint, method }) {
        if (endpoint !== "api" || method !== "POST") return;
        shop.process.kill("SIGTERM"); // the money has moved, and the answer is not sent yet
        ended = shop.exited;
      },
    });
    const shop = new Example("shop/main.js", { PORT: String(port), ...(await environmentOf(bank, redirectUri)) });
    await shop.says("Ctrl+C");

    const cookies = new Map<string, string>();
    const visit = async (path: string, form?: string) => {
      const cookie = [...cookies].map(pair => pair.join("=")).join("; ");
      const post = {
        method: "POST",
        body: form ?? "",
        headers: { cookie, origin, "content-type": "application/x-www-form-urlencoded" },
      };
      const response = await fetch(origin + path, {
        redirect: "manual",
        ...(form === undefined ? { headers: { cookie } } : post),
      });
      for (const set of response.headers.getSetCookie()) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
        cookies.set(name, value);
      }
      return response;
    };
    await visit("/login", "customer=shop-1001");
    const { headers } = await visit("/bank/link");
    const callback = new URL(await bank.approve(headers.get("location") ?? ""));
    expect((await visit(callback.pathname + callback.search)).headers.get("location")).toBe("/account");
    const [, path = ""] = /action="(\/orders\/[^"]+\/pay)"/.exec(await (await visit("/")).text()) ?? [];
    const paid = await visit(path, "");
    expect([paid.status, `${paid.headers.get("location")}/pay`]).toEqual([303, path]);
    expect(bank.ledger.entries.map(({ amount }) => amount)).toEqual([-300]);
    expect(await ended).toEqual([0, null]);
  });
});

describe("the worker", { timeout: 60_000 }, () => {
  it("settles what is open, round after round, and goes on after an error", async () => {
    const bank = await startBank();
    const store = new MemoryStore();
    const minna = new MinnaClient({ ...bank.client("fapi2-security"), store });
    onTestFinished(() => minna.close());
    const linkId = await link(bank, minna, "saburo");
    bank.faults.on("debit-stuck-processing");
    await minna.link(linkId).debits.create({ reference: "order-1", amount: 500, description: "ﾎﾝ" });

    const ending = new AbortController();
    const lines: string[] = [];
    const told: string[] = [];
    await work(minna, {
      signal: ending.signal,
      every: 1,
      onRecovered({ reference, outcome }) {
        told.push(`${reference} ${outcome}`);
        if (told.length === 1) throw new TypeError("the orders are locked");
        if (told.length === 2) bank.faults.off();
        if (outcome === "settled") ending.abort();
      },
      log: line => lines.push(JSON.stringify(line)),
    });
    expect(told).toEqual(["order-1 processing", "order-1 processing", "order-1 settled"]);
    expect(lines).toEqual([
      '{"event":"debit","reference":"order-1","outcome":"processing","status":"processing"}',
      '{"event":"recover failed","code":"TypeError"}',
      '{"event":"debit","reference":"order-1","outcome":"processing","status":"processing"}',
      '{"event":"debit","reference":"order-1","outcome":"settled","status":"succeeded"}',
    ]);
  });

  it.skipIf(database === undefined)(
    "is a process that settles what another left open, and ends at SIGTERM",
    async () => {
      const admin = new pg.Pool({ connectionString: database });
      const name = `minna_worker_${process.pid}`;
      await admin.query(`CREATE SCHEMA ${name}`);
      const url = new URL(database ?? "");
      url.searchParams.set("options", `-c search_path=${name}`);
      const pool = new pg.Pool({ connectionString: url.href });
      const bank = await startBank();
      const minna = new MinnaClient({
        ...bank.client("fapi2-security"),
        store: postgresStore(pool),
      } as MinnaClientOptions);
      onTestFinished(async () => {
        await minna.close();
        await pool.end();
        await admin.query(`DROP SCHEMA ${name} CASCADE`);
        await admin.end();
      });
      const linkId = await link(bank, minna, "saburo");
      await minna.link(linkId).debits.create({ reference: "order-1", amount: 500, description: "ﾎﾝ" });
      expect(bank.ledger.entries).toEqual([]);

      const worker = new Example("worker.js", { DATABASE_URL: url.href, ...(await environmentOf(bank)) });
      await worker.says('"outcome":"settled","status":"succeeded"');
      worker.process.kill("SIGTERM");
      expect(await worker.exited).toEqual([0, null]);
      expect(worker.said.at(-1)).toContain('"event":"stopped"');
      expect(bank.ledger.entries.map(({ amount }) => amount)).toEqual([-500]);
    },
  );
});
