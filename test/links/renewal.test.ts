import { beforeEach, describe, expect, test } from "vitest";
import type { AuthorizationContext } from "../../src/authorization/server.js";
import type { TokenSet } from "../../src/authorization/tokens.js";
import type { Configuration } from "../../src/config/configuration.js";
import { ArgumentError, LinkError, OAuthError, StoreError, TransportError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { type LinkRecord, readLink, removeLink, writeLink } from "../../src/links/record.js";
import { type Registration, Registrations } from "../../src/links/registrations.js";
import { type Renewal, readRenewable, renewLink } from "../../src/links/renewal.js";
import { Resources } from "../../src/links/resource.js";
import { Calls } from "../../src/transport/calls.js";
import type { Answer } from "../../src/transport/door.js";
import { aCall, INTERACTION_ID, shortCall } from "../support/calls.js";
import { rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { MTLS, metadataWith, type StubBank, stubBank } from "../support/stub-bank.js";
import { answer, doorTo, LINK_ID, linkRecord, openAccess } from "../support/stub-rooms.js";

const settings = configuration("fapi2-security");
const OLD_TOKENS: TokenSet = { accessToken: "at-0", refreshToken: "rt-0", scopes: ["openid", "balance"] };
const NEW_TOKENS: TokenSet = { accessToken: "at-1", refreshToken: "rt-1", scopes: ["openid", "balance", "debit"] };
const OLD = linkRecord({
  profile: "fapi1-advanced",
  scopes: ["balance", "identity"],
  refusedScopes: ["deposits"],
  grantId: "grant-1",
  grantExpiresAt: 7,
  tokens: OLD_TOKENS,
  createdAt: 8,
});
const RENEWAL: Renewal = {
  linkId: LINK_ID,
  customerId: "u-42",
  scopes: ["balance", "identity", "debit"],
  merges: true,
};
const OF_ANOTHER_GRANT: TokenSet = { ...NEW_TOKENS, grantId: "grant-2" };

let steps: string[];
let store: MemoryStore;
let bank: StubBank;
let registrations: Registrations;
/** Links that are no longer at hand. */
let forgotten: string[];
let reply: () => Answer;
/** What happens while the tokens are fetched. */
let meanwhile: () => unknown;

beforeEach(async () => {
  steps = [];
  reply = () => answer(200, "");
  meanwhile = () => {};
  store = new WatchedStore();
  const metadata = metadataWith({ revocation_endpoint: `${MTLS}/revoke` });
  bank = stubBank(
    settings,
    { keys: [] },
    ({ url, body }) => {
      steps.push(`POST ${url.pathname} ${new URLSearchParams(body).get("token")}`);
      return reply();
    },
    metadata,
  );
  forgotten = [];
  registrations = new Registrations([roomsOf(settings, bank)], store, new Calls(settings.timeout));
  await linked(OLD);
});

/** The rooms of a registration, as far as renewing needs them. */
function roomsOf(configuration: Configuration, { server }: StubBank): Registration {
  const access = Object.assign(openAccess(), { forget: (id: string) => forgotten.push(id) });
  const door = doorTo(() => answer(500, ""));
  return { configuration, server, door, access, resources: new Resources(configuration, door, access) };
}

class WatchedStore extends MemoryStore {
  override async put(...parameters: Parameters<MemoryStore["put"]>): Promise<number | undefined> {
    const version = await super.put(...parameters);
    steps.push(version === undefined ? "too late" : "put");
    return version;
  }
  override async lock(key: string, owner: string, duration: number): Promise<boolean> {
    const had = await super.lock(key, owner, duration);
    steps.push(`${had ? "lock" : "wait for"} ${key}`);
    return had;
  }
  override async unlock(key: string, owner: string): Promise<void> {
    steps.push("unlock");
    return super.unlock(key, owner);
  }
}

async function linked(record: LinkRecord): Promise<void> {
  await removeLink(store, LINK_ID);
  await writeLink(store, record, 0);
  steps.length = 0;
}

async function kept(): Promise<LinkRecord> {
  return (await readLink(store, LINK_ID)).record;
}

async function change(changes: Partial<LinkRecord>): Promise<void> {
  const { record, version } = await readLink(store, LINK_ID);
  await MemoryStore.prototype.put.call(store, `link:${LINK_ID}`, JSON.stringify({ ...record, ...changes }), {
    version,
  });
}

async function renew(tokens: TokenSet = NEW_TOKENS, call = aCall(), renewal = RENEWAL): Promise<LinkRecord> {
  const context: AuthorizationContext = { configuration: settings, server: bank.server, call };
  return renewLink(store, renewal, registrations, context, async subject => {
    steps.push(`exchange for ${subject?.sub ?? "anybody"}`);
    await meanwhile();
    return { ...tokens, thumbprint: "thumbprint-2" };
  });
}

/** Lets somebody else write the link just before it is written here. */
function overtaken(changes: Partial<LinkRecord>): void {
  const put = store.put.bind(store);
  store.put = async (...parameters) => {
    store.put = put;
    await change(changes);
    return store.put(...parameters);
  };
}

const LOCKED = "lock lock:refresh:lnk_1";
const EXCHANGED = "exchange for anybody";
const REVOKED = ["POST /revoke rt-0", "POST /revoke at-0"];
const NEW_REVOKED = ["POST /revoke rt-1", "POST /revoke at-1"];

describe("a renewed link", () => {
  test("is the same one, with what was granted now, and nothing of the end of the old grant", async () => {
    const { grantExpiresAt: _, ...before } = OLD;
    const renewed = await renew();
    expect(renewed).toStrictEqual({
      ...before,
      status: "active",
      profile: "fapi2-security",
      scopes: ["balance", "debit"],
      refusedScopes: ["identity"],
      grantedAt: expect.any(Number),
      tokens: NEW_TOKENS,
      thumbprint: "thumbprint-2",
    });
    expect(await kept()).toStrictEqual(renewed);
  });

  test("is judged by the new tokens, also where they were granted what the old ones were", async () => {
    const { scopes, refusedScopes } = await renew({ ...NEW_TOKENS, scopes: OLD_TOKENS.scopes });
    expect({ scopes, refusedScopes }).toEqual({ scopes: ["balance"], refusedScopes: ["identity", "debit"] });
  });

  test("has the lock of the refresh before anything is spent, and keeps it until it is written", async () => {
    await renew();
    expect(steps).toEqual([LOCKED, EXCHANGED, "put", "unlock"]);
  });

  test("gets the tokens of the customer whom its first ID Token named", async () => {
    await linked({ ...OLD, tokens: { ...OLD_TOKENS, subject: { iss: settings.issuer, sub: "customer-7" } } });
    await renew();
    expect(steps).toContain("exchange for customer-7");
  });

  test("waits for a refresh that is under way, and is read after it", async () => {
    await store.lock("lock:refresh:lnk_1", "another", 60_000);
    const renewing = renew(OF_ANOTHER_GRANT);
    const subject = { iss: settings.issuer, sub: "customer-9" };
    await change({ tokens: { ...OLD_TOKENS, accessToken: "at-9", refreshToken: "rt-9", subject }, createdAt: 9 });
    await store.unlock("lock:refresh:lnk_1", "another");
    expect((await renewing).createdAt).toBe(9);
    expect(steps).toContain("wait for lock:refresh:lnk_1");
    expect(steps.slice(-5)).toEqual([
      "exchange for customer-9",
      "put",
      "POST /revoke rt-9",
      "POST /revoke at-9",
      "unlock",
    ]);
  });

  test("whose lock is not to be had in time is left as it was, and nothing is spent", async () => {
    await store.lock("lock:refresh:lnk_1", "another", 60_000);
    await rejection(renew(NEW_TOKENS, shortCall(50)), TransportError);
    expect(await kept()).toStrictEqual(OLD);
    expect(steps).not.toContain(EXCHANGED);
  });

  test("whose tokens can't be had is left as it was, and its lock is given back", async () => {
    meanwhile = () => {
      throw new OAuthError("invalid_grant", { endpoint: "token", status: 400, retryable: false, sideEffect: "none" });
    };
    await rejection(renew(), OAuthError);
    expect(await kept()).toStrictEqual(OLD);
    expect(steps).toEqual([LOCKED, EXCHANGED, "unlock"]);
  });

  test("prevails over what was written meanwhile, and keeps the rest of that", async () => {
    overtaken({ createdAt: 9 });
    expect(await renew()).toMatchObject({ createdAt: 9, tokens: NEW_TOKENS });
    expect(steps).toEqual([LOCKED, EXCHANGED, "too late", "put", "unlock"]);
  });

  test.each(["get", "put"] as const)(
    "outlives a store whose %s fails in passing once the tokens are there",
    async method => {
      let failed = 0;
      meanwhile = () => {
        const work = store[method].bind(store) as (...parameters: unknown[]) => Promise<never>;
        store[method] = async (...parameters: unknown[]) => {
          if (failed === 2) return work(...parameters);
          failed++;
          throw new StoreError(method, "store_failed", "connection");
        };
      };
      expect((await renew()).tokens).toEqual(NEW_TOKENS);
      expect(failed).toBe(2);
      expect(steps.filter(step => step === EXCHANGED)).toHaveLength(1);
      expect(steps.filter(step => step === LOCKED)).toHaveLength(1);
    },
  );

  test("that can't be read to begin with spends nothing", async () => {
    store.get = async () => {
      throw new StoreError("get", "store_failed", "connection");
    };
    await rejection(renew(), StoreError);
    expect(steps).toEqual([LOCKED, "unlock"]);
  });
});

describe("a link that can't be renewed", () => {
  const UNFIT: [string, Partial<LinkRecord> | undefined, LinkError["code"], string][] = [
    ["released", { status: "released" }, "link_released", "without this link"],
    ["another customer's", { customerId: "u-43" }, "link_unknown", "The customer has no such link"],
    ["released, and another customer's", { customerId: "u-43", status: "released" }, "link_released", "released"],
    ["another client's", { clientId: "another-client" }, "link_elsewhere", "client id"],
    ["forgotten", undefined, "link_unknown", "no link"],
  ];

  test.each(UNFIT)("is refused before anything is spent: one that is %s", async (_, changes, code, said) => {
    if (changes === undefined) await removeLink(store, LINK_ID);
    else await linked({ ...OLD, ...changes });
    const error = await rejection(renew(), LinkError);
    expect(error).toMatchObject({ code, linkId: LINK_ID });
    expect(error.message).toContain(said);
    expect(steps).toEqual([LOCKED, "unlock"]);
    expect(bank.asked).toEqual([]);
  });

  test.each(UNFIT)("any more is left so, and nobody gets the new tokens: one that is %s", async (_, changes, code) => {
    meanwhile = () => (changes === undefined ? removeLink(store, LINK_ID) : change(changes));
    expect((await rejection(renew(OF_ANOTHER_GRANT), LinkError)).code).toBe(code);
    expect(steps).toEqual([LOCKED, EXCHANGED, ...NEW_REVOKED, "unlock"]);
    const { headers } = bank.asked.at(-1) ?? {};
    expect(headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
    if (changes === undefined) expect(await store.get(`link:${LINK_ID}`)).toBeUndefined();
    else expect(await kept()).toStrictEqual({ ...OLD, ...changes });
  });

  test("any more, as somebody says just before it is written, is left so, too", async () => {
    overtaken({ status: "released" });
    expect((await rejection(renew(), LinkError)).code).toBe("link_released");
    expect(steps).toEqual([LOCKED, EXCHANGED, "too late", ...NEW_REVOKED, "unlock"]);
    expect(await kept()).toStrictEqual({ ...OLD, status: "released" });
  });

  test("any more says so, also where the bank can't be told of the new tokens", async () => {
    reply = () => answer(503, "");
    meanwhile = () => change({ status: "released" });
    expect((await rejection(renew(), LinkError)).code).toBe("link_released");
    expect(steps).toContain(NEW_REVOKED[0]);
  });

  test("for want of a store keeps its tokens: they may have been written all the same", async () => {
    store.put = async () => {
      throw new TypeError("the database is gone");
    };
    await rejection(renew(), TypeError);
    expect(steps).toEqual([LOCKED, EXCHANGED, "unlock"]);
    expect(bank.asked).toEqual([]);
  });

  test.each([undefined, null, "", 7, {}])("is one without an id: %j", async id => {
    const get = store.get.bind(store);
    store.get = async key => {
      steps.push("get");
      return get(key);
    };
    const error = await rejection(readRenewable(store, id as string, "u-42", registrations), ArgumentError);
    expect(error).toMatchObject({ code: "argument_invalid", argument: "link" });
    expect(steps).toEqual([]);
  });
});

describe("the old tokens", () => {
  test.each<[string, string | undefined]>([
    ["says so", "grant-1"],
    ["says nothing", undefined],
  ])("ended with the merging of the grant, where the bank %s: nothing is revoked", async (_, grantId) => {
    const named = grantId === undefined ? {} : { grantId };
    expect((await renew({ ...NEW_TOKENS, ...named })).grantId).toBe("grant-1");
    expect(bank.asked).toEqual([]);
  });

  test("are revoked where the bank gave a grant of its own, once the new ones are safe", async () => {
    expect((await renew(OF_ANOTHER_GRANT)).grantId).toBe("grant-2");
    expect(steps).toEqual([LOCKED, EXCHANGED, "put", ...REVOKED, "unlock"]);
    const { headers } = bank.asked.at(-1) ?? {};
    expect(headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
  });

  test.each<[string, TokenSet, string | undefined]>([
    ["names none", NEW_TOKENS, undefined],
    ["names one now", OF_ANOTHER_GRANT, "grant-2"],
  ])("are revoked where the link had no grant to merge: the bank %s", async (_, tokens, grantId) => {
    const { grantId: __, ...ungranted } = OLD;
    await linked(ungranted);
    expect((await renew(tokens)).grantId).toBe(grantId);
    expect(steps.slice(-4)).toEqual(["put", ...REVOKED, "unlock"]);
  });

  test("that can't be revoked now are left to end in time", async () => {
    reply = () => answer(503, "");
    expect((await renew(OF_ANOTHER_GRANT)).tokens).toEqual(OF_ANOTHER_GRANT);
    expect(steps).toContain(REVOKED[0]);
    expect(steps.slice(-1)).toEqual(["unlock"]);
  });

  test("of a link that had none are not asked after", async () => {
    const { tokens: _, ...bare } = OLD;
    await linked(bare);
    expect((await renew(OF_ANOTHER_GRANT)).tokens).toEqual(OF_ANOTHER_GRANT);
    expect(bank.asked).toEqual([]);
  });
});
