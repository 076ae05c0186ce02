import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Sandbox, SandboxFolderError, startSandbox } from "../../src/sandbox/index.js";
import { openAuthority } from "../../src/sandbox/tls/authority.js";
import { Partner } from "./partner.js";

const DAY = 86_400_000;

describe("a sandbox that keeps its keys", () => {
  let parent: string;
  let keys: string;
  let used: string;
  beforeAll(async () => {
    used = join(await mkdtemp(join(tmpdir(), "minna-baas-")), "bank");
    await (await startSandbox({ keys: used })).close();
  });
  afterAll(() => rm(join(used, ".."), { recursive: true }));
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "minna-baas-"));
    keys = join(parent, "bank");
  });
  afterEach(() => rm(parent, { recursive: true }));

  /** As if the sandbox had been there: keys take their time to be made. */
  const usedBefore = () => cp(used, keys, { recursive: true });

  const keyFile = () => join(keys, "sandbox-keys.json");
  const runOnce = async <T>(use: (sandbox: Sandbox) => T | Promise<T>): Promise<T> => {
    await using sandbox = await startSandbox({ keys });
    return await use(sandbox);
  };
  const all = (sandbox: Sandbox) =>
    runWith(sandbox, async partner => ({
      ca: sandbox.ca,
      clients: (["fapi1-advanced", "fapi2-security", "fapi2-message-signing"] as const).map(profile => {
        const { certificate, ...client } = sandbox.client(profile);
        return [certificate, "signing" in client ? client.signing : undefined];
      }),
      jwks: (await partner.call(`${sandbox.issuer}/jwks`)).json,
      server: await serverCertificate(sandbox),
      decryption: await sandbox.encryptFor("fapi2-security"),
    }));

  it("has them all again the next time, for its owner's eyes only", async () => {
    const first = await runOnce(all);
    expect(await runOnce(all)).toEqual(first);
    expect((await stat(keys)).mode & 0o777).toBe(0o700);
    expect((await readdir(keys)).sort()).toEqual([".gitignore", ".minna-baas-sandbox", "sandbox-keys.json"]);
    for (const name of await readdir(keys)) expect((await stat(join(keys, name))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(keys, ".gitignore"), "utf8")).toBe("*\n");
  });

  it("has the keys that it rotated to, and another decryption key where another is asked for", async () => {
    const [jwks, decryption] = await runOnce(async sandbox => {
      await sandbox.rotateKeys();
      await sandbox.encryptFor("fapi2-security");
      return [(await all(sandbox)).jwks, await sandbox.encryptFor("fapi2-security", { alg: "ECDH-ES" })];
    });
    const [again, ...more] = await runOnce(async sandbox => {
      expect((await all(sandbox)).jwks).toEqual(jwks);
      return (await sandbox.encryptFor("fapi1-advanced")).keys;
    });
    expect(more).toEqual([]);
    expect(decryption.keys.map(({ kid }) => kid)).not.toContain(again?.kid);
  });

  it.each([
    ["has ended", -2, -1],
    ["has not begun, since the clock was ahead when it was made", 300, 665],
  ])("renews what %s, and that alone", async (_, from, to) => {
    await usedBefore();
    const before = await runOnce(all);
    await change(keyFile(), ({ certificates }) => {
      const authority = openAuthority("minna-baas sandbox CA", certificates.authority);
      const validity = { notBefore: new Date(Date.now() + from * DAY), notAfter: new Date(Date.now() + to * DAY) };
      const commonName = "partner-fapi2-security";
      certificates[commonName] = authority.issue({ commonName, ...validity });
      const names = { dns: ["localhost"], ip: [] };
      certificates.server = authority.issue({ commonName: "localhost", names, ...validity });
    });
    const after = await runOnce(async sandbox => {
      await runWith(sandbox, partner => partner.link());
      return all(sandbox);
    });
    const [fapi1, , messages] = before.clients;
    expect([after.ca, after.clients[0], after.clients[2], after.jwks]).toEqual([
      before.ca,
      fapi1,
      messages,
      before.jwks,
    ]);
    const renewed = [after.clients[1]?.[0] as { cert: string }, { cert: after.server }];
    for (const { cert } of renewed) {
      const { validFrom, validTo } = new X509Certificate(cert);
      expect(Date.parse(validFrom)).toBeLessThan(Date.now());
      expect(Date.parse(validTo)).toBeGreaterThan(Date.now() + 300 * DAY);
    }
    expect(await runOnce(all)).toEqual(after);
  });

  it("has certificates of its authority only: of another one, all are new", async () => {
    await usedBefore();
    const before = await runOnce(all);
    await change(keyFile(), ({ certificates }) => {
      delete certificates.authority;
    });
    const after = await runOnce(async sandbox => {
      await runWith(sandbox, partner => partner.link());
      return all(sandbox);
    });
    expect(after.ca).not.toBe(before.ca);
    expect(after.server).not.toBe(before.server);
  });

  it("has an authority that is good for this machine only", async () => {
    await usedBefore();
    const ca = await runOnce(async sandbox => {
      for (const host of ["localhost", "127.0.0.1"]) {
        const url = sandbox.issuer.replace("localhost", host);
        expect(await handshake(Number(new URL(url).port), host, sandbox.ca)).toBeUndefined();
      }
      sandbox.faults.on("server-certificate-wrong-name");
      const { port } = new URL(sandbox.issuer);
      expect(await handshake(Number(port), "localhost", sandbox.ca)).toMatch(/^ERR_TLS_CERT_ALTNAME_INVALID/);
      return sandbox.ca;
    });
    // serverAuth and clientAuth: names do not bind a certificate for mail or for programs.
    expect(new X509Certificate(ca).keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    const { certificates } = JSON.parse(await readFile(keyFile(), "utf8"));
    const validity = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) };
    for (const names of [
      { dns: ["bank.example"], ip: [] },
      { dns: ["localhost.example"], ip: [] },
      { dns: ["localhost"], ip: [Buffer.from([192, 0, 2, 1])] },
    ]) {
      const stolen = openAuthority("minna-baas sandbox CA", certificates.authority);
      const server = createTlsServer(stolen.issue({ commonName: "x", names, ...validity })).listen(0, "127.0.0.1");
      await new Promise(resolve => server.once("listening", resolve));
      const { port } = server.address() as AddressInfo;
      expect(await handshake(port, names.dns[0] ?? "", ca)).toMatch(/permitted subtree violation/);
      server.close();
    }
  });

  it.each([
    ["with somebody's files in it", async () => mkdir(keys).then(() => writeFile(join(keys, "thesis.txt"), "mine"))],
    ["that is a file", () => writeFile(keys, "mine")],
  ])("refuses a folder %s, and touches nothing", async (_what, make) => {
    await make();
    const error = await startSandbox({ keys }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SandboxFolderError);
    expect(error).toMatchObject({ code: "foreign", path: keys, message: expect.stringContaining(keys) });
    if ((await stat(keys)).isDirectory()) expect(await readdir(keys)).toEqual(["thesis.txt"]);
  });

  it("keeps git away from its folder, also after the file that does so is gone", async () => {
    await usedBefore();
    await rm(join(keys, ".gitignore"));
    await runOnce(() => {});
    expect(await readFile(join(keys, ".gitignore"), "utf8")).toBe("*\n");
    await writeFile(join(keys, ".gitignore"), "/*\n");
    await runOnce(() => {});
    expect(await readFile(join(keys, ".gitignore"), "utf8")).toBe("/*\n");
  });

  it("takes a folder that is empty, and one of somebody who was killed while making it", async () => {
    await mkdir(keys, { mode: 0o755 });
    await runOnce(() => {});
    expect((await stat(keys)).mode & 0o777).toBe(0o700);
    await rm(keyFile());
    await writeFile(join(keys, "sandbox-keys.json.new"), '{"form');
    await runOnce(sandbox => expect(sandbox.ca).toMatch(/CERTIFICATE/));
  });

  it.each([
    ["no JSON", () => writeFile(keyFile(), "{"), "damaged"],
    ["another JSON", () => writeFile(keyFile(), "[]"), "damaged"],
    ["nothing", () => writeFile(keyFile(), ""), "damaged"],
    [
      "a certificate that is none",
      () =>
        change(keyFile(), ({ certificates }) => {
          certificates.server.cert = "-----BEGIN CERTIFICATE-----";
        }),
      "damaged",
    ],
    [
      "a certificate with another's key",
      () =>
        change(keyFile(), ({ certificates }) => {
          certificates.server.key = certificates.authority.key;
        }),
      "damaged",
    ],
    [
      "a key that is none",
      () =>
        change(keyFile(), file => {
          file.keys["bank PS256"].n = "";
        }),
      "damaged",
    ],
    [
      "a key without an id",
      () =>
        change(keyFile(), file => {
          delete file.keys["bank PS256"].kid;
        }),
      "damaged",
    ],
    [
      "a secret that is none",
      () =>
        change(keyFile(), file => {
          file.secrets.cookies = 7;
        }),
      "damaged",
    ],
    [
      "another version",
      () =>
        change(keyFile(), file => {
          file.version = 2;
        }),
      "other_version",
    ],
  ])("names the file that has %s in it, and leaves it", async (_what, damage, code) => {
    await usedBefore();
    await damage();
    const found = await readFile(keyFile(), "utf8");
    await expect(startSandbox({ keys })).rejects.toMatchObject({ code, path: keyFile() });
    expect(await readFile(keyFile(), "utf8")).toBe(found);
  });

  it("is alone on its folder", async () => {
    await usedBefore();
    await runOnce(async sandbox => {
      await expect(startSandbox({ keys })).rejects.toMatchObject({ code: "in_use", path: keys });
      await expect(startSandbox({ keys: join(parent, "other"), state: keys })).rejects.toMatchObject({
        code: "in_use",
      });
      await runWith(sandbox, partner => partner.link());
    });
    // What could not be had altogether has been given back.
    await using _other = await startSandbox({ keys: join(parent, "other") });
  });

  it("gives the folder back when its port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise(resolve => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    await usedBefore();
    await expect(startSandbox({ keys, port })).rejects.toMatchObject({ code: "EADDRINUSE", port });
    taken.close();
    await runOnce(() => {});
  });

  it.each([
    ["a process that is no more", async () => JSON.stringify({ pid: 2 ** 22 + 1, port: 1, id: "x" })],
    ["a process that was killed while it took it", async () => ""],
    ["something else", async () => "null"],
  ])("is not kept out by the lock of %s", async (_what, lock) => {
    await usedBefore();
    await writeFile(join(keys, "sandbox.lock"), await lock());
    await runOnce(() => expect(existsSync(join(keys, "sandbox.lock"))).toBe(true));
    expect(existsSync(join(keys, "sandbox.lock"))).toBe(false);
  });

  it("knows a lock by what its holder says: another may have its port now, or be stopped", async () => {
    await usedBefore();
    const sockets = new Set<{ destroy(): void }>();
    let says: string | undefined = "hello";
    const server = createServer(socket => {
      sockets.add(socket.on("error", () => {}));
      if (says !== undefined) socket.end(says);
    }).listen(0, "127.0.0.1");
    await new Promise(resolve => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const lock = (pid: number) => writeFile(join(keys, "sandbox.lock"), JSON.stringify({ pid, port, id: "x" }));
    await lock(process.pid);
    await runOnce(() => {});
    says = undefined;
    await lock(process.pid);
    await expect(startSandbox({ keys })).rejects.toMatchObject({ code: "in_use" });
    await lock(2 ** 22 + 1);
    await runOnce(() => {});
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it("keeps nothing unless it is told to", async () => {
    await using sandbox = await startSandbox();
    await using other = await startSandbox();
    expect(sandbox.ca).not.toBe(other.ca);
    expect(await readdir(parent)).toEqual([]);
  });

  it.each([{ keys: "" }, { state: "" }, { keys: 7 as unknown as string }])("refuses %o", async options => {
    await expect(startSandbox(options)).rejects.toThrow(RangeError);
  });
});

async function runWith<T>(sandbox: Sandbox, use: (partner: Partner) => Promise<T>): Promise<T> {
  const partner = new Partner(sandbox, "fapi2-security");
  try {
    return await use(partner);
  } finally {
    await partner.close();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the file is changed in every way.
async function change(file: string, edit: (content: any) => void): Promise<void> {
  const content = JSON.parse(await readFile(file, "utf8"));
  edit(content);
  await writeFile(file, JSON.stringify(content));
}

/** The error, if there is one: Node has a code for some. */
function handshake(port: number, servername: string, ca: string): Promise<string | undefined> {
  const name = /^\d/.test(servername) ? {} : { servername };
  return new Promise(resolve => {
    const socket = connect({ port, host: "127.0.0.1", ...name, ca });
    socket.once("secureConnect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(`${error.code} ${error.message}`));
  });
}

function serverCertificate({ issuer, ca }: Sandbox): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(issuer).port), host: "127.0.0.1", servername: "localhost", ca });
    socket.once("error", reject).once("secureConnect", () => {
      resolve(String(socket.getPeerX509Certificate()));
      socket.destroy();
    });
  });
}
