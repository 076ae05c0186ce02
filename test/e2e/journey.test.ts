import { createPrivateKey, type JsonWebKey, sign, webcrypto } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ConfigurationError,
  type ExternalSigner,
  type MinnaClientOptions,
  type Profile,
  type SigningKey,
} from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { rejection } from "../support/errors.js";
import { connect, link, PROFILES, SCOPES } from "../support/partner.js";

let bank: Sandbox;
beforeAll(async () => {
  bank = await startSandbox({ pageSize: 100 });
});
afterAll(() => bank.close());

const ways: [string, Profile, Partial<MinnaClientOptions>][] = [
  ...PROFILES.map((profile): [string, Profile, Partial<MinnaClientOptions>] => [profile, profile, {}]),
  [
    "fapi1-advanced, request object by value",
    "fapi1-advanced",
    { requestDelivery: "by-value" } as Partial<MinnaClientOptions>,
  ],
];

describe.each(ways)("%s", (name, profile, more) => {
  it("sends the customer to the bank with what the profile says, and nothing else", async () => {
    const minna = connect(bank, profile, more);
    const since = bank.events.length;
    const { authorizationUrl, transaction, expiresIn } = await minna.links.begin({
      customerId: "u-42",
      scopes: SCOPES,
    });
    const url = new URL(authorizationUrl);
    const names = [...url.searchParams.keys()].sort();
    const par = bank.events.slice(since).find(event => event.endpoint === "par");
    if (name.endsWith("by value")) {
      expect(names).toEqual(["client_id", "request", "response_type", "scope"]);
      expect(par).toBeUndefined();
    } else {
      expect(names).toEqual(["client_id", "request_uri"]);
      expect(par).toMatchObject({ channel: "mtls", status: 201, clientId: bank.client(profile).clientId });
      expect(par?.certificate).toBeDefined();
      expect(par?.detail["signed"]).toBe(
        { "fapi1-advanced": "PS256", "fapi2-security": false, "fapi2-message-signing": "ES256" }[profile],
      );
    }
    expect(transaction).toMatch(/^[\w-]{43}$/);
    expect(expiresIn).toBe(900);
    await minna.close();
  });

  it("links, reads, charges once, looks after the grant, releases", async () => {
    const minna = connect(bank, profile, more);
    const info = await link(bank, minna);
    expect(info).toMatchObject({ customerId: "u-42", status: "active", scopes: SCOPES, refusedScopes: [], profile });
    expect(info.grantId).toBeDefined();
    expect(info.createdAt).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+09:00$/);
    expect({ ...(await minna.links.get(info.id)), interactionId: info.interactionId }).toEqual(info);
    const handle = minna.link(info.id);

    const accounts = await handle.accounts.list();
    expect(accounts.map(account => account.accountTypeCode).sort()).toEqual(["ordinary", "savings"]);
    const ordinary = accounts.find(account => account.accountTypeCode === "ordinary");
    expect(ordinary).toMatchObject({
      branchCode: expect.stringMatching(/^\d{3}$/),
      accountNumber: expect.stringMatching(/^\d{7}$/),
    });
    const accountId = ordinary?.accountId ?? "";

    const rows = [];
    for await (const row of handle.accounts.transactions(accountId, { from: "2020-01-01" })) rows.push(row);
    expect(rows.length).toBeGreaterThan(300);
    const keys = rows.flatMap(row => row.itemKey ?? []);
    expect(new Set(keys).size).toBe(keys.length);
    let pages = 0;
    for await (const page of handle.accounts.deposits(accountId, { from: "2020-01-01" }).pages()) {
      pages++;
      expect(page.rows.every(row => !("balance" in row))).toBe(true);
    }
    expect(pages).toBeGreaterThan(0);

    const person = await handle.identity.get();
    expect(person.verification.verified).toBe(true);
    expect(person.address.postalCode).toMatch(/^\d{7}$/);

    const before = await handle.accounts.balance(accountId);
    const order = { reference: `order-${name.replaceAll(" ", "-")}`, amount: 1980, description: "ﾎﾝ" };
    const debit = await handle.debits.create(order);
    expect(debit).toMatchObject({ status: "succeeded", amount: 1980, partnerTransactionId: order.reference });
    expect((await handle.debits.create(order)).debitId).toBe(debit.debitId);
    expect((await handle.debits.get(debit.debitId)).status).toBe("succeeded");
    expect((await handle.debits.find(order.reference))?.debitId).toBe(debit.debitId);
    expect(await handle.debits.find("never-ordered")).toBeUndefined();
    const after = await handle.accounts.balance(accountId);
    expect(before.balance - after.balance).toBe(1980);

    const grant = await handle.grant.status();
    expect(grant.status).toBe("active");
    const until = `${Number(grant.expiresAt?.slice(0, 4)) + 1}-03-31`;
    expect((await handle.grant.extend({ until })).expiresAt).toBe(`${until}T23:59:59+09:00`);
    expect(await handle.grant.revoke()).toMatchObject({ status: "released" });
    expect(await handle.grant.revoke()).toMatchObject({ status: "released" });

    const since = bank.events.length;
    const released = { name: "LinkError", code: "link_released", linkId: info.id };
    await expect(handle.accounts.list()).rejects.toMatchObject(released);
    await expect(handle.grant.status()).rejects.toMatchObject(released);
    await expect(handle.debits.create({ ...order, reference: "after" })).rejects.toMatchObject(released);
    expect(bank.events.slice(since)).toEqual([]);
    // What is known stays known.
    expect((await handle.debits.create(order)).debitId).toBe(debit.debitId);
    await minna.close();
  });
});

describe("every call of the API", () => {
  it("carries an interaction id that the result has too, and the customer's presence only while they are there", async () => {
    const minna = connect(bank, "fapi2-security");
    const { id } = await link(bank, minna);
    const interactionId = "11111111-2222-4333-8444-555555555555";
    const since = bank.events.length;
    const [account] = await minna.link(id).accounts.list({
      interactionId,
      customerPresent: { ip: "192.0.2.7", authenticatedAt: "2026-04-01T09:30:00+09:00" },
    });
    expect(account?.interactionId).toBe(interactionId);
    expect(bank.events[since]).toMatchObject({ endpoint: "api", interactionId });
    const other = await minna.link(id).accounts.balance(account?.accountId ?? "");
    expect(other.interactionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(other.interactionId).not.toBe(interactionId);
    const refused = minna.link(id).accounts.balance("somebody-elses", { interactionId });
    await expect(refused).rejects.toMatchObject({ name: "ApiError", code: "not_found", status: 404, interactionId });
    await minna.close();
  });

  it("goes to the mTLS listener with the one certificate; metadata and keys go without", async () => {
    const minna = connect(bank, "fapi1-advanced");
    const since = bank.events.length;
    const { id } = await link(bank, minna);
    await minna.link(id).accounts.list();
    const received = bank.events
      .slice(since)
      .filter(event => !["authorization", "interaction"].includes(event.endpoint));
    const certified = received.filter(event => event.certificate !== undefined);
    expect(certified.map(event => event.endpoint)).toEqual(["par", "token", "api"]);
    expect(new Set(certified.map(event => event.certificate)).size).toBe(1);
    expect(
      received
        .filter(event => event.certificate === undefined)
        .map(event => event.endpoint)
        .sort(),
    ).toEqual(["discovery", "jwks"]);
    await minna.close();
  });
});

describe("the key of the request objects", () => {
  const PSS = { name: "RSA-PSS", hash: "SHA-256" };
  const forms: [string, (key: JsonWebKey) => Promise<SigningKey["key"]>][] = [
    ["a JWK", async key => key as SigningKey["key"]],
    ["PEM", async key => createPrivateKey({ key, format: "jwk" }).export({ type: "pkcs8", format: "pem" })],
    ["a KeyObject", async key => createPrivateKey({ key, format: "jwk" })],
    [
      "a CryptoKey that can't be exported",
      async key => webcrypto.subtle.importKey("jwk", { ...key } as webcrypto.JsonWebKey, PSS, false, ["sign"]),
    ],
  ];

  it.each(forms)("may be %s", async (_, form) => {
    const { signing } = bank.client("fapi1-advanced");
    const key = await form(signing.key as JsonWebKey);
    const minna = connect(bank, "fapi1-advanced", { signing: { ...signing, key } });
    expect((await link(bank, minna)).status).toBe("active");
    await minna.close();
  });

  it("may be outside of the process", async () => {
    const { signing } = bank.client("fapi2-message-signing");
    const key = createPrivateKey({ key: signing.key as JsonWebKey, format: "jwk" });
    const external: ExternalSigner = {
      alg: "ES256",
      kid: signing.kid,
      sign: async bytes => sign("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }),
    };
    const minna = connect(bank, "fapi2-message-signing", { signing: external });
    expect((await link(bank, minna)).status).toBe("active");
    await rejection(minna.publicJwks(), ConfigurationError);
    await minna.close();
  });

  it("is published as the bank registered it, without its private half", async () => {
    const { signing } = bank.client("fapi1-advanced");
    const { keys } = await connect(bank, "fapi1-advanced").publicJwks();
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatchObject({ kty: "RSA", kid: signing.kid, alg: "PS256", use: "sig" });
    for (const member of ["d", "p", "q", "dp", "dq", "qi"]) expect(keys[0]).not.toHaveProperty(member);
    expect(await connect(bank, "fapi2-security").publicJwks()).toEqual({ keys: [] });
  });
});
