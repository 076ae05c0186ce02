/** Certificates and keys that change while calls are under way, over real mTLS. */
import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type ClientCertificate,
  ConfigurationError,
  type Decryption,
  MemoryStore,
  type MinnaClient,
  type SigningKey,
} from "../../src/index.js";
import { type Sandbox, type SandboxEvent, startSandbox } from "../../src/sandbox/index.js";
import { rejection } from "../support/errors.js";
import { connect, link } from "../support/partner.js";

const PROFILE = "fapi2-security";
const CLIENT_ID = "partner-fapi2-security";
const DAY = 24 * 60 * 60 * 1000;

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox({ rotateRefreshTokens: true, accessTokenSeconds: 86_400 });
});
afterAll(() => bank.close());
const warned = vi.spyOn(process, "emitWarning");
beforeEach(() => {
  warned.mockReset();
  warned.mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
});

/** Another certificate of the same client, each a minute younger than the one before. */
let issued = 0;
function nextCertificate(): ClientCertificate & { readonly cert: string; readonly key: string } {
  const notBefore = new Date(Date.now() - DAY + ++issued * 60_000);
  return { ...bank.issueCertificate({ commonName: CLIENT_ID, notBefore }), ca: bank.ca };
}

function refreshes(events: readonly SandboxEvent[]): SandboxEvent[] {
  return events.filter(({ endpoint, detail }) => endpoint === "token" && detail["grantType"] === "refresh_token");
}

/** Every request to the API was accepted, and the certificates that they were made with. */
function certificatesUsed(events: readonly SandboxEvent[]): Set<string | undefined> {
  const api = events.filter(({ endpoint }) => endpoint === "api");
  expect(api.filter(({ status }) => status >= 400)).toEqual([]);
  return new Set(api.map(({ certificate }) => certificate));
}

let orders = 0;

/** Keeps `lanes` calls under way for each link until it is told to stop; a quarter of them debits. */
function load(
  minna: MinnaClient,
  ids: readonly string[],
  lanes: number,
): { readonly calls: () => number; stop(): Promise<void> } {
  let calls = 0;
  let running = true;
  const lane = async (id: string, number: number) => {
    while (running) {
      if (number % 4 === 0) {
        const reference = `order-${++orders}`;
        const debit = await minna.link(id).debits.create({ reference, amount: 10, description: "ﾎﾝ" });
        expect(debit.status).not.toBe("failed");
      } else await minna.link(id).accounts.list();
      calls++;
    }
  };
  const all = Promise.all(ids.flatMap(id => Array.from({ length: lanes }, (_, number) => lane(id, number))));
  return {
    calls: () => calls,
    stop: async () => {
      running = false;
      await all;
    },
  };
}

/** Waits until calls are made with a certificate. */
async function inUse({ cert }: { readonly cert: string }): Promise<void> {
  const thumbprint = createHash("sha256").update(new X509Certificate(cert).raw).digest("base64url");
  await vi.waitUntil(() => bank.events.at(-1)?.certificate === thumbprint, { timeout: 15_000, interval: 5 });
}

/** Lets so much time pass by the clock. */
function pass(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });
}

/** Lets so many more calls end. */
async function more(running: { calls(): number }, count: number): Promise<void> {
  const target = running.calls() + count;
  await vi.waitUntil(() => running.calls() >= target, { timeout: 15_000, interval: 5 });
}

describe("under load, a certificate", () => {
  let minna: MinnaClient;
  let ids: string[];
  let since: number;

  async function start(certificate: unknown): Promise<void> {
    // Longer than the clock is put forward meanwhile.
    minna = connect(bank, PROFILE, { certificate: certificate as ClientCertificate, timeout: 600_000 });
    const links = [await link(bank, minna), await link(bank, minna), await link(bank, minna)];
    ids = links.map(({ id }) => id);
    since = bank.events.length;
  }
  afterEach(() => minna.close());

  /** Nothing failed, each link was refreshed once for each new certificate, and nobody was warned. */
  function expectSmooth(certificates: number): void {
    const events = bank.events.slice(since);
    expect(certificatesUsed(events).size).toBe(certificates);
    expect(refreshes(events)).toHaveLength(ids.length * (certificates - 1));
    expect(refreshes(events).every(({ status }) => status === 200)).toBe(true);
    expect(warned).not.toHaveBeenCalled();
  }

  it("is changed three times by hand, and no call notices", async () => {
    await start(bank.client(PROFILE).certificate);
    const running = load(minna, ids, 4);
    const debitsBefore = bank.ledger.entries.length;
    for (let rotation = 0; rotation < 3; rotation++) {
      await more(running, 60);
      const rotated = await minna.rotateCertificate(nextCertificate());
      expect(rotated).toMatchObject({ changed: true, notAfter: expect.stringMatching(/\+09:00$/) });
    }
    await more(running, 60);
    await running.stop();
    expect(bank.ledger.entries.length).toBeGreaterThan(debitsBefore);
    expect(running.calls()).toBeGreaterThan(240);
    expectSmooth(4);
  });

  it("is changed in the middle of a call, which ends with the one that its token is bound to", async () => {
    await start(bank.client(PROFILE).certificate);
    bank.faults.on("api-429", { times: 1 });
    const listing = minna.link(ids[0]!).accounts.list();
    // Refused for now, and made again after a pause: with the same token.
    await vi.waitUntil(() => bank.events.at(-1)?.status === 429, { timeout: 15_000, interval: 1 });
    await minna.rotateCertificate(nextCertificate());
    await listing;
    const [refused, repeated, ...rest] = bank.events.slice(since).filter(({ endpoint }) => endpoint === "api");
    expect(rest).toEqual([]);
    expect(repeated).toMatchObject({ status: 200, certificate: refused?.certificate });
    expect(refreshes(bank.events.slice(since))).toEqual([]);
    await minna.link(ids[0]!).accounts.list();
    const last = bank.events.at(-1);
    expect(last?.status).toBe(200);
    expect(last?.certificate).not.toBe(refused?.certificate);
  });

  it("is changed in its files, one after the other, and no call notices", async () => {
    const directory = await mkdtemp(join(tmpdir(), "minna-baas-"));
    const files = {
      certFile: join(directory, "client.pem"),
      keyFile: join(directory, "client.key"),
      caFile: join(directory, "ca.pem"),
    };
    const first = nextCertificate();
    await Promise.all([
      writeFile(files.certFile, first.cert),
      writeFile(files.keyFile, first.key),
      writeFile(files.caFile, bank.ca),
    ]);
    try {
      await start(files);
      const running = load(minna, ids, 4);
      for (let rotation = 0; rotation < 3; rotation++) {
        await more(running, 30);
        const next = nextCertificate();
        await writeFile(files.certFile, next.cert);
        // The files are looked at here, with the new certificate and the old key.
        pass(10_000);
        await more(running, 30);
        expect(await rejection(minna.rotateCertificate(), ConfigurationError)).toMatchObject({
          problems: [{ option: "certificate.key" }],
        });
        await writeFile(files.keyFile, next.key);
        pass(10_000);
        await inUse(next);
        expect(await minna.rotateCertificate()).toMatchObject({ changed: false });
      }
      await running.stop();
      expectSmooth(4);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("is changed by the function that loads it, and no call notices", async () => {
    let current = nextCertificate();
    await start(async () => current);
    const running = load(minna, ids, 4);
    for (let rotation = 0; rotation < 3; rotation++) {
      await more(running, 30);
      current = nextCertificate();
      pass(5 * 60_000);
      await inUse(current);
      await more(running, 30);
    }
    await running.stop();
    expectSmooth(4);
  });

  it("that can't be used is refused, and the calls go on with the one in use", async () => {
    await start(bank.client(PROFILE).certificate);
    const running = load(minna, ids, 2);
    const [next, other] = [nextCertificate(), nextCertificate()];
    const dates = (from: number, to: number) => ({
      ...bank.issueCertificate({
        commonName: CLIENT_ID,
        notBefore: new Date(Date.now() + from * DAY),
        notAfter: new Date(Date.now() + to * DAY),
      }),
    });
    const refused: [unknown, RegExp][] = [
      [{ ...next, key: other.key }, /certificate\.key: .*the key of another certificate/],
      [dates(-3, -1), /certificate\.cert: .*one that expired on/],
      [dates(1, 3), /certificate\.cert: .*one that is valid from/],
      [dates(-9, 300), /certificate\.cert: expected a certificate that is not older than the one in use/],
      [{ cert: "garbage", key: next.key }, /certificate\.cert: .*text that is not/],
    ];
    for (const [given, message] of refused) {
      const error = await rejection(minna.rotateCertificate(given as ClientCertificate), ConfigurationError);
      expect(error.message).toMatch(message);
      await more(running, 5);
    }
    await rejection(minna.rotateCertificate(), ConfigurationError);
    await running.stop();
    expectSmooth(1);
  });
});

describe("while two processes have different certificates", () => {
  it("each refreshes a link's token once, however often they take turns", async () => {
    const store = new MemoryStore();
    const before = connect(bank, PROFILE, { store });
    const after = connect(bank, PROFILE, { store, certificate: nextCertificate() });
    const { id } = await link(bank, before);
    const since = bank.events.length;
    for (let turn = 0; turn < 10; turn++) {
      await before.link(id).accounts.list();
      await after.link(id).accounts.list();
    }
    const events = bank.events.slice(since);
    expect(certificatesUsed(events).size).toBe(2);
    expect(refreshes(events)).toHaveLength(1);
    await Promise.all([before.close(), after.close()]);
  });

  it("the older one looks for the newer certificate before it refreshes what that one has refreshed", async () => {
    const store = new MemoryStore();
    const [old, next] = [nextCertificate(), nextCertificate()];
    let theirs = old;
    const before = connect(bank, PROFILE, { store, certificate: () => theirs });
    await before.ready();
    const after = connect(bank, PROFILE, { store, certificate: next });
    const { id } = await link(bank, after);
    theirs = next;
    const since = bank.events.length;
    pass(5_000);
    await before.link(id).accounts.list();
    const events = bank.events.slice(since);
    expect(refreshes(events)).toEqual([]);
    expect(certificatesUsed(events).size).toBe(1);
    await Promise.all([before.close(), after.close()]);
  });
});

const SIGNED = ["fapi1-advanced", "fapi2-message-signing"] as const;

describe.each(SIGNED)("%s: keys", profile => {
  async function newSigningKey(kid: string): Promise<SigningKey> {
    const { alg } = bank.client(profile).signing;
    const { privateKey, publicKey } =
      alg === "PS256"
        ? generateKeyPairSync("rsa", { modulusLength: 2048 })
        : generateKeyPairSync("ec", { namedCurve: "P-256" });
    bank.registerKey(profile, { ...(await exportJWK(publicKey)), alg, kid });
    return { key: privateKey, alg, kid };
  }

  /** The ids that are published. */
  async function published(minna: MinnaClient): Promise<(string | undefined)[]> {
    return (await minna.publicJwks()).keys.map(({ kid }) => kid);
  }

  it("are changed without a restart: the first one signs, all are published", async () => {
    const old = bank.client(profile).signing;
    const minna = connect(bank, profile);
    expect(await published(minna)).toEqual([old.kid]);
    const next = await newSigningKey("sig-next");
    await minna.rotateKeys({ signing: [old, next] });
    expect(await published(minna)).toEqual([old.kid, "sig-next"]);
    const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
    await minna.rotateKeys({ signing: [next, old] });
    // What began with the old key ends, and what begins now is signed with the new one.
    const { status } = await minna.links.complete(await bank.approve(authorizationUrl), { transaction });
    expect(status).toBe("active");
    await minna.rotateKeys({ signing: next });
    expect(await published(minna)).toEqual(["sig-next"]);
    expect((await link(bank, minna)).status).toBe("active");
    await minna.close();
  });

  it("that can't be used are refused, all of them together, and those in use stay", async () => {
    const { signing } = bank.client(profile);
    const minna = connect(bank, profile);
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const another = { key: privateKey, alg: "PS256", kid: "sig-unknown" } as const;
    const enc = { keys: [{ key: privateKey, alg: "RSA-OAEP-256", kid: "enc-1" }] } as const;
    const refused: [Parameters<MinnaClient["rotateKeys"]>[0], RegExp][] = [
      [{ signing: { ...another, kid: signing.kid } }, /signing\.kid: expected an id of its own for a new key/],
      [{ signing: [another, another] }, /signing\[1\]\.kid: .*of each key another/],
      [{ signing: [] }, /signing: .*at least one key/],
      [{ signing: { ...another, key: "CANARY" } }, /signing\.key: .*text that is not/],
      [{ signing: another, decryption: { keys: [] } }, /decryption\.keys/],
      [{ signing: { ...another, kid: "enc-1" }, decryption: enc }, /decryption\.keys: .*ids that no signing key has/],
      [{}, /signing: expected a way to load it again, .*rotateKeys\(\{ signing \}\)/],
    ];
    for (const [given, message] of refused) {
      const error = await rejection(minna.rotateKeys(given), ConfigurationError);
      expect(error.message).toMatch(message);
      expect(error.message).not.toMatch(/CANARY|PRIVATE/);
    }
    expect(await published(minna)).toEqual([signing.kid]);
    expect((await link(bank, minna)).status).toBe("active");
    await minna.close();
  });

  it("are loaded by functions, again when they age and when they are asked for; a failure only warns", async () => {
    const old = bank.client(profile).signing;
    let signing: unknown = old;
    const minna = connect(bank, profile, {
      signing: (() => {
        if (signing instanceof Error) throw signing;
        return signing;
      }) as () => SigningKey,
    });
    expect(await published(minna)).toEqual([old.kid]);
    const next = await newSigningKey("sig-loaded");
    signing = [next, old];
    expect(await published(minna)).toEqual([old.kid]);
    await minna.rotateKeys();
    expect(await published(minna)).toEqual(["sig-loaded", old.kid]);
    expect((await link(bank, minna)).status).toBe("active");
    const wrong = [new RangeError("CANARY"), { ...next, kid: old.kid }, { ...next, key: "CANARY" }];
    for (const [index, one] of [...wrong, ...wrong].entries()) {
      signing = one;
      pass(5 * 60_000);
      expect(await published(minna)).toEqual(["sig-loaded", old.kid]);
      await vi.waitUntil(() => warned.mock.calls.length === Math.min(index + 1, wrong.length));
      await rejection(minna.rotateKeys(), ConfigurationError);
    }
    expect(warned.mock.calls).toEqual(
      wrong.map(() => [
        expect.stringMatching(/^A new signing is not used: /),
        expect.objectContaining({ type: "MinnaBaasWarning", code: "MINNA_KEYS_REJECTED" }),
      ]),
    );
    expect(JSON.stringify(warned.mock.calls)).not.toMatch(/CANARY|PRIVATE/);
    signing = next;
    pass(5 * 60_000);
    await vi.waitUntil(async () => (await published(minna)).length === 1);
    await minna.close();
  });
});

describe("decryption keys", () => {
  it.each(SIGNED)("%s: open what was encrypted to the old one while both are given", async profile => {
    const own = await startSandbox();
    const first = await own.encryptFor(profile);
    const minna = connect(own, profile, { decryption: first });
    const begun = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
    // The bank's answer, encrypted to the old key, is on its way while the keys change.
    const callback = await own.approve(begun.authorizationUrl);
    const both: Decryption = await own.encryptFor(profile, { alg: "ECDH-ES" });
    await minna.rotateKeys({ decryption: both });
    expect((await minna.links.complete(callback, begun)).status).toBe("active");
    expect((await link(own, minna)).status).toBe("active");
    const encrypting = (await minna.publicJwks()).keys.filter(({ use }) => use === "enc").map(({ kid }) => kid);
    expect(encrypting).toEqual(both.keys.map(({ kid }) => kid));
    const [newest] = both.keys;
    await minna.rotateKeys({ decryption: { keys: [newest!] } });
    expect((await link(own, minna)).status).toBe("active");
    const [oldest] = first.keys;
    const reused = { ...oldest!, kid: newest!.kid };
    await rejection(minna.rotateKeys({ decryption: { keys: [reused] } }), ConfigurationError);
    await minna.close();
    await own.close();
  });

  it("are taken up where there were none, and loaded by a function", async () => {
    const own = await startSandbox();
    const loaded = vi.fn(() => own.encryptFor("fapi2-security"));
    const minna = connect(own, "fapi2-security", { decryption: loaded });
    expect((await link(own, minna)).status).toBe("active");
    await minna.rotateKeys();
    expect(loaded).toHaveBeenCalledTimes(2);
    expect((await minna.publicJwks()).keys).toHaveLength(2);
    expect((await link(own, minna)).status).toBe("active");
    const later = connect(own, "fapi2-security");
    await later.rotateKeys({ decryption: await own.encryptFor("fapi2-security") });
    expect((await link(own, later)).status).toBe("active");
    await Promise.all([minna.close(), later.close()]);
    await own.close();
  });
});
