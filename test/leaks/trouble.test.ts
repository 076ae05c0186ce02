import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ExternalSigner, MinnaClient, type MinnaClientOptions, type Store } from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { committing, OPENID_WAYS } from "../attacks/attack.js";
import { connect, PROFILES } from "../support/partner.js";
import { WatchedStore } from "./canaries.js";
import { encryptionFaults } from "./faults.js";
import { link, use, watched } from "./journey.js";
import { keepWatch } from "./watch.js";

const watch = keepWatch();
let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox();
});
afterAll(() => bank.close());

describe.each(PROFILES)("%s: nothing is shown", profile => {
  it("where responses are encrypted, and where they should be", async () => {
    const encrypting = await startSandbox();
    const decryption = await encrypting.encryptFor(profile, {
      alg: profile === "fapi1-advanced" ? "RSA-OAEP-256" : "ECDH-ES",
    });
    const minna = watched(watch, encrypting, profile, { decryption });
    const handle = await link(watch, encrypting, minna);
    if (handle === undefined) throw new Error("there is no link");
    await use(watch, handle);
    for (const fault of encryptionFaults(profile)) {
      await committing(encrypting, [fault], () => link(watch, encrypting, minna));
    }
    // A client that lost its keys meets what it can't open.
    const without = watched(watch, encrypting, profile);
    await link(watch, encrypting, without);
    watch.print(minna, without, await minna.publicJwks());
    await minna.close();
    await without.close();
    await encrypting.close();
  });

  it("where calls are aborted or out of time", async () => {
    const minna = watched(watch, bank, profile);
    const handle = await link(watch, bank, minna);
    if (handle === undefined) throw new Error("there is no link");
    const order = { reference: `aborted-${profile}`, amount: 1, description: "CANARY ｺｳﾆｭｳ" };
    for (const options of [{ signal: AbortSignal.abort() }, { timeout: 1 }, { signal: AbortSignal.timeout(2) }]) {
      await watch.step(() => minna.links.begin({ customerId: "u-42", scopes: ["balance"] }, options));
      await watch.step(() => handle.accounts.list(options));
      await watch.step(() => handle.identity.get(options));
      await watch.step(() => handle.debits.create(order, options));
      await watch.step(() => handle.grant.introspect(options));
      await watch.step(() => handle.grant.revoke(options));
    }
    watch.print(minna, handle);
    await minna.close();
    await use(watch, handle);
  });

  it("where the bank is gone", async () => {
    const passing = await startSandbox();
    const minna = watched(watch, passing, profile);
    const handle = await link(watch, passing, minna);
    if (handle === undefined) throw new Error("there is no link");
    const begun = await minna.links.begin({ customerId: "u-42", scopes: ["balance"] });
    watch.canaries.add("transaction", begun.transaction);
    const callback = await passing.approve(begun.authorizationUrl);
    watch.canaries.add("code", new URL(callback).searchParams.get("code"));
    await passing.close();
    await watch.step(() => minna.links.complete(callback, { transaction: begun.transaction }));
    await use(watch, handle);
    await watch.step(() => handle.grant.revoke());
    watch.print(minna, handle);
    await minna.close();
  });

  it("where the certificate is another", async () => {
    for (const other of [bank.issueCertificate({ trusted: false }), bank.issueCertificate({ commonName: "other" })]) {
      const minna = watched(watch, bank, profile, { certificate: { ...other, ca: bank.ca } });
      await watch.step(() => minna.links.begin({ customerId: "u-42", scopes: ["balance"] }));
      watch.print(minna);
      await minna.close();
    }
  });

  it("where the store fails with all that it was given", async () => {
    const store = new WatchedStore(watch.canaries);
    const failing: Store = new Proxy(store, {
      get: (target, name) => {
        if (name !== "put") return Reflect.get(target, name).bind(target);
        return async (...given: Parameters<Store["put"]>) => {
          await target.put(...given);
          throw Object.assign(new Error(`INSERT ${given[0]} ${given[1]}`), { detail: given[1] });
        };
      },
    });
    const minna = watched(watch, bank, profile, { store: failing });
    await watch.step(() => minna.links.begin({ customerId: "u-42", scopes: ["balance"] }));
    await minna.close();
  });
});

describe.each(["fapi1-advanced", "fapi2-message-signing"] as const)("%s: nothing is shown", profile => {
  const { key, alg, kid } = { key: "CANARY-key-of-the-hsm", alg: "ES256", kid: "hsm" } as const;
  const failures: [string, ExternalSigner["sign"]][] = [
    ["throws", bytes => Promise.reject(Object.assign(new Error(`${key} ${Buffer.from(bytes)}`), { bytes, key }))],
    ["throws text", bytes => Promise.reject(`${key} ${Buffer.from(bytes)}`)],
    ["signs in DER", () => Buffer.concat([Buffer.from("3045", "hex"), Buffer.from(key), Buffer.alloc(50)])],
    ["returns text", bytes => `${key} ${Buffer.from(bytes)}` as unknown as Uint8Array],
    ["takes too long", () => new Promise(() => {})],
    ["signs something else", () => Buffer.from(key.padEnd(64, ".").slice(0, 64))],
  ];

  it.each(failures)("where a signer outside %s", async (_, sign) => {
    watch.canaries.add("signer's key", key);
    const signing: ExternalSigner = {
      alg,
      kid,
      sign: bytes => {
        const [, payload] = Buffer.from(bytes).toString().split(".");
        watch.canaries.addJwt("to be signed", `.${payload}.`);
        return sign(bytes);
      },
    };
    for (const { name, more } of OPENID_WAYS.filter(way => way.profile === profile)) {
      const minna = watched(watch, bank, profile, { ...more, signing });
      await minna.ready();
      const before = watch.errors;
      const begun = await watch.step(() =>
        minna.links.begin({ customerId: "u-42", scopes: ["balance"] }, { timeout: 300 }),
      );
      // Sent by value, a wrong signature is the bank's to find.
      if (begun === undefined) expect(watch.errors).toBe(before + 1);
      else expect(name).toMatch(/by value$/);
      watch.print(minna, minna.links);
      await minna.close();
    }
  });
});

describe("wrong options", () => {
  it("are named, and never shown", async () => {
    const right = bank.client("fapi1-advanced");
    const { cert, key } = right.certificate;
    const foreign = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const foreignPem = String(foreign.export({ type: "pkcs8", format: "pem" }));
    const sealed = String(
      foreign.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "CANARY-passphrase" }),
    );
    for (const pem of [key, foreignPem, sealed]) watch.canaries.addKey("key", pem);
    watch.canaries.addKey("signing.key", right.signing.key);
    for (const text of ["CANARY-passphrase", "CANARY-other-passphrase", "CANARY-password", "CANARY-query"]) {
      watch.canaries.add("secret", text);
    }
    const secretUrl = "https://user:CANARY-password@bank.example/?key=CANARY-query";
    const wrong: Readonly<Record<string, unknown>>[] = [
      { certificate: { cert: key, key: cert } },
      { certificate: { cert, key: foreignPem } },
      { certificate: { cert, key: sealed } },
      { certificate: { cert, key: sealed, passphrase: "CANARY-other-passphrase" } },
      { certificate: { cert, key: key.slice(0, -60) } },
      { certificate: key },
      { certificate: () => Promise.reject(new Error(key)) },
      { certificate: { cert, key, ca: key } },
      { signing: right.signing.key },
      { signing: { ...right.signing, alg: "ES256" } },
      { signing: { ...right.signing, key: JSON.stringify(right.signing.key) } },
      { signing: { ...right.signing, kid: right.signing.key } },
      { decryption: { keys: [{ key: right.signing.key, alg: foreignPem, kid: "enc-1" }] } },
      { decryption: { keys: foreignPem } },
      { issuer: secretUrl },
      { redirectUri: secretUrl },
      { api: { baseUrl: secretUrl } },
      { api: secretUrl },
      { clientId: key },
      { profile: key },
      { timeout: key },
      { algorithms: { idToken: "CANARY-password" } },
      { contract: { paths: { accounts: secretUrl } } },
      { store: { token: "CANARY-password" } },
    ];
    const before = watch.errors;
    for (const options of wrong) {
      await watch.step(async () => {
        const minna = new MinnaClient({ ...right, ...options } as MinnaClientOptions);
        await minna.ready();
      });
    }
    expect(watch.errors - before).toBe(wrong.length);
  });
});

describe("wrong arguments", () => {
  it("are named, and never shown", async () => {
    const minna = watched(watch, bank, "fapi2-security");
    const handle = await link(watch, bank, minna);
    if (handle === undefined) throw new Error("there is no link");
    const secret = "CANARY-見本 花子";
    watch.canaries.add("argument", secret);
    const wrong = secret as never;
    const order = { reference: "order-wrong", amount: 1, description: "ﾎﾝ" };
    const before = watch.errors;
    const calls: (() => unknown)[] = [
      () => minna.links.begin({ customerId: secret.repeat(50), scopes: ["balance"] }),
      () => minna.links.begin({ customerId: "u-42", scopes: [wrong] }),
      () => minna.links.complete(`https://x.example/?code=${secret}&code=${secret}`, { transaction: secret }),
      () => minna.links.complete(wrong, wrong),
      () => minna.links.complete({ secret } as never, { transaction: secret }),
      () => handle.accounts.list({ timeout: wrong }),
      () => handle.accounts.list({ signal: wrong }),
      () => handle.accounts.list({ interactionId: secret }),
      () => handle.accounts.list({ customerPresent: { ip: secret } }),
      () => handle.accounts.list({ customerPresent: { ip: "192.0.2.1", authenticatedAt: secret } }),
      () => handle.accounts.transactions("acc-1", { from: wrong }),
      () => handle.debits.create({ ...order, reference: secret }),
      () => handle.debits.create({ ...order, amount: wrong }),
      () => handle.debits.create({ ...order, kind: wrong }),
      () => handle.debits.create({ ...order, description: { secret } as never }),
      () => handle.debits.create({ ...order, accountId: { secret } as never }),
      () => handle.debits.find(secret),
      () => handle.grant.extend({ until: wrong }),
      // An id that is no id, but all that the application knows of a customer.
      () => minna.links.get({ name: secret } as never),
      () => minna.link({ name: secret } as never).accounts.list(),
    ];
    for (const call of calls) await watch.step(call);
    expect(watch.errors - before).toBe(calls.length);
    await minna.close();
  });
});

describe("a client of the bank that is closed", () => {
  it("says so, and nothing else", async () => {
    const minna = connect(bank, "fapi2-security");
    await minna.close();
    await watch.step(() => minna.ready());
  });
});
