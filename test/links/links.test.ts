import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { AuthorizationServer } from "../../src/authorization/server.js";
import type { ContractOptions, Scope } from "../../src/config/contract.js";
import {
  ApiError,
  ArgumentError,
  AuthorizationError,
  LinkError,
  OAuthError,
  StoreError,
  TransportError,
  ValidationError,
} from "../../src/errors.js";
import { Access } from "../../src/links/access.js";
import type { ExpiringLink } from "../../src/links/expiring.js";
import { type BegunLink, Links } from "../../src/links/links.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { type LinkInfo, type LinkRecord, readLink, removeLink, writeLink } from "../../src/links/record.js";
import { Resources } from "../../src/links/resource.js";
import type { PutOptions } from "../../src/links/store.js";
import { peekTransaction } from "../../src/links/transaction.js";
import { Calls } from "../../src/transport/calls.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { type BankKey, bankKey, jwksOf, signJwt } from "../support/bank-keys.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { rejection } from "../support/errors.js";
import { CLIENT_ID, configuration, ISSUER } from "../support/options.js";
import { METADATA, MTLS } from "../support/stub-bank.js";
import { answer, doorTo, LINK_ID, linkRecord, registered } from "../support/stub-rooms.js";

const JSON_TYPE = { "content-type": "application/json" };
const OPTIONS = { interactionId: INTERACTION_ID };
const CLIENT = { issuer: ISSUER, clientId: CLIENT_ID };
const WISH = { customerId: "u-42", scopes: ["balance", "debit"] } as const;

type Reply = (outgoing: OutgoingRequest) => Answer | Promise<Answer>;

/** Everything that was asked of the bank, the door and the store, in order. */
let steps: string[];
let asked: OutgoingRequest[];
let replies: Record<string, Reply>;
let endpoints: Record<string, string>;
let thumbprint: () => string;
/** The parameters of the pushed request, and the members of the token answer besides the usual ones. */
let pushed: URLSearchParams;
let granted: Record<string, unknown>;
let key: BankKey;

class WatchedStore extends MemoryStore {
  override async put(name: string, value: string, options: PutOptions): Promise<number | undefined> {
    steps.push(`put ${name.split(":")[0]}`);
    return super.put(name, value, options);
  }
  override async take(name: string): ReturnType<MemoryStore["take"]> {
    steps.push(`take ${name.split(":")[0]}`);
    return super.take(name);
  }
  override async lock(name: string, owner: string, duration: number): Promise<boolean> {
    steps.push(`lock ${name}`);
    return super.lock(name, owner, duration);
  }
  override async unlock(name: string, owner: string): Promise<void> {
    steps.push(`unlock ${name}`);
    return super.unlock(name, owner);
  }
}

let store: WatchedStore;
let links: Links;
let access: Access;

beforeAll(async () => {
  key = await bankKey("ES256");
});
beforeEach(() => {
  steps = [];
  asked = [];
  granted = {};
  pushed = new URLSearchParams();
  thumbprint = () => "thumbprint-1";
  endpoints = {
    token_endpoint: `${MTLS}/token`,
    pushed_authorization_request_endpoint: `${MTLS}/par`,
    grant_management_endpoint: `${MTLS}/grants`,
    revocation_endpoint: `${MTLS}/revoke`,
  };
  replies = {
    "GET /jwks": () => answer(200, jwksOf(key), JSON_TYPE),
    "POST /par": ({ body }) => {
      pushed = new URLSearchParams(body);
      return answer(201, { request_uri: "urn:ietf:params:oauth:request_uri:1", expires_in: 60 }, JSON_TYPE);
    },
    "POST /token": async () => {
      const nonce = pushed.get("nonce");
      const idToken = nonce === null ? {} : { id_token: await signJwt(key, { sub: "customer-7", nonce }) };
      return answer(200, { access_token: "at-1", token_type: "Bearer", ...idToken, ...granted }, JSON_TYPE);
    },
    "POST /revoke": () => answer(200, ""),
    "DELETE /grants/grant-1": () => answer(204, ""),
  };
  connect();
});

/** A partner whose contract with the bank differs. */
function connect(contract: ContractOptions = {}): void {
  store = new WatchedStore();
  const door = doorTo(
    outgoing => {
      const { method, url } = outgoing;
      if (url.pathname.startsWith("/.well-known/")) {
        return answer(200, { ...METADATA, mtls_endpoint_aliases: endpoints }, JSON_TYPE);
      }
      asked.push(outgoing);
      steps.push(`${method} ${url.pathname}`);
      return replies[`${method} ${url.pathname}`]?.(outgoing) ?? answer(404, "");
    },
    () => {
      steps.push("thumbprint");
      return thumbprint();
    },
    () => thumbprint(),
  );
  const settings = configuration("fapi2-security", { contract });
  const server = new AuthorizationServer(settings, door);
  access = new Access(settings, server, door, store);
  const resources = new Resources(settings, door, access);
  const calls = new Calls(settings.timeout);
  const registrations = registered({ configuration: settings, door, server, access, resources }, store, calls);
  links = new Links(registrations, store, calls);
}

function lost(): never {
  const details = { reached: "possible", endpoint: "x", retryable: true } as const;
  throw new TransportError("connection_lost", "The connection is gone.", details);
}

function redirected(): never {
  throw new ValidationError("redirect", "The bank answered with a redirect.");
}

/** Begins a link; what happened until then is not in `steps`. */
async function begun(scopes: readonly Scope[] = WISH.scopes): Promise<BegunLink> {
  const link = await links.begin({ ...WISH, scopes });
  steps.length = 0;
  return link;
}

/** The bank's answer as the browser brings it. */
function callback(parameters: Readonly<Record<string, string>> = { code: "c-1" }): string {
  return `/cb?${new URLSearchParams({ state: pushed.get("state") ?? "", iss: ISSUER, ...parameters })}`;
}

describe("beginning a link", () => {
  test("pushes the request, and keeps for the callback what only this browser leads back to", async () => {
    const link = await links.begin(WISH, OPTIONS);
    expect(Object.isFrozen(link)).toBe(true);
    expect(link).toStrictEqual({
      authorizationUrl: `${ISSUER}/authorize?request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A1&client_id=${CLIENT_ID}`,
      authorizationUrlExpiresIn: 60,
      transaction: expect.any(String),
      expiresIn: 900,
      interactionId: INTERACTION_ID,
    });
    expect(steps).toEqual(["POST /par", "put transaction"]);
    expect(asked[0]?.headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
    const { secrets, ...transaction } = await peekTransaction(store, link.transaction);
    expect(transaction).toMatchObject({ ...WISH, ...CLIENT, wireScopes: pushed.get("scope")?.split(" ") });
    expect(secrets).toMatchObject({ state: pushed.get("state"), nonce: pushed.get("nonce") });
    expect(transaction).not.toHaveProperty("linkId");
    expect(pushed.get("grant_management_action")).toBe("create");
    expect(pushed.has("grant_id")).toBe(false);
  });

  test.each<[string, unknown]>([
    ["no wish", undefined],
    ["null", null],
    ["no id", { scopes: WISH.scopes }],
    ["an empty id", { ...WISH, customerId: "" }],
    ["a number", { ...WISH, customerId: 7 }],
    ["256 characters", { ...WISH, customerId: "x".repeat(256) }],
  ])("needs the partner's id of the customer: %s is none", async (_, wish) => {
    const error = await rejection(links.begin(wish as never), ArgumentError);
    expect(error).toMatchObject({ code: "argument_invalid", argument: "customerId" });
    expect(steps).toEqual([]);
  });

  test.each([1, 255])("takes an id of the customer of %i characters", async length => {
    const customerId = "x".repeat(length);
    const { transaction } = await links.begin({ ...WISH, customerId });
    expect((await peekTransaction(store, transaction)).customerId).toBe(customerId);
  });

  test.each([[undefined], [null], [[]], ["balance"], [{}], [[undefined]], [["balance", "openid"]], [["everything"]]])(
    "needs scopes to ask for: %j are none",
    async scopes => {
      const call = links.begin({ customerId: "u-42", scopes } as never);
      const error = await rejection(call, ArgumentError);
      expect(error).toMatchObject({ code: "argument_invalid", argument: "scopes" });
      expect(error.message).toContain("balance, transactions, deposits, identity, debit");
      expect(steps).toEqual([]);
    },
  );

  test("asks for each scope once, under the bank's names, with the companions that the bank has", async () => {
    connect({ scopes: { offlineAccess: null, grantQuery: null, transactions: "rows", deposits: "rows" } });
    const scopes: Scope[] = ["transactions", "debit", "deposits", "debit"];
    const { transaction } = await links.begin({ ...WISH, scopes });
    expect(pushed.get("scope")).toBe("openid grant_management_revoke rows debit");
    expect((await peekTransaction(store, transaction)).scopes).toEqual(["transactions", "deposits", "debit"]);
  });

  test("asks for all companions where the contract leaves none out", async () => {
    await begun(["identity"]);
    expect(pushed.get("scope")).toBe("openid offline_access grant_management_query grant_management_revoke identity");
  });

  test("keeps nothing where the bank refuses", async () => {
    replies["POST /par"] = () => answer(400, { error: "invalid_scope" }, JSON_TYPE);
    expect((await rejection(links.begin(WISH), OAuthError)).code).toBe("invalid_scope");
    expect(steps).toEqual(["POST /par"]);
  });
});

describe("completing a link", () => {
  test("has keys and certificate at hand, spends the transaction, and only then the code", async () => {
    const { transaction } = await begun();
    await links.complete(callback(), { transaction });
    expect(steps).toEqual(["GET /jwks", "thumbprint", "take transaction", "POST /token", "put link"]);
  });

  test("needs no keys where there is no ID Token", async () => {
    connect({ scopes: { openid: null } });
    const { transaction } = await begun();
    await links.complete(callback(), { transaction });
    expect(steps).toEqual(["thumbprint", "take transaction", "POST /token", "put link"]);
  });

  test("keeps the tokens, and shows the partner what was granted", async () => {
    const before = Date.now();
    const { transaction } = await begun(["balance", "identity", "debit"]);
    granted = { scope: "openid identity debit", refresh_token: "rt-1", grant_id: "grant-1" };
    const link = await links.complete(callback(), { transaction }, OPTIONS);
    const seen = {
      id: expect.stringMatching(/^lnk_[\w-]{24}$/),
      customerId: "u-42",
      status: "active",
      scopes: ["identity", "debit"],
      refusedScopes: ["balance"],
      profile: "fapi2-security",
      grantId: "grant-1",
    };
    const { record } = await readLink(store, link.id);
    expect(record).toStrictEqual({
      ...seen,
      ...CLIENT,
      thumbprint: "thumbprint-1",
      tokens: expect.objectContaining({ accessToken: "at-1", refreshToken: "rt-1", grantId: "grant-1" }),
      createdAt: expect.any(Number),
      grantedAt: record.createdAt,
    });
    expect(record.createdAt - before).toBeLessThan(60_000);
    expect(record.createdAt).toBeGreaterThanOrEqual(before);
    const { createdAt, ...rest } = link;
    expect(rest).toStrictEqual({ ...seen, interactionId: INTERACTION_ID });
    expect(Date.parse(createdAt)).toBe(Math.floor(record.createdAt / 1000) * 1000);
    expect(Object.isFrozen(link)).toBe(true);
    expect(asked.at(-1)?.headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
    expect(link).toStrictEqual({ ...(await links.get(link.id)), interactionId: INTERACTION_ID });
  });

  test("grants all that was asked for where the bank says nothing else, and names no grant where the bank does not", async () => {
    connect({ scopes: { balance: "zandaka" } });
    const { transaction } = await begun();
    const link = await links.complete(callback(), { transaction });
    expect(link).toMatchObject({ scopes: ["balance", "debit"], refusedScopes: [] });
    expect(link).not.toHaveProperty("grantId");
    expect((await readLink(store, link.id)).record).not.toHaveProperty("grantId");
  });

  test("of one customer twice makes two links", async () => {
    const ids = [];
    for (let times = 0; times < 2; times++) {
      const { transaction } = await begun();
      ids.push((await links.complete(callback(), { transaction })).id);
    }
    expect(new Set(ids).size).toBe(2);
  });

  test("outlives a store that fails in passing: the tokens are nowhere else", async () => {
    const { transaction } = await begun();
    const put = store.put.bind(store);
    store.put = async () => {
      store.put = put;
      throw new StoreError("put", "store_failed", "connection");
    };
    const { id } = await links.complete(callback(), { transaction });
    expect((await readLink(store, id)).record.tokens?.accessToken).toBe("at-1");
  });
});

describe("a callback", () => {
  test.each<[string, string, () => string]>([
    ["state", "of another request", () => callback({ code: "c-1", state: "another" })],
    ["iss", "of another issuer", () => callback({ code: "c-1", iss: "https://attacker.example" })],
    ["code", "that says nothing", () => callback({})],
    ["state", "with a forged refusal", () => callback({ error: "access_denied", state: "another" })],
    ["parameter", "with a parameter twice", () => `${callback()}&code=c-2`],
  ])("that fails the check of its %s spends nothing: one %s", async (check, _, forged) => {
    const { transaction } = await begun();
    expect((await rejection(links.complete(forged(), { transaction }), ValidationError)).check).toBe(check);
    expect(steps).toEqual([]);
    expect((await links.complete(callback(), { transaction })).status).toBe("active");
  });

  test.each([undefined, {}, { transaction: undefined }, { transaction: "" }, { transaction: "unheard-of" }])(
    "that comes without its transaction is refused: %j",
    async browser => {
      await begun();
      const error = await rejection(links.complete(callback(), browser as never), ValidationError);
      expect(error).toMatchObject({ check: "transaction", sideEffect: "none" });
      expect(steps).toEqual([]);
    },
  );

  test.each([{ customerId: "u-43" }, { customerId: undefined }, { customerId: "" }])(
    "that comes back with another customer than began is refused, and spends nothing: %j",
    async other => {
      const { transaction } = await begun();
      const error = await rejection(links.complete(callback(), { transaction, ...other } as never), ValidationError);
      expect(error).toMatchObject({ check: "customer", sideEffect: "none" });
      expect(error.message).not.toMatch(/u-4/);
      expect(steps).toEqual([]);
      expect((await links.complete(callback(), { transaction, customerId: WISH.customerId })).status).toBe("active");
    },
  );

  test("is good once, also for those who come at the same time", async () => {
    const { transaction } = await begun();
    const calls = Array.from({ length: 5 }, () => links.complete(callback(), { transaction }));
    const settled = await Promise.allSettled(calls);
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(steps.filter(step => step === "POST /token")).toHaveLength(1);
    const late = links.complete(callback(), { transaction });
    expect((await rejection(late, ValidationError)).check).toBe("transaction");
  });

  test("in which the customer declines spends the transaction, and asks for no token", async () => {
    const { transaction } = await begun();
    const declined = links.complete(callback({ error: "access_denied" }), { transaction });
    expect((await rejection(declined, AuthorizationError)).code).toBe("access_denied");
    expect(steps.slice(-1)).toEqual(["take transaction"]);
  });

  test("is still good after the bank's keys could not be had", async () => {
    const { transaction } = await begun();
    const jwks = replies["GET /jwks"]!;
    replies["GET /jwks"] = () => answer(503, "");
    const error = await rejection(links.complete(callback(), { transaction }, OPTIONS), OAuthError);
    expect(error).toMatchObject({ endpoint: "jwks", sideEffect: "none" });
    expect(steps).toEqual(["GET /jwks"]);
    replies["GET /jwks"] = jwks;
    expect((await links.complete(callback(), { transaction })).status).toBe("active");
  });

  test("is still good after the certificate could not be had", async () => {
    const { transaction } = await begun();
    thumbprint = lost;
    await rejection(links.complete(callback(), { transaction }), TransportError);
    thumbprint = () => "thumbprint-2";
    const { id } = await links.complete(callback(), { transaction });
    expect((await readLink(store, id)).record.thumbprint).toBe("thumbprint-2");
  });

  test.each<[string, Reply]>([
    ["refused", () => answer(400, { error: "invalid_grant" }, JSON_TYPE)],
    ["lost", lost],
  ])("whose code is %s is over, and there is no link", async (_, reply) => {
    const { transaction } = await begun();
    replies["POST /token"] = reply;
    await expect(links.complete(callback(), { transaction })).rejects.toMatchObject({ retryable: false });
    expect(steps).not.toContain("put link");
    const again = links.complete(callback(), { transaction });
    expect((await rejection(again, ValidationError)).check).toBe("transaction");
  });
});

describe("renewing a link", () => {
  const TOKENS = {
    accessToken: "at-0",
    refreshToken: "rt-0",
    scopes: ["openid", "balance"],
    grantId: "grant-1",
    subject: { iss: ISSUER, sub: "customer-7" },
  };
  const OLD = linkRecord({
    scopes: ["balance", "identity"],
    refusedScopes: ["deposits"],
    grantId: "grant-1",
    grantExpiresAt: Date.UTC(2026, 3, 1),
    tokens: TOKENS,
    createdAt: Date.UTC(2026, 0, 1),
  });
  const RENEWAL = { ...WISH, scopes: ["debit", "balance"], link: LINK_ID } as const;

  async function linked(overrides: Partial<LinkRecord> = {}): Promise<void> {
    await writeLink(store, { ...OLD, ...overrides }, 0);
    steps.length = 0;
  }

  async function stored(): Promise<LinkRecord> {
    return (await readLink(store, LINK_ID)).record;
  }

  async function renewing(overrides: Partial<LinkRecord> = {}): Promise<{ transaction: string }> {
    await linked(overrides);
    const { transaction } = await links.begin(RENEWAL);
    steps.length = 0;
    return { transaction };
  }

  test("asks again for what it may do, besides what is new, and merges its grant", async () => {
    await linked();
    const { transaction } = await links.begin(RENEWAL, OPTIONS);
    expect(pushed.get("scope")?.split(" ").slice(-3)).toEqual(["balance", "identity", "debit"]);
    expect(pushed.get("grant_management_action")).toBe("merge");
    expect(pushed.get("grant_id")).toBe("grant-1");
    expect(await peekTransaction(store, transaction)).toMatchObject({
      customerId: "u-42",
      scopes: ["balance", "identity", "debit"],
      linkId: LINK_ID,
    });
    expect(await stored()).toStrictEqual(OLD);
  });

  test("asks for a new grant where the bank gave it no id", async () => {
    const { grantId: _, ...ungranted } = OLD;
    await writeLink(store, ungranted, 0);
    await links.begin(RENEWAL);
    expect(pushed.get("grant_management_action")).toBe("create");
    expect(pushed.has("grant_id")).toBe(false);
  });

  test("asks for no grant where the bank manages none", async () => {
    delete endpoints["grant_management_endpoint"];
    await linked();
    await links.begin(RENEWAL);
    expect(pushed.has("grant_management_action")).toBe(false);
    expect(pushed.has("grant_id")).toBe(false);
  });

  test.each<[string, Partial<LinkRecord>, string]>([
    ["released", { status: "released" }, "link_released"],
    ["another customer's", { customerId: "u-43" }, "link_unknown"],
    ["released, and another customer's", { customerId: "u-43", status: "released" }, "link_released"],
    ["another client's", { clientId: "another-client" }, "link_elsewhere"],
    ["not there", { id: "lnk_2" }, "link_unknown"],
  ])("that is %s asks the bank nothing", async (_, overrides, code) => {
    await linked(overrides);
    expect(await rejection(links.begin(RENEWAL), LinkError)).toMatchObject({ code, linkId: LINK_ID });
    expect(steps).toEqual([]);
  });

  test.each([null, "", 7])("needs its id: %j is none", async link => {
    const error = await rejection(links.begin({ ...RENEWAL, link: link as string }), ArgumentError);
    expect(error).toMatchObject({ code: "argument_invalid", argument: "link" });
    expect(steps).toEqual([]);
  });

  /** What a request was pushed with, in order. */
  function refusing(refused: (parameters: URLSearchParams) => boolean, error: string): URLSearchParams[] {
    const all: URLSearchParams[] = [];
    const push = replies["POST /par"]!;
    replies["POST /par"] = outgoing => {
      const parameters = new URLSearchParams(outgoing.body);
      all.push(parameters);
      return refused(parameters) ? answer(400, { error }, JSON_TYPE) : push(outgoing);
    };
    return all;
  }

  test("asks for a new grant where the old one is over, with secrets of its own", async () => {
    const requests = refusing(parameters => parameters.has("grant_id"), "invalid_grant_id");
    await linked();
    const { transaction } = await links.begin(RENEWAL, OPTIONS);
    const told = requests.map(request => [request.get("grant_management_action"), request.get("grant_id")]);
    expect(told).toEqual([
      ["merge", "grant-1"],
      ["create", null],
    ]);
    for (const name of ["state", "nonce", "code_challenge"]) {
      expect(new Set(requests.map(request => request.get(name))).size).toBe(2);
    }
    expect(new Set(requests.map(request => request.get("scope"))).size).toBe(1);
    for (const { headers } of asked) expect(headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
    const { secrets, linkId } = await peekTransaction(store, transaction);
    expect({ state: secrets.state, linkId }).toEqual({ state: pushed.get("state"), linkId: LINK_ID });
    expect(steps).toEqual(["POST /par", "POST /par", "put transaction"]);
  });

  test("that got a new grant has it from now on, and its old tokens are revoked", async () => {
    refusing(parameters => parameters.has("grant_id"), "invalid_grant_id");
    const { transaction } = await renewing();
    granted = { grant_id: "grant-2" };
    expect(await links.complete(callback(), { transaction })).toMatchObject({ id: LINK_ID, grantId: "grant-2" });
    expect(steps.filter(step => step === "POST /revoke")).toHaveLength(2);
  });

  test("that got a new grant of which the bank tells no id has none from now on, and keeps a merged one", async () => {
    granted = {};
    const merged = await renewing();
    expect(await links.complete(callback(), { transaction: merged.transaction })).toMatchObject({ grantId: "grant-1" });
    refusing(parameters => parameters.has("grant_id"), "invalid_grant_id");
    const { transaction } = await links.begin(RENEWAL);
    steps.length = 0;
    expect(await links.complete(callback(), { transaction })).not.toHaveProperty("grantId");
    expect(steps).toContain("POST /revoke");
  });

  test("by another customer of the bank is refused, also with a new grant", async () => {
    refusing(parameters => parameters.has("grant_id"), "invalid_grant_id");
    const { transaction } = await renewing({ tokens: { ...TOKENS, subject: { iss: ISSUER, sub: "customer-8" } } });
    granted = { grant_id: "grant-2" };
    expect((await rejection(links.complete(callback(), { transaction }), ValidationError)).check).toBe("sub");
  });

  test.each<[string, string, Partial<LinkRecord>]>([
    ["otherwise", "invalid_request", {}],
    ["a grant that was not asked for", "invalid_grant_id", { grantId: undefined as never }],
  ])("asks once where the bank refuses %s", async (_, error, overrides) => {
    const requests = refusing(() => true, error);
    await linked(overrides);
    expect((await rejection(links.begin(RENEWAL), OAuthError)).code).toBe(error);
    expect(requests).toHaveLength(1);
    expect(steps).toEqual(["POST /par"]);
  });

  test("asks once where the connection is lost, and twice where the new grant is refused, too", async () => {
    await linked();
    replies["POST /par"] = lost;
    await rejection(links.begin(RENEWAL), TransportError);
    expect(new Set(asked.map(({ body }) => new URLSearchParams(body).get("grant_id")))).toEqual(new Set(["grant-1"]));
    const requests = refusing(() => true, "invalid_grant_id");
    expect((await rejection(links.begin(RENEWAL), OAuthError)).code).toBe("invalid_grant_id");
    expect(requests).toHaveLength(2);
  });

  test("puts the new tokens in the place of the old ones, under the lock of the refresh", async () => {
    const { transaction } = await renewing();
    await links.complete(callback(), { transaction });
    expect(steps).toEqual([
      "GET /jwks",
      "thumbprint",
      "lock lock:refresh:lnk_1",
      "take transaction",
      "POST /token",
      "put link",
      "unlock lock:refresh:lnk_1",
    ]);
  });

  test("keeps its id, its customer and its beginning; what it can do is what was granted now", async () => {
    const { transaction } = await renewing({ profile: "fapi1-advanced" });
    thumbprint = () => "thumbprint-2";
    granted = { scope: "openid balance debit", refresh_token: "rt-1", grant_id: "grant-1" };
    const link = await links.complete(callback(), { transaction }, OPTIONS);
    expect(Object.isFrozen(link)).toBe(true);
    expect(link).toStrictEqual({ ...(await links.get(LINK_ID)), interactionId: INTERACTION_ID });
    const { grantExpiresAt: _, ...before } = OLD;
    const renewed = await stored();
    expect(renewed.grantedAt).toBeGreaterThan(OLD.grantedAt);
    expect(renewed).toStrictEqual({
      ...before,
      grantedAt: expect.any(Number),
      profile: "fapi2-security",
      scopes: ["balance", "debit"],
      refusedScopes: ["identity"],
      thumbprint: "thumbprint-2",
      tokens: expect.objectContaining({ accessToken: "at-1", refreshToken: "rt-1", grantId: "grant-1" }),
    });
  });

  test("is the end of the old tokens for this process, too", async () => {
    await linked();
    expect((await access.use(LINK_ID, aCall())).accessToken).toBe("at-0");
    const { transaction } = await links.begin(RENEWAL);
    await links.complete(callback(), { transaction });
    const used = await access.use(LINK_ID, aCall());
    expect(used).toStrictEqual({ record: await stored(), accessToken: "at-1", issued: false });
  });

  test("by another customer of the bank is refused, and leaves it as it was", async () => {
    const { transaction } = await renewing({ tokens: { ...TOKENS, subject: { iss: ISSUER, sub: "customer-8" } } });
    const before = await stored();
    const error = await rejection(links.complete(callback(), { transaction }), ValidationError);
    expect(error).toMatchObject({ check: "sub", sideEffect: "possible" });
    expect(steps.slice(-2)).toEqual(["POST /token", "unlock lock:refresh:lnk_1"]);
    expect(await stored()).toStrictEqual(before);
  });

  test("that was made without OpenID Connect learns who its customer is", async () => {
    const { subject: _, ...tokens } = TOKENS;
    const { transaction } = await renewing({ tokens });
    await links.complete(callback(), { transaction });
    expect((await stored()).tokens?.subject).toEqual({ iss: ISSUER, sub: "customer-7" });
  });

  test("that has no tokens any more gets new ones", async () => {
    const { tokens: _, ...bare } = OLD;
    await writeLink(store, bare, 0);
    const { transaction } = await links.begin(RENEWAL);
    await links.complete(callback(), { transaction });
    expect((await stored()).tokens?.accessToken).toBe("at-1");
  });

  test("that the customer declines leaves it as it was", async () => {
    const { transaction } = await renewing();
    await rejection(links.complete(callback({ error: "access_denied" }), { transaction }), AuthorizationError);
    expect(steps.slice(-2)).toEqual(["take transaction", "unlock lock:refresh:lnk_1"]);
    expect(await stored()).toStrictEqual(OLD);
  });

  test("whose callback comes several times at once spends its code once", async () => {
    const { transaction } = await renewing();
    const calls = Array.from({ length: 3 }, () => links.complete(callback(), { transaction }));
    const settled = await Promise.allSettled(calls);
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(steps.filter(step => step === "POST /token")).toHaveLength(1);
    expect((await stored()).tokens?.accessToken).toBe("at-1");
  });

  test("whose lock is not to be had in time can be completed later", async () => {
    const { transaction } = await renewing();
    await MemoryStore.prototype.lock.call(store, "lock:refresh:lnk_1", "another", 60_000);
    await rejection(links.complete(callback(), { transaction }, { timeout: 100 }), TransportError);
    expect(steps).not.toContain("take transaction");
    await store.unlock("lock:refresh:lnk_1", "another");
    expect((await links.complete(callback(), { transaction })).id).toBe(LINK_ID);
  });

  test.each<[string, Partial<LinkRecord> | undefined, LinkError["code"]]>([
    ["forgotten", undefined, "link_unknown"],
    ["released", { status: "released" }, "link_released"],
    ["another customer's", { customerId: "u-43" }, "link_unknown"],
  ])("that is %s by now does not bring it back, and spends nothing", async (_, changes, code) => {
    const { transaction } = await renewing();
    await removeLink(store, LINK_ID);
    if (changes !== undefined) await linked(changes);
    steps.length = 0;
    expect((await rejection(links.complete(callback(), { transaction }), LinkError)).code).toBe(code);
    expect(steps).toEqual(["GET /jwks", "thumbprint", "lock lock:refresh:lnk_1", "unlock lock:refresh:lnk_1"]);
    if (changes !== undefined) expect(await stored()).toStrictEqual({ ...OLD, ...changes });
    expect((await peekTransaction(store, transaction)).linkId).toBe(LINK_ID);
  });

  test("that is ended while the tokens come leaves none of them behind", async () => {
    const { transaction } = await renewing();
    const token = replies["POST /token"]!;
    replies["POST /token"] = async outgoing => {
      await removeLink(store, LINK_ID);
      return token(outgoing);
    };
    expect((await rejection(links.complete(callback(), { transaction }), LinkError)).code).toBe("link_unknown");
    const revocations = asked.filter(({ url }) => url.pathname === "/revoke");
    expect(revocations.map(({ body }) => new URLSearchParams(body).get("token"))).toEqual(["at-1"]);
    expect(steps).not.toContain("put link");
    expect(await store.get(`link:${LINK_ID}`)).toBeUndefined();
  });
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe("listing links", () => {
  beforeEach(async () => {
    for (const [id, overrides] of Object.entries<Partial<LinkRecord>>({
      lnk_c: {},
      lnk_a: {},
      lnk_b: { status: "released" },
      lnk_d: { customerId: "u-43" },
      lnk_e: { clientId: "another-client" },
      lnk_f: { issuer: "https://bank-a.example" },
    })) {
      await writeLink(store, linkRecord({ id, ...overrides }), 0);
    }
  });

  test("tells all that are active, in the order of their ids, without asking the bank", async () => {
    expect((await all(links.list())).map(({ id }) => id)).toEqual(["lnk_a", "lnk_c", "lnk_d"]);
    for (const filter of [{}, null as never]) {
      expect((await all(links.list(filter))).map(({ id }) => id)).toEqual(["lnk_a", "lnk_c", "lnk_d"]);
    }
    expect(asked).toEqual([]);
  });

  test.each([
    ["u-42", ["lnk_a", "lnk_b", "lnk_c"]],
    ["u-43", ["lnk_d"]],
    ["u-44", []],
  ])("tells those of a customer, the released ones, too: %s", async (customerId, ids) => {
    expect((await all(links.list({ customerId }))).map(({ id }) => id)).toEqual(ids);
  });

  test("tells nobody of another customer's link, whatever label it has in the database", async () => {
    const { value = "", version = 0 } = (await store.get("link:lnk_a")) ?? {};
    await store.put("link:lnk_a", value, { version, labels: { customer: "u-44", link: "active" } });
    expect(await all(links.list({ customerId: "u-44" }))).toEqual([]);
  });

  test("shows of each what the partner may see", async () => {
    const list: LinkInfo[] = await all(links.list({ customerId: "u-42" }));
    for (const link of list) expect(link).toStrictEqual(await links.get(link.id));
    expect(list.every(Object.isFrozen)).toBe(true);
    expect(JSON.stringify(list)).not.toContain("CANARY");
  });
});

describe("links whose grants end soon", () => {
  const NOW = Date.UTC(2026, 3, 1);
  const DAY = 86_400_000;
  const ENDS = "GET /grants/grant-1";

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: NOW });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function linked(overrides: Partial<LinkRecord>): Promise<void> {
    await writeLink(store, linkRecord({ grantId: "grant-1", ...overrides }), 0);
    steps.length = 0;
  }

  function ending(expiresAt?: string | null): Reply {
    return () => answer(200, { status: "active", scopes: [], expiresAt }, JSON_TYPE);
  }

  async function soon(within = 30): Promise<ExpiringLink[]> {
    return all(links.expiring({ within }));
  }

  test("are told with the end that is known, without asking the bank", async () => {
    await linked({ grantExpiresAt: NOW + 10 * DAY });
    const told = await soon();
    const expiresAt = "2026-04-11T09:00:00+09:00";
    expect(told).toStrictEqual([{ id: LINK_ID, customerId: "u-42", expiresAt, expired: false }]);
    expect(told.every(Object.isFrozen)).toBe(true);
    expect(steps).toEqual([]);
  });

  test.each([
    ["a second too late", 30 * DAY + 1000, undefined],
    ["at the last moment", 30 * DAY, false],
    ["in a second", 1000, false],
    ["now", 0, true],
    ["a day ago", -DAY, true],
  ])("are those that end within so many days, or have ended: %s", async (_, after, expired) => {
    await linked({ grantExpiresAt: NOW + after });
    expect((await soon()).map(link => link.expired)).toEqual(expired === undefined ? [] : [expired]);
  });

  test("are counted in days, and in parts of them", async () => {
    await linked({ grantExpiresAt: NOW + DAY });
    expect(await soon(0.5)).toEqual([]);
    expect(await soon(1)).toHaveLength(1);
    expect(await soon(36_500)).toHaveLength(1);
  });

  test("are not those that never end, of which the bank is not asked again", async () => {
    await linked({ grantExpiresAt: null });
    expect(await soon()).toEqual([]);
    expect(steps).toEqual([]);
  });

  test("are asked after where the bank has not told, once", async () => {
    replies[ENDS] = ending("2026-04-11T09:00:00+09:00");
    await linked({});
    expect(await all(links.expiring({ within: 30 }, OPTIONS))).toMatchObject([
      { id: LINK_ID, expiresAt: "2026-04-11T09:00:00+09:00", expired: false },
    ]);
    expect(asked[0]?.headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
    expect(await soon()).toHaveLength(1);
    expect(steps.filter(step => step === ENDS)).toHaveLength(1);
  });

  test.each([undefined, null])("are not those of which the bank says %s, once", async expiresAt => {
    replies[ENDS] = ending(expiresAt);
    await linked({});
    expect(await soon()).toEqual([]);
    expect(await soon()).toEqual([]);
    expect(steps.filter(step => step === ENDS)).toHaveLength(1);
  });

  test("are told of though the bank does not answer for others", async () => {
    await linked({ id: "lnk_0", grantId: "grant-0" });
    await linked({ grantExpiresAt: NOW + DAY });
    replies["GET /grants/grant-0"] = () => answer(404, "");
    expect((await soon()).map(({ id }) => id)).toEqual([LINK_ID]);
    expect(steps).toContain("GET /grants/grant-0");
  });

  test.each(["", "soon", "2026-13-01T00:00:00+09:00"])(
    "are not those of which the bank says what nobody can read: %j; the others are told",
    async expiresAt => {
      await linked({ id: "lnk_0", grantId: "grant-0" });
      await linked({ grantExpiresAt: NOW + DAY });
      replies["GET /grants/grant-0"] = ending(expiresAt);
      expect((await soon()).map(({ id }) => id)).toEqual([LINK_ID]);
      expect((await readLink(store, "lnk_0")).record).not.toHaveProperty("grantExpiresAt");
    },
  );

  test.each([
    ["grant_expired", [{ id: LINK_ID, customerId: "u-42", expired: true }]],
    ["grant_revoked", []],
    ["another", []],
  ])("are told by the bank's refusal, where it says so: %s", async (code, told) => {
    await linked({});
    replies["GET /grants/grant-1"] = () => answer(403, { code });
    expect(await all(links.expiring({ within: 30 }, { timeout: 5_000 }))).toEqual(told);
  });

  test("are not told any further to a caller who has gone", async () => {
    const gone = new AbortController();
    await linked({ id: "lnk_0", grantId: "grant-0" });
    await linked({});
    replies["GET /grants/grant-0"] = () => {
      gone.abort();
      return lost();
    };
    await rejection(all(links.expiring({ within: 30 }, { signal: gone.signal })), TransportError);
    expect(steps.filter(step => step.startsWith("GET /grants/"))).toEqual(["GET /grants/grant-0"]);
  });

  test("are told to a caller who has not gone, and may", async () => {
    await linked({ id: "lnk_0", grantId: "grant-0" });
    await linked({ grantExpiresAt: NOW + DAY });
    replies["GET /grants/grant-0"] = lost;
    const { signal } = new AbortController();
    expect(await all(links.expiring({ within: 30 }, { signal }))).toMatchObject([{ id: LINK_ID }]);
  });

  test("are active ones of this client", async () => {
    const grantExpiresAt = NOW + DAY;
    await linked({ grantExpiresAt, status: "released" });
    await linked({ id: "lnk_2", grantExpiresAt, clientId: "another-client" });
    expect(await soon()).toEqual([]);
  });

  test.each([
    undefined,
    null,
    {},
    { within: 0 },
    { within: -1 },
    { within: Number.NaN },
    { within: 36_501 },
    { within: Number.POSITIVE_INFINITY },
    { within: "30" },
  ])("need a number of days: %j is none", async given => {
    const error = await rejection(all(links.expiring(given as never)), ArgumentError);
    expect(error).toMatchObject({ code: "argument_invalid", argument: "within" });
  });
});

describe("looking a link up", () => {
  test("asks the store only, and shows no token", async () => {
    await writeLink(store, linkRecord({ issuer: "https://bank-a.example", grantId: "grant-1" }), 0);
    const link = await links.get(LINK_ID);
    expect(link).toMatchObject({ id: LINK_ID, customerId: "u-42", status: "active", grantId: "grant-1" });
    expect(JSON.stringify(link)).not.toContain("CANARY");
    expect(asked).toEqual([]);
  });

  test("that is not there says so", async () => {
    expect((await rejection(links.get("lnk_x"), LinkError)).code).toBe("link_unknown");
  });
});

describe("ending a link", () => {
  const TOKENS = { accessToken: "at-1", refreshToken: "rt-1", scopes: ["openid"] };
  const REVOKED_UNDER_LOCK = [
    "lock lock:refresh:lnk_1",
    "put link",
    "POST /revoke",
    "POST /revoke",
    "put link",
    "unlock lock:refresh:lnk_1",
  ];

  async function linked(overrides: Partial<LinkRecord> = {}): Promise<void> {
    await writeLink(store, linkRecord({ tokens: TOKENS, grantId: "grant-1", ...overrides }), 0);
    steps.length = 0;
  }

  async function change(changes: Partial<LinkRecord>): Promise<void> {
    const { record, version } = await readLink(store, LINK_ID);
    await MemoryStore.prototype.put.call(store, `link:${LINK_ID}`, JSON.stringify({ ...record, ...changes }), {
      version,
    });
  }

  /** Lets somebody else do something just before the lock is had. */
  function beforeLock(work: () => Promise<void>): void {
    const lock = store.lock.bind(store);
    store.lock = async (...parameters) => {
      await work();
      return lock(...parameters);
    };
  }

  async function unmanaged(): Promise<void> {
    delete endpoints["grant_management_endpoint"];
    await linked();
  }

  function revoked(): (string | null)[] {
    return asked
      .filter(({ url }) => url.pathname === "/revoke")
      .map(({ body }) => new URLSearchParams(body).get("token"));
  }

  test("releases its grant, revokes its tokens, and forgets it", async () => {
    await linked();
    await access.use(LINK_ID, aCall());
    steps.length = 0;
    expect(await links.end(LINK_ID, OPTIONS)).toBeUndefined();
    expect(steps).toEqual(["thumbprint", "DELETE /grants/grant-1", ...REVOKED_UNDER_LOCK, "take link"]);
    for (const { headers } of asked) expect(headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
    expect((await rejection(access.use(LINK_ID, aCall()), LinkError)).code).toBe("link_unknown");
  });

  test("revokes its tokens under the lock of the refresh where the bank manages no grants", async () => {
    await unmanaged();
    await access.use(LINK_ID, aCall());
    steps.length = 0;
    await links.end(LINK_ID, OPTIONS);
    expect(steps).toEqual([...REVOKED_UNDER_LOCK, "take link"]);
    expect(revoked()).toEqual(["rt-1", "at-1"]);
    for (const { headers } of asked) expect(headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
    expect((await rejection(access.use(LINK_ID, aCall()), LinkError)).code).toBe("link_unknown");
  });

  test("does so, too, where the bank gave it no grant_id", async () => {
    const { grantId: _, ...record } = linkRecord({ tokens: TOKENS, grantId: "grant-1" });
    await writeLink(store, record, 0);
    steps.length = 0;
    await links.end(LINK_ID);
    expect(steps).toEqual([...REVOKED_UNDER_LOCK, "take link"]);
  });

  test("revokes the tokens that a refresh brought meanwhile", async () => {
    await unmanaged();
    beforeLock(() => change({ tokens: { accessToken: "at-9", refreshToken: "rt-9", scopes: [] } }));
    await links.end(LINK_ID);
    expect(revoked()).toEqual(["rt-9", "at-9"]);
  });

  test("revokes the tokens that a release left behind", async () => {
    await linked({ status: "released" });
    await links.end(LINK_ID);
    expect(steps).toEqual([...REVOKED_UNDER_LOCK, "take link"]);
  });

  test("that was released forgets it, and asks the bank nothing", async () => {
    const { tokens: _, ...released } = linkRecord({ status: "released" });
    await writeLink(store, released, 0);
    steps.length = 0;
    await links.end(LINK_ID);
    expect(steps).toEqual(["take link"]);
  });

  test("forgets it where the bank has nowhere to be told", async () => {
    endpoints = { token_endpoint: `${MTLS}/token`, pushed_authorization_request_endpoint: `${MTLS}/par` };
    await linked();
    await links.end(LINK_ID);
    expect(steps.filter(step => /^(GET|POST|DELETE)/.test(step))).toEqual([]);
    expect(steps.slice(-1)).toEqual(["take link"]);
  });

  test("of which the bank accepts nothing any more forgets it", async () => {
    await linked();
    replies["DELETE /grants/grant-1"] = () => answer(401, "");
    replies["POST /token"] = () => answer(200, { access_token: "at-2", token_type: "Bearer" }, JSON_TYPE);
    await links.end(LINK_ID);
    expect(steps).toContain("POST /revoke");
    expect(steps.slice(-1)).toEqual(["take link"]);
    expect((await rejection(links.get(LINK_ID), LinkError)).code).toBe("link_unknown");
  });

  test.each<[string, Reply, abstract new (...parameters: never[]) => Error]>([
    ["is out of order", () => answer(503, ""), ApiError],
    ["can't be reached", lost, TransportError],
    ["answers with a redirect", redirected, ValidationError],
  ])("keeps it where the grant management %s", async (_, reply, type) => {
    await linked();
    replies["DELETE /grants/grant-1"] = reply;
    await rejection(links.end(LINK_ID), type);
    expect((await readLink(store, LINK_ID)).record).toMatchObject({ status: "active", tokens: TOKENS });
  });

  test.each(["server_error", "reauthorization_required"])(
    "keeps it where the bank refuses to revoke its tokens, and gives the lock back: %s",
    async error => {
      await unmanaged();
      replies["POST /revoke"] = () => answer(400, { error }, JSON_TYPE);
      expect((await rejection(links.end(LINK_ID), OAuthError)).code).toBe(error);
      expect(steps.slice(-1)).toEqual(["unlock lock:refresh:lnk_1"]);
      expect((await readLink(store, LINK_ID)).record).toMatchObject({ status: "released", tokens: TOKENS });
    },
  );

  test("that somebody else has ended meanwhile says that it is unknown", async () => {
    await unmanaged();
    beforeLock(() => removeLink(store, LINK_ID));
    expect((await rejection(links.end(LINK_ID), LinkError)).code).toBe("link_unknown");
    expect(revoked()).toEqual([]);
  });

  test.each<Partial<LinkRecord>>([{ issuer: "https://bank-a.example" }, { clientId: "another-client" }])(
    "that was made elsewhere is not to be had: %j",
    async elsewhere => {
      await linked(elsewhere);
      expect((await rejection(links.end(LINK_ID), LinkError)).code).toBe("link_elsewhere");
      expect(steps).toEqual([]);
    },
  );

  test("that is not there says so", async () => {
    expect((await rejection(links.end("lnk_x"), LinkError)).code).toBe("link_unknown");
  });
});
