import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sandbox, type SandboxOptions, startSandbox } from "../../src/sandbox/index.js";
import { Folder } from "../../src/sandbox/keeping/folder.js";
import { JournalArchive } from "../../src/sandbox/keeping/journal-archive.js";
import { Partner, type Tokens } from "./partner.js";

const DAY = 86_400_000;
const FIRST_DAY = Date.parse("2026-04-01T03:00:00Z");

describe("a sandbox that keeps what it knows", () => {
  let state: string;
  let ports: SandboxOptions;
  let used: string;
  beforeAll(async () => {
    used = join(await mkdtemp(join(tmpdir(), "minna-baas-")), "bank");
    await (await startSandbox({ keys: used })).close();
  });
  afterAll(() => rm(join(used, ".."), { recursive: true }));
  beforeEach(async () => {
    state = join(await mkdtemp(join(tmpdir(), "minna-baas-")), "bank");
    // Keys take their time to be made.
    await cp(used, state, { recursive: true });
    ports = {};
  });
  afterEach(() => rm(join(state, ".."), { recursive: true }));

  const file = () => join(state, "sandbox-state.jsonl");
  /** On the same ports, as its issuer is a part of what partners know. */
  const run = async <T>(
    use: (partner: Partner, sandbox: Sandbox) => Promise<T>,
    options: SandboxOptions = {},
  ): Promise<T> => {
    await using sandbox = await startSandbox({ state, ...ports, ...options });
    ports = { port: portIn(sandbox.issuer), mtlsPort: portIn(sandbox.apiBaseUrl) };
    const partner = new Partner(sandbox, "fapi2-security");
    try {
      return await use(partner, sandbox);
    } finally {
      await partner.close();
    }
  };
  it("has the same keys and the same links, and no file that others can read", async () => {
    const [{ access_token: token }, ca] = await run(async (partner, { ca }) => [await partner.link(), ca] as const);
    await run(async (partner, sandbox) => {
      expect(sandbox.ca).toBe(ca);
      expect((await partner.call("/accounts", { token })).status).toBe(200);
    });
    expect((await readdir(state)).sort()).toEqual([
      ".gitignore",
      ".minna-baas-sandbox",
      "sandbox-keys.json",
      "sandbox-state.jsonl",
    ]);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  it("knows its debits: open ones hold their money, and end; returned ones came back", async () => {
    const [saburo, hanako] = await run(async (partner, sandbox) => {
      const open = await partner.link("saburo");
      await partner.debit(open.access_token, { amount: 10_000, partnerTransactionId: "open" }, "key");
      const done = await partner.link("hanako");
      await partner.debit(done.access_token, { amount: 700, partnerTransactionId: "returned" });
      sandbox.faults.on("debit-returned");
      await find(partner, done, "returned");
      return [open, done];
    });
    await run(async (partner, { ledger }) => {
      expect(await balance(partner, saburo, "saburo")).toEqual(["310000", "300000"]);
      const body = { amount: 10_000, partnerTransactionId: "open" };
      const { status, json } = await partner.debit(saburo.access_token, body, "key");
      expect([status, json.status]).toEqual([201, "processing"]);
      expect(await find(partner, saburo, "open")).toMatchObject([{ debitId: json.debitId, status: "succeeded" }]);
      expect(await find(partner, hanako, "returned")).toMatchObject([{ status: "returned" }]);
      expect(ledger.entries.map(({ amount }) => amount)).toEqual([-700, 700, -10_000]);
    });
    await run(async (partner, { ledger }) => {
      expect(await balance(partner, saburo, "saburo")).toEqual(["300000", "300000"]);
      expect(await find(partner, saburo, "open")).toMatchObject([{ status: "succeeded" }]);
      expect(ledger.entries.map(({ balance }) => balance)).toEqual([1_499_300, 1_500_000, 300_000]);
    });
  });

  it("has the statement of before, rows that came late in their places too, however many days have passed", async () => {
    const rows = async (partner: Partner, token: string, clock: number) => {
      const dateFrom = "2026-03-30";
      const { json } = await partner.call(`/accounts/acc-hanako-ordinary/transactions?dateFrom=${dateFrom}`, { token });
      expect(json.baseDate).toBe(new Date(clock).toISOString().slice(0, 10));
      return json.transactions;
    };
    const [token, before] = await run(
      async (partner, sandbox) => {
        const { access_token: token } = await partner.link();
        await partner.debit(token, { amount: 1200 });
        sandbox.faults.on("page-row-inserted", { times: 1 });
        await partner.call("/accounts/acc-hanako-ordinary/transactions?dateFrom=2026-03-30", { token });
        await partner.call("/accounts/acc-hanako-ordinary/transactions?dateFrom=2026-03-30&nextItemKey=nothing", {
          token,
        });
        return [token, await rows(partner, token, FIRST_DAY)] as const;
      },
      { now: () => FIRST_DAY, pageSize: 500 },
    );
    expect(before.length).toBeGreaterThan(5);
    const later = FIRST_DAY + 20 * DAY;
    const after = await run(partner => rows(partner, token, later), { now: () => later });
    expect(after).toEqual(before);
  });

  it("forgets an idempotency key after its day, as it would have", async () => {
    const body = { amount: 1, partnerTransactionId: "order-1" };
    const clock = (now: number) => ({ now: () => now });
    const tokens = await run(async partner => {
      const linked = await partner.link();
      expect((await partner.debit(linked.access_token, body, "key")).status).toBe(201);
      return linked;
    }, clock(FIRST_DAY));
    const again = (now: number) =>
      run(async partner => (await partner.debit(tokens.access_token, body, "key")).json, clock(now));
    expect(await again(FIRST_DAY + DAY - 1000)).toMatchObject({ partnerTransactionId: "order-1" });
    expect(await again(FIRST_DAY + DAY)).toMatchObject({ code: "already_processed" });
  });

  it("knows its grants: extended, revoked, expired", async () => {
    const [extended, revoked, expired] = await run(async (partner, sandbox) => {
      const [first, second, third] = [await partner.link(), await partner.link("taro"), await partner.link("reiko")];
      const { apiBaseUrl } = sandbox;
      const grants = apiBaseUrl.replace("/v1", "/grants");
      const body = { json: { expiresAt: "2031-01-02" }, token: first.access_token };
      expect((await partner.call(`${grants}/${first.grant_id}/extensions`, body)).status).toBe(201);
      const { status } = await partner.call(`${grants}/${second.grant_id}`, {
        method: "DELETE",
        token: second.access_token,
      });
      expect(status).toBe(204);
      sandbox.faults.on("grant-expired", { times: 1 });
      await partner.call("/accounts", { token: third.access_token });
      return [first, second, third];
    });
    await run(async (partner, { apiBaseUrl }) => {
      const grants = apiBaseUrl.replace("/v1", "/grants");
      const { json } = await partner.call(`${grants}/${extended?.grant_id}`, { token: extended?.access_token ?? "" });
      expect(json).toMatchObject({ status: "active", expiresAt: "2031-01-02T23:59:59+09:00" });
      const code = async (tokens: Tokens | undefined) =>
        (await partner.call("/accounts", { token: tokens?.access_token ?? "" })).json.code;
      expect([await code(revoked), await code(expired)]).toEqual(["grant_revoked", "grant_expired"]);
      for (const ended of [revoked, expired]) {
        await expect(partner.refresh(ended?.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
      }
    });
  });

  it("knows which refresh tokens were rotated away", async () => {
    const options = { rotateRefreshTokens: true };
    const [old, fresh] = await run(async partner => {
      const { refresh_token: first = "" } = await partner.link();
      return [first, (await partner.refresh(first)).refresh_token ?? ""];
    }, options);
    await run(async (partner, sandbox) => {
      const { refresh_token: next = "" } = await partner.refresh(fresh);
      expect(next).not.toBe(fresh);
      await expect(partner.refresh(old)).rejects.toMatchObject({ error: "invalid_grant" });
      expect(sandbox.events.at(-1)?.detail["refresh"]).toBe("reused");
    }, options);
  });

  it("has tokens as a fault made them", async () => {
    const { access_token: token, grant_id: grant } = await run(async (partner, sandbox) => {
      sandbox.faults.on("token-scope-narrowed", { times: 1 });
      return partner.link();
    });
    const revocation = await run((partner, { apiBaseUrl }) =>
      partner.call(`${apiBaseUrl.replace("/v1", "/grants")}/${grant}`, { method: "DELETE", token }),
    );
    expect([revocation.status, revocation.json.code]).toEqual([403, "insufficient_scope"]);
  });

  it("goes on with a login that was under way", async () => {
    let cookies = "";
    const begun = await run(async (partner, { ca }) => {
      const { url, checks } = await partner.begin();
      const dispatcher = new Agent({ connect: { ca } });
      const { headers } = await request(url, { dispatcher });
      cookies = [headers["set-cookie"] ?? []]
        .flat()
        .map(cookie => cookie.split(";")[0])
        .join("; ");
      await dispatcher.close();
      return { checks, page: String(headers["location"]) };
    });
    await run(async (_partner, { ca, issuer }) => {
      const dispatcher = new Agent({ connect: { ca } });
      const page = await request(new URL(begun.page, issuer), { dispatcher, headers: { cookie: cookies } });
      expect([page.statusCode, await page.body.text()]).toEqual([200, expect.stringContaining('name="password"')]);
      await dispatcher.close();
    });
  });

  it.each([
    ["a line that was changed", (text: string) => text.replace('"amount":1200', '"amount":1300'), "damaged"],
    ["no header", (text: string) => text.slice(text.indexOf("\n") + 1), "damaged"],
    ["something else", () => "{}\n", "damaged"],
    ["nothing", () => "", "damaged"],
    ["a line twice", (text: string) => text.replace(/^.*"amount":1200.*\n/m, "$&$&"), "damaged"],
    ["a line left out", (text: string) => text.replace(/\n.*\n/, "\n"), "damaged"],
    ["lines in another order", (text: string) => text.replace(/^(.*\n)(.*\n)(.*\n)/, "$1$3$2"), "damaged"],
    ["a line missing its start", (text: string) => text.replace(/\n.{5}/, "\n"), "damaged"],
  ])("names the file with %s, and leaves it", async (_what, damage, code) => {
    await run(async partner => partner.debit((await partner.link()).access_token, { amount: 1200 }));
    const damaged = damage(await readFile(file(), "utf8"));
    await writeFile(file(), damaged);
    await expect(startSandbox({ state })).rejects.toMatchObject({ code, path: file() });
    expect(await readFile(file(), "utf8")).toBe(damaged);
  });

  it("takes what was cut off in the middle of a line for what nobody was told of", async () => {
    const token = await run(async partner => {
      const { access_token } = await partner.link();
      await partner.debit(access_token, { amount: 1200 });
      return access_token;
    });
    await writeFile(file(), `${await readFile(file(), "utf8")}AAAAAAAAAAAA [["debits","x",{"amo`);
    await run(async (partner, { ledger }) => {
      expect(ledger.entries).toHaveLength(1);
      await partner.debit(token, { amount: 300 });
    });
    await run(async (_partner, { ledger }) =>
      expect(ledger.entries.map(({ amount }) => amount)).toEqual([-1200, -300]),
    );
  });

  it("refuses what was kept beside other keys, or by another version", async () => {
    await run(async partner => partner.link());
    const keys = join(state, "..", "other keys");
    await expect(startSandbox({ state, keys })).rejects.toMatchObject({ code: "other_keys", path: file() });
    await run(async () => {});
    const folder = await Folder.open(state);
    const archive = JournalArchive.open(folder, await keysIn(file()));
    archive.close();
    folder.close();
    const { createHash } = await import("node:crypto");
    const header = JSON.stringify({ format: "minna-baas sandbox state", version: 2, keys: "" });
    const digest = createHash("sha256").update(header).digest("base64url").slice(0, 12);
    await writeFile(file(), `${digest} ${header}\n`);
    await expect(startSandbox({ state })).rejects.toMatchObject({ code: "other_version", path: file() });
  });

  it("leaves its links when the keys are in another folder, and that is named again", async () => {
    const keys = join(state, "..", "keys");
    const token = await run(async partner => (await partner.link()).access_token, { keys });
    expect(await readFile(join(state, "sandbox-keys.json"), "utf8")).not.toBe(
      await readFile(join(keys, "sandbox-keys.json"), "utf8"),
    );
    const { status } = await run(partner => partner.call("/accounts", { token }), { keys });
    expect(status).toBe(200);
  });

  it("gives no answer where it can't write, and has lost nothing then", async () => {
    const folder = await Folder.open(state);
    const archive = JournalArchive.open(folder, "k");
    const table = archive.table<{ n: unknown }>("t");
    table.put("a", { n: 1 });
    archive.save();
    const endless: { self?: unknown } = {};
    endless.self = endless;
    table.put("b", { n: endless });
    expect(() => archive.save()).toThrow();
    table.put("b", { n: 2 });
    archive.save();
    archive.close();
    expect(JournalArchive.open(folder, "k").table("t").kept).toEqual([
      ["a", { n: 1 }],
      ["b", { n: 2 }],
    ]);
    folder.close();
  });

  it("has a file that does not grow for ever", async () => {
    const folder = await Folder.open(state);
    const archive = JournalArchive.open(folder, "k");
    const table = archive.table<{ text: string }>("t");
    const text = "x".repeat(100_000);
    for (let times = 0; times < 600; times++) {
      table.put(String(times % 3), { text: `${text}${times}` });
      if (times > 2) table.delete(String((times + 1) % 3));
      archive.save();
    }
    expect((await stat(file())).size).toBeLessThan(18 * 1024 * 1024);
    archive.close();
    const again = JournalArchive.open(folder, "k").table<{ text: string }>("t").kept;
    expect(again.map(([id, { text }]) => [id, text.slice(100_000)]).sort()).toEqual([
      ["1", "598"],
      ["2", "599"],
    ]);
    folder.close();
  });
});

async function find(partner: Partner, { access_token: token }: Tokens, reference: string): Promise<unknown> {
  return (await partner.call(`/direct-debits?partnerTransactionId=${reference}`, { token })).json.directDebits;
}

async function balance(partner: Partner, { access_token: token }: Tokens, customer: string): Promise<string[]> {
  const { json } = await partner.call(`/accounts/acc-${customer}-ordinary/balance`, { token });
  return [json.balance, json.withdrawableAmount];
}

async function keysIn(path: string): Promise<string> {
  const [header = ""] = (await readFile(path, "utf8")).split("\n");
  return JSON.parse(header.slice(13)).keys;
}

function portIn(url: string): number {
  return Number(new URL(url).port);
}
