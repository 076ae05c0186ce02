import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LONGEST_TRAIL, leaveTrail, Trail } from "../../src/errors/trail.js";
import * as errors from "../../src/errors.js";
import {
  type Link,
  MinnaClient,
  type MinnaClientOptions,
  type MinnaError,
  type SupportBundle,
} from "../../src/index.js";
import { type Sandbox, startSandbox } from "../../src/sandbox/index.js";
import { committing } from "../attacks/attack.js";
import { everythingShown, rejection, thrown } from "../support/errors.js";
import { connect, link, SCOPES } from "../support/partner.js";

const JST = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00$/;
const UUID = /^[0-9a-f-]{36}$/;

/** The bundle of an error, which must be nothing but JSON, and frozen to the bottom. */
function bundleOf(error: MinnaError): SupportBundle {
  const bundle = error.toSupportBundle();
  expect(JSON.parse(JSON.stringify(bundle))).toEqual(bundle);
  expectFrozen(bundle);
  expect(bundle).toMatchObject({ error: error.name, code: error.code, message: error.message });
  expect(bundle.time).toMatch(JST);
  return bundle;
}

function expectFrozen(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  expect(Object.isFrozen(value)).toBe(true);
  for (const member of Object.values(value)) expectFrozen(member);
}

const SAMPLES: Readonly<Record<string, MinnaError>> = {
  ConfigurationError: new errors.ConfigurationError([{ option: "issuer", expected: "a URL", found: "nothing" }]),
  ArgumentError: new errors.ArgumentError("amount", "amount must be a positive integer."),
  SigningError: new errors.SigningError("The signer failed."),
  TransportError: new errors.TransportError("timeout", "Late.", { reached: "no", endpoint: "https://bank.example/a" }),
  AuthorizationError: new errors.AuthorizationError("access_denied"),
  OAuthError: new errors.OAuthError("invalid_grant", { endpoint: "token", status: 400, retryAfter: 3 }),
  ValidationError: new errors.ValidationError("aud", "The ID Token is not for this client."),
  LinkError: new errors.LinkError("link_unknown", "lnk_1", "The store has no such link."),
  ApiError: new errors.ApiError("maintenance", { status: 503, bankCode: "M-1", retryAfter: 60 }),
  StoreError: new errors.StoreError("put", "store_timeout", "it did not answer in time"),
  DebitOutcomeUnknownError: new errors.DebitOutcomeUnknownError("order-1"),
};

describe("an error outside of any call", () => {
  it("there is one of each class", () => {
    const classes = Object.values(errors).filter(one => one !== errors.MinnaError);
    expect(Object.values(SAMPLES).map(error => error.constructor)).toEqual(expect.arrayContaining(classes));
  });

  it.each(Object.entries(SAMPLES))("%s has a bundle without requests, with all that it tells by itself", (_, error) => {
    const { details, requests, causes, client, versions } = bundleOf(error);
    expect({ requests, causes, client }).toEqual({ requests: [], causes: [], client: undefined });
    // A new member of a class is to be thought about: may it be told?
    const {
      code: _code,
      retryable: _retryable,
      sideEffect: _sideEffect,
      ...own
    } = { ...error } as object as MinnaError;
    expect(details).toEqual(own);
    expect(versions).toMatchObject({ node: process.versions.node, openssl: process.versions.openssl });
  });

  it("tells why, for as long as it is known, and of foreign causes name, code and message only", () => {
    const low = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET", socket: "CANARY" });
    const lost = new errors.TransportError("connection_lost", "Lost.", {
      reached: "possible",
      endpoint: "https://bank.example/a",
      cause: low,
    });
    const { causes } = bundleOf(new errors.DebitOutcomeUnknownError("order-1", { cause: lost }));
    const details = { reached: "possible", endpoint: "https://bank.example/a" };
    expect(causes).toEqual([
      { error: "TransportError", code: "connection_lost", message: "Lost.", details },
      { error: "Error", code: "UND_ERR_SOCKET", message: "other side closed" },
    ]);
  });
});

describe("a trail", () => {
  const noted = (trail: Trail, at: number, endpoint = `https://bank.example/${at}`) =>
    trail.add({ at, method: "GET", endpoint, interactionId: undefined, thumbprint: undefined, knownAs: undefined });

  it("is told in the order of time, the last ten requests of it, those under way too", () => {
    const trail = new Trail();
    noted(trail, 0);
    const branch = trail.branch();
    for (let at = 2; at < 2 * LONGEST_TRAIL; at += 2) noted(trail, at);
    noted(branch, 2 * LONGEST_TRAIL + 1).outcome = 503;
    const error = new errors.ArgumentError("a", "Wrong.");
    leaveTrail(error, branch);
    leaveTrail(error, trail);
    leaveTrail(error, trail);
    const { requests } = bundleOf(error);
    expect(requests).toHaveLength(LONGEST_TRAIL);
    expect(requests.at(-1)).toMatchObject({ endpoint: "https://bank.example/21", outcome: 503 });
    expect(requests.at(-2)).toMatchObject({ endpoint: "https://bank.example/18", outcome: "pending" });
    expect(requests[0]).toMatchObject({ endpoint: "https://bank.example/2" });
  });

  it("of the first call is kept, where many calls end with one error", () => {
    const error = new errors.ArgumentError("a", "Wrong.");
    const calls = ["one", "two"].map(clientId => new Trail({ issuer: "https://a", clientId, profile: "p" }));
    for (const [at, trail] of calls.entries()) {
      noted(trail, at);
      leaveTrail(error, trail);
    }
    expect(bundleOf(error)).toMatchObject({ client: { clientId: "one" }, requests: [{ method: "GET" }] });
  });
});

describe("an error of a call", () => {
  let bank: Sandbox;
  let minna: MinnaClient;
  let handle: Link;
  beforeAll(async () => {
    bank = await startSandbox();
    minna = connect(bank, "fapi2-security");
    const info = await link(bank, minna);
    handle = minna.link(info.id);
  });
  afterAll(async () => {
    await minna.close();
    await bank.close();
  });

  it("brings its requests, with the refresh that was made for it", async () => {
    const { issuer, clientId } = bank.client("fapi2-security");
    await committing(bank, ["api-token-rejected-once", "refresh-response-lost"], async () => {
      const interactionId = "7c1f7c34-7a36-4d5b-a0cc-6c2f62d2f1d5";
      const call = handle.accounts.balance("acc-hanako-ordinary", { interactionId });
      const { requests, client } = bundleOf(await rejection(call, errors.TransportError));
      expect(client).toEqual({ issuer, clientId, profile: "fapi2-security" });
      const told = requests.map(
        ({ endpoint, method, outcome }) => `${method} ${/[^/]*\/[^/]*$/.exec(endpoint)} ${outcome}`,
      );
      expect(told[0]).toBe("GET {accountId}/balance 401");
      expect(told[1]).toMatch(/^POST .*token connection_lost$/);
      for (const request of requests) {
        expect(request.at).toMatch(JST);
        expect(request.thumbprint).toMatch(/^[\w-]{43}$/);
        expect(request.durationMs).toBeGreaterThanOrEqual(0);
      }
      expect(requests[0]?.interactionId).toBe(interactionId);
      expect(requests[1]?.interactionId).toMatch(UUID);
    });
  });

  it("brings its own requests only, where others fail at the same time", async () => {
    const { id } = await link(bank, minna, SCOPES, "taro");
    const calls = [
      { work: minna.link(id).accounts, account: "acc-none-1", interactionId: "11111111-7a36-4d5b-a0cc-6c2f62d2f1d5" },
      { work: handle.accounts, account: "acc-none-2", interactionId: "22222222-7a36-4d5b-a0cc-6c2f62d2f1d5" },
    ];
    const failures = await Promise.all(
      calls.map(({ work, account, interactionId }) =>
        rejection(work.balance(account, { interactionId }), errors.ApiError),
      ),
    );
    for (const [at, error] of failures.entries()) {
      const { requests, interactionId } = bundleOf(error);
      expect(requests.map(request => request.interactionId)).toEqual([calls[at]?.interactionId]);
      expect(interactionId).toBe(calls[at]?.interactionId);
    }
  });

  it("names the certificate that each request presented, also after it was changed", async () => {
    const own = connect(bank, "fapi2-security");
    const { id } = await link(bank, own);
    const missed = async () => {
      const { requests } = bundleOf(await rejection(own.link(id).accounts.balance("acc-none"), errors.ApiError));
      return requests.map(({ endpoint, outcome, thumbprint }) => [endpoint.endsWith("/token"), outcome, thumbprint]);
    };
    const thumbprintOf = (pem: string) => createHash("sha256").update(new X509Certificate(pem).raw).digest("base64url");
    const before = thumbprintOf(bank.client("fapi2-security").certificate.cert);
    expect(await missed()).toEqual([[false, 404, before]]);
    const { cert, key } = bank.issueCertificate({ commonName: bank.client("fapi2-security").clientId });
    const { thumbprint } = await own.rotateCertificate({ cert, key, ca: bank.ca });
    expect(thumbprint).toBe(thumbprintOf(cert));
    expect(await missed()).toEqual([
      [true, 200, thumbprint],
      [false, 404, thumbprint],
    ]);
    await own.close();
  });

  it("brings none of the bank's ids: neither in the bundle, nor in the error; also where it is returned", async () => {
    const passing = await startSandbox();
    const own = connect(passing, "fapi2-security");
    const { id, grantId = "" } = await link(passing, own, SCOPES, "saburo");
    const left = own.link(id);
    const order = { reference: "order-open", amount: 1, description: "ﾎﾝ" };
    const { debitId } = await left.debits.create(order);
    await passing.close();
    const failures: MinnaError[] = [];
    for (const work of [
      () => left.accounts.balance("acc-saburo-ordinary"),
      () => left.accounts.transactions("acc-saburo-ordinary")[Symbol.asyncIterator]().next(),
      () => left.debits.get(debitId),
      () => left.grant.status(),
      () => left.grant.extend({ until: "2099-03-31" }),
    ]) {
      failures.push(await rejection(work(), errors.TransportError));
    }
    for await (const recovered of own.debits.recover()) {
      if (recovered.outcome === "processing" && recovered.error) failures.push(recovered.error);
    }
    await own.close();
    expect(failures).toHaveLength(6);
    const shown = failures.flatMap(error => {
      const bundle = bundleOf(error);
      expect(bundle.requests).not.toEqual([]);
      return [JSON.stringify(bundle), everythingShown(error)];
    });
    for (const text of shown) {
      for (const one of ["acc-saburo-ordinary", grantId, debitId, "order-open"]) expect(text).not.toContain(one);
    }
    for (const path of ["/accounts/{accountId}/balance", "/direct-debits/{debitId}", "/{grantId}/extensions"]) {
      expect(shown.join()).toContain(path);
    }
  });

  it("does not show them where it is printed", async () => {
    const error = await rejection(handle.debits.get("dd-none"), errors.ApiError);
    expect(bundleOf(error).requests).toMatchObject([{ method: "GET", outcome: 404 }]);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/durationMs|thumbprint|knownAs|Trail/);
    expect(Object.keys(error)).not.toContain("requests");
    expect(JSON.stringify(error)).not.toMatch(/requests|endpoint/);
  });

  it("brings what is under way where the call can't wait for it", async () => {
    const leaving = new AbortController();
    const sockets: Socket[] = [];
    const silent = createServer(socket => {
      sockets.push(socket);
      leaving.abort();
    });
    await new Promise<void>(resolve => silent.listen(0, "127.0.0.1", resolve));
    const issuer = `https://localhost:${(silent.address() as AddressInfo).port}`;
    const other = new MinnaClient({ ...bank.client("fapi2-security"), issuer } as MinnaClientOptions);
    const error = await rejection(other.ready({ signal: leaving.signal }), errors.TransportError);
    const bundle = bundleOf(error);
    for (const socket of sockets) socket.destroy();
    expect(bundle).toMatchObject({
      code: "aborted",
      details: { endpoint: "discovery" },
      requests: [{ method: "GET", outcome: "pending" }],
    });
    await other.close();
    await new Promise(resolve => silent.close(resolve));
  });

  it("of a client that was never answered brings what was asked at the start", async () => {
    const options = { ...bank.client("fapi2-security"), issuer: "https://localhost:1" };
    const other = new MinnaClient(options as MinnaClientOptions);
    const failures = await Promise.all([1, 2].map(() => rejection(other.ready(), errors.TransportError)));
    for (const error of failures) {
      const { requests, client } = bundleOf(error);
      expect(client?.issuer).toBe("https://localhost:1");
      expect(requests).toMatchObject([{ endpoint: "https://localhost:1/.well-known/openid-configuration" }]);
      expect(requests[0]).toMatchObject({ method: "GET", outcome: "connection_failed" });
      expect(requests[0]).not.toHaveProperty("thumbprint");
    }
    await other.close();
  });

  it("that asks the bank nothing says as whom it would have", async () => {
    const error = await rejection(minna.link("lnk_none").accounts.list(), errors.LinkError);
    expect(bundleOf(error)).toMatchObject({ requests: [], client: { profile: "fapi2-security" } });
    expect(thrown(() => minna.link(""), errors.ArgumentError).toSupportBundle().client).toBeUndefined();
  });
});

describe("a bundled application", () => {
  const folder = mkdtempSync(join(tmpdir(), "minna-bundle-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("knows the version of this package, and guesses none of its dependencies", async () => {
    const outfile = join(folder, "bundle.mjs");
    const entryPoints = [new URL("../../src/errors.ts", import.meta.url).pathname];
    await build({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", logLevel: "silent" });
    const { ArgumentError } = (await import(pathToFileURL(outfile).href)) as typeof errors;
    const { versions } = new ArgumentError("a", "Wrong.").toSupportBundle();
    const own = SAMPLES["ArgumentError"]?.toSupportBundle().versions;
    expect(versions["minna-baas"]).toBe(own?.["minna-baas"]);
    expect(Object.keys(versions)).toEqual(["minna-baas", "node", "openssl", "platform"]);
    expect(Object.keys(own ?? {})).toEqual(expect.arrayContaining(["openid-client", "undici"]));
  });
});
