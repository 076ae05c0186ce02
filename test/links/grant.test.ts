import { beforeEach, describe, expect, test } from "vitest";
import { AuthorizationServer } from "../../src/authorization/server.js";
import type { ContractOptions } from "../../src/config/contract.js";
import type { OperationRequest } from "../../src/config/operations.js";
import {
  ApiError,
  ArgumentError,
  LinkError,
  OAuthError,
  StoreError,
  TransportError,
  ValidationError,
} from "../../src/errors.js";
import { Access } from "../../src/links/access.js";
import { Grant } from "../../src/links/grant.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { type LinkRecord, readLink, removeLink, writeLink } from "../../src/links/record.js";
import { Resources } from "../../src/links/resource.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { METADATA, MTLS } from "../support/stub-bank.js";
import { answer, doorTo, LINK_ID, linkRecord, registered } from "../support/stub-rooms.js";

const JSON_TYPE = { "content-type": "application/json" };
const OPTIONS = { interactionId: INTERACTION_ID };
const STATUS = {
  status: "active",
  scopes: [{ scope: "balance" }, { scope: "debit" }],
  createdAt: "2026-04-01T09:30:00+09:00",
  expiresAt: null,
};
const TOKENS = { accessToken: "at-1", refreshToken: "rt-1", scopes: ["openid"] };
const OVER = () => answer(400, { error: "invalid_grant" }, JSON_TYPE);
const NEW_TOKENS = () => answer(200, { access_token: "at-2", refresh_token: "rt-2", token_type: "Bearer" }, JSON_TYPE);

type Reply = (outgoing: OutgoingRequest) => Answer | Promise<Answer>;

let store: MemoryStore;
let access: Access;
let grant: Grant;
let endpoints: Record<string, string>;
/** What was asked for besides the metadata. */
let asked: OutgoingRequest[];
/** What the bank answers, and what is in its place in a test. */
let replies: Record<string, Reply>;

beforeEach(async () => {
  store = new MemoryStore();
  asked = [];
  endpoints = {
    token_endpoint: `${MTLS}/token`,
    pushed_authorization_request_endpoint: `${MTLS}/par`,
    grant_management_endpoint: `${MTLS}/grants`,
    revocation_endpoint: `${MTLS}/revoke`,
    introspection_endpoint: `${MTLS}/introspect`,
  };
  replies = {
    "GET /grants/grant-1": () => answer(200, { ...STATUS, unheardOf: 1 }),
    "POST /grants/grant-1/extensions": () => answer(200, STATUS),
    "DELETE /grants/grant-1": () => answer(204, ""),
    "POST /token": NEW_TOKENS,
    "POST /revoke": () => answer(200, ""),
    "POST /introspect": () => answer(200, { active: true, scope: "openid balance" }, JSON_TYPE),
  };
  connect();
  await writeLink(store, linkRecord({ grantId: "grant-1", tokens: TOKENS }), 0);
});

/** A partner whose contract with the bank differs. */
function connect(contract: ContractOptions = {}): void {
  const settings = configuration("fapi2-security", { contract });
  const door = doorTo(outgoing => {
    const { method, url } = outgoing;
    if (url.pathname.startsWith("/.well-known/")) {
      return answer(200, { ...METADATA, mtls_endpoint_aliases: endpoints }, JSON_TYPE);
    }
    asked.push(outgoing);
    return replies[`${method} ${url.pathname}`]?.(outgoing) ?? answer(404, "");
  });
  const server = new AuthorizationServer(settings, door);
  access = new Access(settings, server, door, store);
  const resources = new Resources(settings, door, access);
  grant = new Grant(LINK_ID, registered({ configuration: settings, server, access, resources }, store), store);
}

function lost(): never {
  const cause = new OAuthError("invalid_grant", { endpoint: "token", status: 400 });
  const details = { reached: "possible", endpoint: "x", cause } as const;
  throw new TransportError("connection_lost", "The connection is gone.", details);
}

async function change(changes: Partial<LinkRecord>): Promise<void> {
  const { record, version } = await readLink(store, LINK_ID);
  await writeLink(store, { ...record, ...changes }, version);
}

async function withoutGrantId(): Promise<void> {
  const { record, version } = await readLink(store, LINK_ID);
  const { grantId: _, ...rest } = record;
  await writeLink(store, rest, version);
}

async function releaseElsewhere(): Promise<void> {
  const { record, version } = await readLink(store, LINK_ID);
  const { tokens: _, ...rest } = record;
  await writeLink(store, { ...rest, status: "released" }, version);
}

async function stored(): Promise<LinkRecord> {
  return (await readLink(store, LINK_ID)).record;
}

function steps(): string[] {
  return asked.map(({ method, url }) => `${method} ${url.pathname}`);
}

/** The tokens that were revoked, in order. */
function revoked(): (string | null)[] {
  return asked
    .filter(({ url }) => url.pathname === "/revoke")
    .map(({ body }) => new URLSearchParams(body).get("token"));
}

describe("the status of a grant", () => {
  test("is what the bank has, frozen", async () => {
    const status = await grant.status(OPTIONS);
    expect(status).toStrictEqual({ ...STATUS, interactionId: INTERACTION_ID });
    expect(Object.isFrozen(status.scopes[0])).toBe(true);
    expect(asked).toMatchObject([{ method: "GET", url: { href: `${MTLS}/grants/grant-1` } }]);
    expect(asked[0]?.headers).toMatchObject({
      authorization: "Bearer at-1",
      "x-fapi-interaction-id": INTERACTION_ID,
    });
    expect(asked[0]).not.toHaveProperty("body");
  });

  test.each([
    {},
    { status: 7 },
    { scopes: undefined },
    { scopes: ["balance"] },
    { scopes: [{ scope: 7 }] },
    { createdAt: 7 },
    { expiresAt: 7 },
    { lastUpdatedAt: 7 },
  ])("is refused where the answer has not the form of one: %j", async wrong => {
    replies["GET /grants/grant-1"] = () => answer(200, Object.keys(wrong).length === 0 ? {} : { ...STATUS, ...wrong });
    const error = await rejection(grant.status(OPTIONS), ValidationError);
    expect(error).toMatchObject({ check: "body", sideEffect: "none", interactionId: INTERACTION_ID });
    expect(error.message).toContain("(grant)");
  });

  test.each([
    ["an unencoded id", "a/../b", `${MTLS}/grants/a%2F..%2Fb`],
    ["a plain id", "grant-2", `${MTLS}/grants/grant-2`],
  ])("is asked for below the bank's endpoint only: %s", async (_, grantId, href) => {
    await change({ grantId });
    await rejection(grant.status(), ApiError);
    expect(asked.map(({ url }) => url.href)).toEqual([href]);
  });
});

describe("an extension", () => {
  test("asks for the end of the last day in Japan", async () => {
    expect(await grant.extend({ until: "2027-03-31" }, OPTIONS)).toStrictEqual({
      ...STATUS,
      interactionId: INTERACTION_ID,
    });
    expect(asked).toMatchObject([
      {
        method: "POST",
        url: { href: `${MTLS}/grants/grant-1/extensions` },
        body: '{"expiresAt":"2027-03-31T23:59:59+09:00"}',
      },
    ]);
  });

  test.each([undefined, {}, { until: "2027-02-29" }, { until: "tomorrow" }, { until: 20270331 }])(
    "until no day of the calendar is not asked for: %j",
    async extension => {
      const error = await rejection(grant.extend(extension as never), ArgumentError);
      expect(error).toMatchObject({ code: "argument_invalid", argument: "until" });
      expect(asked).toEqual([]);
    },
  );

  test("whose answer can't be read may have been made", async () => {
    replies["POST /grants/grant-1/extensions"] = () => answer(200, "<html>");
    const error = await rejection(grant.extend({ until: "2027-03-31" }, OPTIONS), ValidationError);
    expect(error).toMatchObject({ check: "body", sideEffect: "possible", interactionId: INTERACTION_ID });
    expect(error.message).toContain("(grant)");
  });
});

describe("when a grant ends", () => {
  const ENDS = "2027-03-31T23:59:59+09:00";
  const TIME = Date.UTC(2027, 2, 31, 14, 59, 59);
  const CALLS: [string, () => Promise<unknown>][] = [
    ["status", () => grant.status()],
    ["extend", () => grant.extend({ until: "2027-03-31" })],
  ];

  beforeEach(() => {
    answerWith(ENDS);
  });

  function answerWith(expiresAt: string | null | undefined): void {
    const reply = () => answer(200, { ...STATUS, expiresAt });
    replies["GET /grants/grant-1"] = reply;
    replies["POST /grants/grant-1/extensions"] = reply;
  }

  test.each(CALLS)("is kept, as the bank says it, and known to this process: %s", async (_, call) => {
    await call();
    expect(await stored()).toStrictEqual({ ...linkRecord(), ...(await stored()), grantExpiresAt: TIME });
    expect(await stored()).toMatchObject({ status: "active", tokens: TOKENS, grantId: "grant-1" });
    expect((await access.use(LINK_ID, aCall())).record.grantExpiresAt).toBe(TIME);
  });

  test.each([null, undefined])("is never where the bank says %s", async expiresAt => {
    await change({ grantExpiresAt: TIME });
    answerWith(expiresAt);
    await grant.status();
    expect((await stored()).grantExpiresAt).toBeNull();
  });

  test("is kept anew when it changes, and not written otherwise", async () => {
    await change({ grantExpiresAt: TIME - 1 });
    await grant.status();
    expect((await stored()).grantExpiresAt).toBe(TIME);
    const { version } = await readLink(store, LINK_ID);
    await grant.status();
    expect((await readLink(store, LINK_ID)).version).toBe(version);
  });

  test.each([TIME, null])("stays %j where the bank's answer is no date", async grantExpiresAt => {
    await change({ grantExpiresAt });
    const { version } = await readLink(store, LINK_ID);
    answerWith("some day");
    expect((await grant.status()).expiresAt).toBe("some day");
    expect(await readLink(store, LINK_ID)).toMatchObject({ version, record: { grantExpiresAt } });
  });

  test("is kept over what was changed meanwhile", async () => {
    const put = store.put.bind(store);
    store.put = async (...parameters) => {
      store.put = put;
      await change({ thumbprint: "thumbprint-9" });
      return store.put(...parameters);
    };
    await grant.status();
    expect(await stored()).toMatchObject({ thumbprint: "thumbprint-9", grantExpiresAt: TIME });
  });

  test.each(CALLS)("is told all the same where it can't be kept: %s", async (_, call) => {
    store.put = async () => {
      throw new StoreError("put", "store_failed", "connection");
    };
    expect(await call()).toMatchObject({ expiresAt: ENDS });
  });

  test("is not kept of an answer that is refused", async () => {
    replies["GET /grants/grant-1"] = () => answer(200, { expiresAt: ENDS });
    await rejection(grant.status(), ValidationError);
    expect(await stored()).not.toHaveProperty("grantExpiresAt");
  });
});

describe("a bank of another shape", () => {
  test("extends a grant by a new authorization only, where the contract says so", async () => {
    connect({ grantExtension: "authorization" });
    const error = await rejection(grant.extend({ until: "2027-03-31" }), LinkError);
    expect(error).toMatchObject({ code: "reauthorization_required", linkId: LINK_ID });
    expect(error.message).toContain("links.begin()");
    expect(asked).toEqual([]);
    const argument = await rejection(grant.extend({ until: "some day" }), ArgumentError);
    expect(argument.argument).toBe("until");
  });

  test.each<["grant" | "extendGrant" | "releaseGrant", string, () => Promise<unknown>]>([
    ["grant", "GET", () => grant.status()],
    ["extendGrant", "POST", () => grant.extend({ until: "2027-03-31" })],
    ["releaseGrant", "DELETE", () => grant.revoke()],
  ])("is asked in its own way: %s", async (operation, method, call) => {
    const request = (asked: OperationRequest) => ({ ...asked, url: `${MTLS}/ninka` });
    connect({ operations: { [operation]: { request } } });
    await call().catch(() => {});
    expect(steps()[0]).toBe(`${method} /ninka`);
  });

  test("has its own words for how a grant stands", async () => {
    connect({ codes: { grantStatus: { yuukou: "active" } } });
    const reply = () => answer(200, { ...STATUS, status: "yuukou" });
    replies["GET /grants/grant-1"] = reply;
    replies["POST /grants/grant-1/extensions"] = reply;
    expect((await grant.status()).status).toBe("active");
    expect((await grant.extend({ until: "2027-03-31" })).status).toBe("active");
  });
});

describe("a grant that can't be managed", () => {
  const CALLS: [string, () => Promise<unknown>][] = [
    ["status", () => grant.status()],
    ["extend", () => grant.extend({ until: "2027-03-31" })],
    ["revoke", () => grant.revoke()],
  ];

  test.each(CALLS)("because the bank has no endpoint for it is refused: %s", async (_, call) => {
    delete endpoints["grant_management_endpoint"];
    delete endpoints["revocation_endpoint"];
    const error = await rejection(call(), ValidationError);
    expect(error.check).toBe("grant_management");
    expect(error.message).toContain("grant_management_endpoint");
    expect(asked).toEqual([]);
    expect((await stored()).status).toBe("active");
  });

  test.each(CALLS)("because the bank gave it no id is refused: %s", async (_, call) => {
    await withoutGrantId();
    delete endpoints["revocation_endpoint"];
    const error = await rejection(call(), ValidationError);
    expect(error.check).toBe("grant_management");
    expect(error.message).toContain("grant_id");
    expect(asked).toEqual([]);
  });

  test.each(CALLS)("because it is another client's is not shown to this bank: %s", async (_, call) => {
    await change({ clientId: "another-client" });
    expect((await rejection(call(), LinkError)).code).toBe("link_elsewhere");
    expect(asked).toEqual([]);
  });

  test.each(CALLS.slice(0, 2))("because the link was released is refused: %s", async (_, call) => {
    await access.use(LINK_ID, aCall());
    await releaseElsewhere();
    expect(await rejection(call(), LinkError)).toMatchObject({ code: "link_released", linkId: LINK_ID });
    expect(asked).toEqual([]);
  });
});

describe("a release", () => {
  test("ends the grant, then its tokens, and with them the link", async () => {
    await access.use(LINK_ID, aCall());
    const info = await grant.revoke(OPTIONS);
    expect(info).toMatchObject({ id: LINK_ID, status: "released", grantId: "grant-1", interactionId: INTERACTION_ID });
    expect(info).not.toHaveProperty("tokens");
    expect(Object.isFrozen(info)).toBe(true);
    expect(steps()).toEqual(["DELETE /grants/grant-1", "POST /revoke", "POST /revoke"]);
    expect(revoked()).toEqual(["rt-1", "at-1"]);
    for (const { headers } of asked) expect(headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
    expect(await stored()).toMatchObject({ status: "released", grantId: "grant-1", customerId: "u-42" });
    expect(await stored()).not.toHaveProperty("tokens");
    expect((await rejection(access.use(LINK_ID, aCall()), LinkError)).code).toBe("link_released");
  });

  test("of a released link does nothing", async () => {
    await releaseElsewhere();
    const before = await readLink(store, LINK_ID);
    const info = await grant.revoke(OPTIONS);
    expect(info).toMatchObject({ id: LINK_ID, status: "released", interactionId: INTERACTION_ID });
    expect(Object.isFrozen(info)).toBe(true);
    expect(asked).toEqual([]);
    expect(await readLink(store, LINK_ID)).toEqual(before);
  });

  test("is one of the tokens alone where the bank manages no grants", async () => {
    delete endpoints["grant_management_endpoint"];
    expect((await grant.revoke()).status).toBe("released");
    expect(steps()).toEqual(["POST /revoke", "POST /revoke"]);
    expect(await stored()).not.toHaveProperty("tokens");
  });

  test("is one of the tokens alone where the bank gave the grant no id", async () => {
    await withoutGrantId();
    expect((await grant.revoke()).status).toBe("released");
    expect(steps()).toEqual(["POST /revoke", "POST /revoke"]);
  });

  test("is one of the grant alone where the bank revokes no tokens", async () => {
    delete endpoints["revocation_endpoint"];
    expect((await grant.revoke()).status).toBe("released");
    expect(steps()).toEqual(["DELETE /grants/grant-1"]);
    expect(await stored()).not.toHaveProperty("tokens");
  });

  test.each<[string, Reply, abstract new (...parameters: never[]) => Error]>([
    ["refuses", () => answer(400, { error: "invalid_client" }, JSON_TYPE), OAuthError],
    ["is not there", lost, TransportError],
  ])("whose revocation endpoint %s says so, and revokes the tokens when it is called again", async (_, reply, type) => {
    const revoke = replies["POST /revoke"]!;
    replies["POST /revoke"] = reply;
    await rejection(grant.revoke(), type);
    expect(await stored()).toMatchObject({ status: "released", tokens: TOKENS });
    replies["POST /revoke"] = revoke;
    asked.length = 0;
    expect((await grant.revoke()).status).toBe("released");
    expect(revoked()).toEqual(["rt-1", "at-1"]);
    expect(steps()).not.toContain("DELETE /grants/grant-1");
    expect(await stored()).not.toHaveProperty("tokens");
  });

  test("gives nobody the tokens that are being revoked", async () => {
    const refusals: string[] = [];
    replies["POST /revoke"] = async () => {
      refusals.push((await rejection(access.use(LINK_ID, aCall()), LinkError)).code);
      return answer(200, "");
    };
    await grant.revoke();
    expect(refusals).toEqual(["link_released", "link_released"]);
  });

  test("prevails over what was saved meanwhile, whose tokens are the ones that are revoked", async () => {
    const put = store.put.bind(store);
    store.put = async (...parameters) => {
      store.put = put;
      await change({ tokens: { accessToken: "at-9", refreshToken: "rt-9", scopes: [] }, thumbprint: "thumbprint-9" });
      return store.put(...parameters);
    };
    expect((await grant.revoke()).status).toBe("released");
    expect(revoked()).toEqual(["rt-9", "at-9"]);
    expect(await stored()).toMatchObject({ status: "released", thumbprint: "thumbprint-9" });
    expect(await stored()).not.toHaveProperty("tokens");
  });

  test("of a link that was forgotten meanwhile does not bring it back", async () => {
    replies["DELETE /grants/grant-1"] = async () => {
      await removeLink(store, LINK_ID);
      return answer(204, "");
    };
    expect((await rejection(grant.revoke(), LinkError)).code).toBe("link_unknown");
    expect(await store.get(`link:${LINK_ID}`)).toBeUndefined();
  });
});

describe("a release of what is gone already", () => {
  async function releases(): Promise<void> {
    expect((await grant.revoke()).status).toBe("released");
    expect((await stored()).status).toBe("released");
  }

  test.each([403, 404])("is one, by the bank's word that the refresh token is over: HTTP %i", async status => {
    replies["DELETE /grants/grant-1"] = () => answer(status, "");
    replies["POST /token"] = OVER;
    await releases();
    expect(steps().slice(0, 2)).toEqual(["DELETE /grants/grant-1", "POST /token"]);
    expect(revoked()).toEqual(["rt-1", "at-1"]);
  });

  test.each(["grant_expired", "grant_revoked"])("is one, by the bank's word of the grant: %s", async code => {
    replies["DELETE /grants/grant-1"] = () => answer(403, { code });
    await releases();
    expect(steps()).not.toContain("POST /token");
  });

  test("is none while the bank has suspended the grant; ended all the same, its tokens are revoked", async () => {
    replies["DELETE /grants/grant-1"] = () => answer(403, { code: "grant_suspended" });
    expect((await rejection(grant.revoke(), LinkError)).code).toBe("grant_suspended");
    expect((await stored()).status).toBe("active");
    expect(revoked()).toEqual([]);
    await grant.end(undefined);
    expect((await stored()).status).toBe("released");
    expect(revoked()).toEqual(["rt-1", "at-1"]);
  });

  test("is one where the refresh token is over before the bank can be asked", async () => {
    const past = Date.now() - 1;
    await change({ tokens: { ...TOKENS, expiresAt: past, refreshAt: past } });
    replies["POST /token"] = OVER;
    await releases();
    expect(steps()).not.toContain("DELETE /grants/grant-1");
  });

  test("is one where somebody else releases the link while the bank is asked", async () => {
    replies["DELETE /grants/grant-1"] = async () => {
      await releaseElsewhere();
      return answer(404, "");
    };
    await releases();
    expect(revoked()).toEqual([]);
  });
});

describe("a release of a link that has no tokens", () => {
  beforeEach(async () => {
    const { record, version } = await readLink(store, LINK_ID);
    const { tokens: _, ...bare } = record;
    await writeLink(store, bare, version);
  });

  test("is one, though the bank can't be told", async () => {
    expect((await grant.revoke()).status).toBe("released");
    expect((await stored()).status).toBe("released");
    expect(asked).toEqual([]);
  });

  test("is one, too, where the bank has nowhere to be told", async () => {
    delete endpoints["grant_management_endpoint"];
    delete endpoints["revocation_endpoint"];
    expect((await grant.revoke()).status).toBe("released");
    expect((await stored()).status).toBe("released");
  });
});

describe("a release that fails", () => {
  async function fails<E extends Error>(type: abstract new (...parameters: never[]) => E): Promise<E> {
    const error = await rejection(grant.revoke(OPTIONS), type);
    expect(await stored()).toMatchObject({ status: "active", tokens: { accessToken: expect.any(String) } });
    expect(revoked()).toEqual([]);
    return error;
  }

  test.each([
    [403, "forbidden"],
    [404, "not_found"],
  ])("with %i leaves the link as it was where its tokens can be refreshed", async (status, code) => {
    replies["DELETE /grants/grant-1"] = () => answer(status, "");
    expect(await fails(ApiError)).toMatchObject({ code, status, interactionId: INTERACTION_ID });
    expect(steps()).toEqual(["DELETE /grants/grant-1", "POST /token"]);
  });

  test.each<[string, Reply]>([
    ["is out of order", () => answer(503, "")],
    ["refuses the client", () => answer(401, { error: "invalid_client" }, JSON_TYPE)],
  ])("with 404 leaves it as it was where the token endpoint %s", async (_, reply) => {
    replies["DELETE /grants/grant-1"] = () => answer(404, "");
    replies["POST /token"] = reply;
    expect((await fails(ApiError)).code).toBe("not_found");
  });

  test.each([400, 409, 422, 429, 500, 503])("with %i is not looked into", async status => {
    replies["DELETE /grants/grant-1"] = () => answer(status, "");
    expect((await fails(ApiError)).status).toBe(status);
    expect(steps()).toEqual(["DELETE /grants/grant-1"]);
  });

  test("because the API rejects fresh tokens leaves it as it was", async () => {
    replies["DELETE /grants/grant-1"] = () => answer(401, "");
    expect((await fails(LinkError)).code).toBe("reauthorization_required");
  });

  test("because there is no refresh token leaves it as it was", async () => {
    await change({ tokens: { accessToken: "at-1", scopes: [], expiresAt: Date.now() - 1 } });
    expect((await fails(LinkError)).code).toBe("reauthorization_required");
    expect(asked).toEqual([]);
  });

  test("for another reason than the link leaves it as it was, whatever the cause", async () => {
    replies["DELETE /grants/grant-1"] = lost;
    expect((await fails(TransportError)).code).toBe("connection_lost");
  });
});

describe("an introspection", () => {
  test("asks about the access token", async () => {
    const { active, scopes } = (await grant.introspect(OPTIONS)) ?? {};
    expect({ active, scopes }).toEqual({ active: true, scopes: ["openid", "balance"] });
    expect(steps()).toEqual(["POST /introspect"]);
    expect(new URLSearchParams(asked[0]?.body).get("token")).toBe("at-1");
    expect(asked[0]?.headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
  });

  test.each([
    ["thumbprint-1", true],
    ["thumbprint-2", false],
  ])("believes the bank only of a token that is bound to the link's certificate: %s", async (bound, believed) => {
    const body = { active: true, cnf: { "x5t#S256": bound } };
    replies["POST /introspect"] = () => answer(200, body, JSON_TYPE);
    if (believed) expect((await grant.introspect())?.active).toBe(true);
    else expect((await rejection(grant.introspect(), ValidationError)).check).toBe("cnf");
  });

  test("is not made where the bank does not offer it", async () => {
    delete endpoints["introspection_endpoint"];
    expect(await grant.introspect()).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test("of a released link is refused", async () => {
    await releaseElsewhere();
    expect((await rejection(grant.introspect(), LinkError)).code).toBe("link_released");
    expect(asked).toEqual([]);
  });
});
