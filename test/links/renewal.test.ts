import { beforeEach, describe, expect, test } from "vitest";
import type { AuthorizationContext } from "../../src/authorization/server.js";
import type { TokenSet } from "../../src/authorization/tokens.js";
import { LinkError, StoreError, TransportError } from "../../src/errors.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { type LinkRecord, readLink, removeLink, writeLink } from "../../src/links/record.js";
import { type Renewal, renewLink } from "../../src/links/renewal.js";
import type { Answer } from "../../src/transport/door.js";
import { aCall, INTERACTION_ID, shortCall } from "../support/calls.js";
import { rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { MTLS, metadataWith, type StubBank, stubBank } from "../support/stub-bank.js";
import { answer, LINK_ID, linkRecord } from "../support/stub-rooms.js";

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
  scopes: ["balance", "identity", "debit"],
  tokens: NEW_TOKENS,
  thumbprint: "thumbprint-2",
};
const IN_THE_PLACE_OF_ANOTHER: Renewal = { ...RENEWAL, tokens: { ...NEW_TOKENS, grantId: "grant-2" } };

let steps: string[];
let store: MemoryStore;
let bank: StubBank;
let reply: () => Answer;

beforeEach(async () => {
  steps = [];
  reply = () => answer(200, "");
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
  await linked(OLD);
});

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

async function renew(renewal: Renewal = RENEWAL, call = aCall()): Promise<LinkRecord> {
  const context: AuthorizationContext = { configuration: settings, server: bank.server, call };
  return renewLink(store, renewal, context);
}

/** Lets somebody else write the link just before it is written here. */
function overtaken(changes: Partial<LinkRecord>): void {
  const put = store.put.bind(store);
  store.put = async (...parameters) => {
    store.put = put;
    const { record, version } = await readLink(store, LINK_ID);
    await writeLink(store, { ...record, ...changes }, version);
    return store.put(...parameters);
  };
}

const LOCKED = "lock lock:refresh:lnk_1";
const REVOKED = ["POST /revoke rt-0", "POST /revoke at-0"];

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
      tokens: NEW_TOKENS,
      thumbprint: "thumbprint-2",
    });
    expect((await readLink(store, LINK_ID)).record).toStrictEqual(renewed);
  });

  test("is judged by the new tokens, also where they were granted what the old ones were", async () => {
    const { scopes, refusedScopes } = await renew({ ...RENEWAL, tokens: { ...NEW_TOKENS, scopes: OLD_TOKENS.scopes } });
    expect({ scopes, refusedScopes }).toEqual({ scopes: ["balance"], refusedScopes: ["identity", "debit"] });
  });

  test("is written under the lock of the refresh", async () => {
    await renew();
    expect(steps).toEqual([LOCKED, "put", "unlock"]);
  });

  test("waits for a refresh that is under way, and is read after it", async () => {
    await store.lock("lock:refresh:lnk_1", "another", 60_000);
    const renewing = renew();
    const { record, version } = await readLink(store, LINK_ID);
    await writeLink(store, { ...record, customerId: "u-43" }, version);
    await store.unlock("lock:refresh:lnk_1", "another");
    expect((await renewing).customerId).toBe("u-43");
    expect(steps).toContain("wait for lock:refresh:lnk_1");
  });

  test("whose lock is not to be had in time is left as it was", async () => {
    await store.lock("lock:refresh:lnk_1", "another", 60_000);
    await rejection(renew(RENEWAL, shortCall(50)), TransportError);
    expect((await readLink(store, LINK_ID)).record).toStrictEqual(OLD);
  });

  test("prevails over what was written meanwhile, and keeps the rest of that", async () => {
    overtaken({ customerId: "u-43" });
    expect(await renew()).toMatchObject({ customerId: "u-43", tokens: NEW_TOKENS });
    expect(steps).toEqual([LOCKED, "put", "too late", "put", "unlock"]);
  });

  test.each(["get", "put"] as const)("outlives a store whose %s fails in passing", async method => {
    const work = store[method].bind(store) as (...parameters: unknown[]) => Promise<never>;
    let failed = 0;
    store[method] = async (...parameters: unknown[]) => {
      if (++failed <= 2) throw new StoreError(method, "store_failed", "connection");
      return work(...parameters);
    };
    expect((await renew()).tokens).toEqual(NEW_TOKENS);
    expect(failed).toBe(3);
  });

  test("that was forgotten meanwhile is not brought back", async () => {
    await removeLink(store, LINK_ID);
    expect((await rejection(renew(), LinkError)).code).toBe("link_unknown");
    expect(steps).toEqual([LOCKED, "unlock"]);
  });

  test("must be this client's", async () => {
    await linked({ ...OLD, clientId: "another-client" });
    expect((await rejection(renew(), LinkError)).code).toBe("link_elsewhere");
    expect(steps).toEqual([LOCKED, "unlock"]);
  });
});

describe("the old tokens", () => {
  test.each<[string, string | undefined]>([
    ["says so", "grant-1"],
    ["says nothing", undefined],
  ])("ended with the merging of the grant, where the bank %s: nothing is revoked", async (_, grantId) => {
    const named = grantId === undefined ? {} : { grantId };
    expect((await renew({ ...RENEWAL, tokens: { ...NEW_TOKENS, ...named } })).grantId).toBe("grant-1");
    expect(bank.asked).toEqual([]);
  });

  test("are revoked where the bank gave a grant of its own, once the new ones are safe", async () => {
    expect((await renew(IN_THE_PLACE_OF_ANOTHER)).grantId).toBe("grant-2");
    expect(steps).toEqual([LOCKED, "put", "unlock", ...REVOKED]);
    for (const { headers } of bank.asked) expect(headers).toMatchObject({ "x-fapi-interaction-id": INTERACTION_ID });
  });

  test("are those that a refresh brought meanwhile", async () => {
    overtaken({ tokens: { ...OLD_TOKENS, accessToken: "at-9", refreshToken: "rt-9" } });
    await renew(IN_THE_PLACE_OF_ANOTHER);
    expect(steps.slice(-2)).toEqual(["POST /revoke rt-9", "POST /revoke at-9"]);
  });

  test("that can't be revoked now are left to end in time", async () => {
    reply = () => answer(503, "");
    expect((await renew(IN_THE_PLACE_OF_ANOTHER)).tokens).toEqual(IN_THE_PLACE_OF_ANOTHER.tokens);
    expect(steps).toContain(REVOKED[0]);
  });

  test("of a link that had none are not asked after", async () => {
    const { tokens: _, ...bare } = OLD;
    await linked(bare);
    await renew(IN_THE_PLACE_OF_ANOTHER);
    expect(bank.asked).toEqual([]);
  });
});
