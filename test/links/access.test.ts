import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { LinkError, OAuthError, StoreError, TransportError } from "../../src/errors.js";
import { Access, refreshLock } from "../../src/links/access.js";
import { MemoryStore } from "../../src/links/memory-store.js";
import { type LinkRecord, readLink, removeLink, writeLink } from "../../src/links/record.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { type BankKey, bankKey, jwksOf, signJwt } from "../support/bank-keys.js";
import { aCall, endedCall } from "../support/calls.js";
import { everythingShown, rejection } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { type StubBank, stubBank } from "../support/stub-bank.js";
import { answer, doorTo, LINK_ID, linkRecord } from "../support/stub-rooms.js";

const settings = configuration("fapi2-security");
const JSON_TYPE = { "content-type": "application/json" };
const MINUTE = 60_000;

let key: BankKey;
let store: MemoryStore;
let bank: StubBank;
let thumbprint: string;
/** The certificate that requests are made with, where that is not the one that was seen before them. */
let presented: string | undefined;
/** What the token endpoint answers next; then new tokens, numbered. */
let replies: ((outgoing: OutgoingRequest) => Answer | Promise<Answer>)[];
let issued: number;

beforeAll(async () => {
  key = await bankKey("ES256");
});
beforeEach(() => {
  store = new MemoryStore();
  thumbprint = "thumbprint-1";
  presented = undefined;
  replies = [];
  issued = 0;
  const reply = (outgoing: OutgoingRequest) => (replies.shift() ?? newTokens)(outgoing);
  bank = stubBank(settings, jwksOf(key), reply, undefined, () => presented ?? thumbprint);
});

function newTokens(): Answer {
  issued++;
  const tokens = { access_token: `at-new-${issued}`, refresh_token: `rt-new-${issued}`, token_type: "Bearer" };
  return answer(200, { ...tokens, expires_in: 300 }, JSON_TYPE);
}

function refuse(status: number, error: string): () => Answer {
  return () => answer(status, { error }, JSON_TYPE);
}

function lost(): never {
  throw new TransportError("connection_lost", "The connection is gone.", { reached: "possible", endpoint: "token" });
}

/** Access in a process of its own. */
function access(): Access {
  return new Access(
    settings,
    bank.server,
    doorTo(
      () => answer(500, ""),
      () => thumbprint,
    ),
    store,
  );
}

/** Puts a link into the store whose token is good for so long. */
async function linkGoodFor(milliseconds: number | undefined, overrides: Partial<LinkRecord> = {}): Promise<void> {
  const now = Date.now();
  const times =
    milliseconds === undefined ? {} : { expiresAt: now + milliseconds, refreshAt: now + milliseconds - 30_000 };
  const tokens = { accessToken: "at-old", refreshToken: "rt-old", scopes: ["openid"], ...times };
  await writeLink(store, linkRecord({ tokens, ...overrides }), 0);
}

function withoutTokens(overrides: Partial<LinkRecord>): LinkRecord {
  const { tokens: _, ...record } = linkRecord(overrides);
  return record;
}

function refreshTokensUsed(): string[] {
  return bank.asked
    .filter(({ url }) => url.pathname === "/token")
    .map(({ body }) => new URLSearchParams(body).get("refresh_token") ?? "");
}

describe("a token", () => {
  test("that is good is used, and nobody is asked", async () => {
    await linkGoodFor(10 * MINUTE);
    expect((await access().use(LINK_ID, aCall())).accessToken).toBe("at-old");
    expect(bank.asked).toHaveLength(0);
  });

  test("of which the bank did not say how long it is good is used", async () => {
    await linkGoodFor(undefined);
    expect((await access().use(LINK_ID, aCall())).accessToken).toBe("at-old");
    expect(bank.asked).toHaveLength(0);
  });

  test("that is about to end is refreshed before it does", async () => {
    await linkGoodFor(20_000);
    expect((await access().use(LINK_ID, aCall())).accessToken).toBe("at-new-1");
    expect(refreshTokensUsed()).toEqual(["rt-old"]);
  });

  test("that lives for seconds only is not refreshed at every call", async () => {
    const one = access();
    await linkGoodFor(0);
    replies.push(() => answer(200, { access_token: "at-short", token_type: "Bearer", expires_in: 20 }, JSON_TYPE));
    expect((await one.use(LINK_ID, aCall())).accessToken).toBe("at-short");
    expect((await one.use(LINK_ID, aCall())).accessToken).toBe("at-short");
    expect(refreshTokensUsed()).toEqual(["rt-old"]);
  });

  test("that is bound to another certificate is refreshed at once, and is bound to the new one", async () => {
    await linkGoodFor(10 * MINUTE);
    thumbprint = "thumbprint-2";
    const one = access();
    expect((await one.use(LINK_ID, aCall())).accessToken).toBe("at-new-1");
    expect((await readLink(store, LINK_ID)).record.thumbprint).toBe("thumbprint-2");
    await one.use(LINK_ID, aCall());
    expect(refreshTokensUsed()).toEqual(["rt-old"]);
  });

  test("is bound to the certificate that it was asked for with, not to the one before", async () => {
    await linkGoodFor(0);
    presented = "thumbprint-2";
    await access().use(LINK_ID, aCall());
    expect((await readLink(store, LINK_ID)).record.thumbprint).toBe("thumbprint-2");
  });

  test("that somebody else renewed is of no use where it is bound to another certificate", async () => {
    await linkGoodFor(10 * MINUTE);
    const one = access();
    await one.use(LINK_ID, aCall());
    const { record, version } = await readLink(store, LINK_ID);
    const tokens = { ...record.tokens!, accessToken: "at-theirs", refreshToken: "rt-theirs" };
    await writeLink(store, { ...record, tokens }, version);
    thumbprint = "thumbprint-2";
    expect((await one.use(LINK_ID, aCall())).accessToken).toBe("at-new-1");
    expect(refreshTokensUsed()).toEqual(["rt-theirs"]);
  });

  test("that was rejected as soon as it was new is not handed out again", async () => {
    await linkGoodFor(10 * MINUTE);
    const one = access();
    const renewed = await Promise.all(["at-old", "at-new-1"].map(stale => one.renew(LINK_ID, stale, aCall())));
    expect(renewed.map(link => link.accessToken)).toEqual(["at-new-1", "at-new-2"]);
  });

  test("that the bank rejected is replaced, once for all who were told so", async () => {
    await linkGoodFor(10 * MINUTE);
    const one = access();
    const renewed = await Promise.all(Array.from({ length: 10 }, () => one.renew(LINK_ID, "at-old", aCall())));
    expect(new Set(renewed.map(link => link.accessToken))).toEqual(new Set(["at-new-1"]));
    expect((await one.renew(LINK_ID, "at-old", aCall())).accessToken).toBe("at-new-1");
    expect(refreshTokensUsed()).toEqual(["rt-old"]);
  });
});

describe("a refresh", () => {
  test("happens once for a hundred callers", async () => {
    await linkGoodFor(0);
    const one = access();
    const links = await Promise.all(Array.from({ length: 100 }, () => one.use(LINK_ID, aCall())));
    expect(new Set(links.map(link => link.accessToken))).toEqual(new Set(["at-new-1"]));
    expect(refreshTokensUsed()).toEqual(["rt-old"]);
  });

  test("happens once for callers in several processes", async () => {
    await linkGoodFor(0);
    const processes = [access(), access(), access()];
    const links = await Promise.all(processes.flatMap(one => [one.use(LINK_ID, aCall()), one.use(LINK_ID, aCall())]));
    expect(new Set(links.map(link => link.accessToken))).toEqual(new Set(["at-new-1"]));
    expect(refreshTokensUsed()).toEqual(["rt-old"]);
  });

  test("is for one link: another one has its own", async () => {
    await linkGoodFor(0);
    await linkGoodFor(0, { id: "lnk_2" });
    const one = access();
    const links = await Promise.all([LINK_ID, "lnk_2"].map(id => one.use(id, aCall())));
    expect(links.map(({ record, accessToken }) => [record.id, accessToken])).toEqual([
      [LINK_ID, "at-new-1"],
      ["lnk_2", "at-new-2"],
    ]);
    expect(refreshLock(LINK_ID)).not.toBe(refreshLock("lnk_2"));
  });

  test("is saved before anybody uses the token", async () => {
    await linkGoodFor(0);
    const { accessToken } = await access().use(LINK_ID, aCall());
    expect((await readLink(store, LINK_ID)).record.tokens).toMatchObject({ accessToken, refreshToken: "rt-new-1" });
  });

  test("that can't be saved gives nobody a token", async () => {
    await linkGoodFor(0);
    store.put = async () => {
      throw new Error("the database is gone");
    };
    await expect(access().use(LINK_ID, aCall())).rejects.toThrow();
  });

  test("keeps the refresh token where the bank returns none", async () => {
    await linkGoodFor(0);
    replies.push(() => answer(200, { access_token: "at-2", token_type: "bearer", expires_in: 300 }, JSON_TYPE));
    await access().use(LINK_ID, aCall());
    expect((await readLink(store, LINK_ID)).record.tokens).toMatchObject({
      refreshToken: "rt-old",
      scopes: ["openid"],
    });
  });

  test("keeps what was written to the link meanwhile", async () => {
    await linkGoodFor(0);
    replies.push(async () => {
      const { record, version } = await readLink(store, LINK_ID);
      await writeLink(store, { ...record, customerId: "u-43" }, version);
      return newTokens();
    });
    await access().use(LINK_ID, aCall());
    const { record } = await readLink(store, LINK_ID);
    expect(record).toMatchObject({ customerId: "u-43", tokens: { accessToken: "at-new-1" } });
  });

  test("does not bring back a link that was released meanwhile", async () => {
    await linkGoodFor(0);
    replies.push(async () => {
      const { record, version } = await readLink(store, LINK_ID);
      const { tokens: _, ...rest } = record;
      await writeLink(store, { ...rest, status: "released" }, version);
      return newTokens();
    });
    expect((await rejection(access().use(LINK_ID, aCall()), LinkError)).code).toBe("link_released");
    expect((await readLink(store, LINK_ID)).record).not.toHaveProperty("tokens");
  });

  test("goes on when its caller leaves: the rotated token is not lost", async () => {
    await linkGoodFor(0);
    let answerNow: (given: Answer) => void = () => {};
    const asked = new Promise<void>(resolve => {
      replies.push(() => {
        resolve();
        return new Promise<Answer>(answering => {
          answerNow = answering;
        });
      });
    });
    const one = access();
    const controller = new AbortController();
    const leaver = one.use(LINK_ID, aCall(controller.signal));
    await asked;
    controller.abort("aborted");
    await rejection(leaver, TransportError);
    answerNow(newTokens());
    await one.settled();
    expect((await readLink(store, LINK_ID)).record.tokens?.refreshToken).toBe("rt-new-1");
  });

  test("is not begun for a caller who has ended the call already", async () => {
    await linkGoodFor(0);
    const one = access();
    expect(await rejection(one.use(LINK_ID, endedCall()), TransportError)).toMatchObject({
      code: "aborted",
      reached: "no",
      endpoint: "token refresh",
    });
    await one.settled();
    expect(refreshTokensUsed()).toEqual([]);
  });

  test("with an ID Token for another customer is refused, and nothing of it saved but the rotated token", async () => {
    await linkGoodFor(0);
    const { record, version } = await readLink(store, LINK_ID);
    const subject = { iss: settings.issuer, sub: "customer-7" };
    await writeLink(store, { ...record, tokens: { ...record.tokens!, subject } }, version);
    const idToken = await signJwt(key, { sub: "customer-8" });
    replies.push(() => answer(200, { ...JSON.parse(newTokens().body), id_token: idToken }, JSON_TYPE));
    await expect(access().use(LINK_ID, aCall())).rejects.toMatchObject({ check: "sub" });
    expect((await readLink(store, LINK_ID)).record).toMatchObject({
      tokens: { accessToken: "at-old", refreshToken: "rt-new-1", subject },
      thumbprint: "thumbprint-1",
    });
  });
});

describe("a refresh that fails in passing", () => {
  test.each<[string, () => Answer]>([
    ["the connection is lost", lost],
    ["the bank answers 503", refuse(503, "temporarily_unavailable")],
    ["the bank answers 429", refuse(429, "slow_down")],
  ])("leaves the token in use that is still good: %s", async (_, reply) => {
    await linkGoodFor(20_000);
    replies.push(reply);
    const one = access();
    expect((await one.use(LINK_ID, aCall())).accessToken).toBe("at-old");
    expect((await one.use(LINK_ID, aCall())).accessToken).toBe("at-new-1");
  });

  test("is an error where the token has ended", async () => {
    await linkGoodFor(0);
    replies.push(lost);
    await rejection(access().use(LINK_ID, aCall()), TransportError);
  });

  test("is an error where the token is bound to another certificate", async () => {
    await linkGoodFor(20_000);
    thumbprint = "thumbprint-2";
    replies.push(lost);
    await rejection(access().use(LINK_ID, aCall()), TransportError);
  });

  test("is an error where the bank refuses the client itself", async () => {
    await linkGoodFor(20_000);
    replies.push(refuse(401, "invalid_client"));
    expect(await rejection(access().use(LINK_ID, aCall()), OAuthError)).toMatchObject({ code: "invalid_client" });
  });
});

describe("a refresh token that is over", () => {
  test("needs the customer again", async () => {
    await linkGoodFor(0);
    replies.push(refuse(400, "invalid_grant"));
    const error = await rejection(access().use(LINK_ID, aCall()), LinkError);
    expect(error).toMatchObject({ code: "reauthorization_required", linkId: LINK_ID, retryable: false });
    expect(error).toMatchObject({ interactionId: expect.any(String), cause: { code: "invalid_grant" } });
    expect(everythingShown(error)).not.toMatch(/at-old|rt-old/);
  });

  test("is no reason to call the link dead where somebody else has saved newer tokens meanwhile", async () => {
    await linkGoodFor(0);
    replies.push(async () => {
      const { record, version } = await readLink(store, LINK_ID);
      const tokens = { accessToken: "at-theirs", refreshToken: "rt-theirs", scopes: ["openid"] };
      await writeLink(store, { ...record, tokens }, version);
      return refuse(400, "invalid_grant")();
    });
    expect((await access().use(LINK_ID, aCall())).accessToken).toBe("at-theirs");
  });

  test("that never was needs the customer too, and nobody is asked", async () => {
    await linkGoodFor(undefined, { tokens: { accessToken: "at-old", expiresAt: 1, refreshAt: 1, scopes: [] } });
    const error = await rejection(access().use(LINK_ID, aCall()), LinkError);
    expect(error.code).toBe("reauthorization_required");
    expect(refreshTokensUsed()).toEqual([]);
  });
});

describe("a link", () => {
  test.each<Partial<LinkRecord>>([{ issuer: "https://bank-a.example" }, { clientId: "another-client" }])(
    "that was made elsewhere (%j) gives its tokens to nobody here",
    async elsewhere => {
      await linkGoodFor(10 * MINUTE, elsewhere);
      expect(await rejection(access().use(LINK_ID, aCall()), LinkError)).toMatchObject({ code: "link_elsewhere" });
      expect(bank.asked).toHaveLength(0);
    },
  );

  test("whose token the bank never ends by time, without a refresh token, is used until it is past", async () => {
    const tokens = {
      accessToken: "at-old",
      scopes: ["openid"],
      expiresAt: Date.now() + 20_000,
      refreshAt: Date.now() - 1,
    };
    await writeLink(store, linkRecord({ tokens }), 0);
    expect((await access().use(LINK_ID, aCall())).accessToken).toBe("at-old");
  });

  test("that the store does not know is unknown", async () => {
    expect(await rejection(access().use("lnk_x", aCall()), LinkError)).toMatchObject({ code: "link_unknown" });
  });

  test.each<[string, LinkRecord]>([
    ["and its tokens are gone", withoutTokens({ status: "released" })],
    ["though its tokens are there", linkRecord({ status: "released" })],
    ["as far as its tokens are gone", withoutTokens({})],
  ])("that was released is refused, %s", async (_, record) => {
    await writeLink(store, record, 0);
    expect(await rejection(access().use(LINK_ID, aCall()), LinkError)).toMatchObject({ code: "link_released" });
  });

  test("that was released in this process is refused at once, though its token was at hand", async () => {
    await linkGoodFor(10 * MINUTE);
    const one = access();
    const { record } = await one.use(LINK_ID, aCall());
    const { tokens: _, ...rest } = record;
    one.learn({ ...rest, status: "released" });
    expect(await rejection(one.use(LINK_ID, aCall()), LinkError)).toMatchObject({ code: "link_released" });
  });
  test("is read from the store once, and again when it was forgotten", async () => {
    await linkGoodFor(10 * MINUTE);
    const one = access();
    await one.use(LINK_ID, aCall());
    await removeLink(store, LINK_ID);
    await one.use(LINK_ID, aCall());
    one.forget(LINK_ID);
    expect(await rejection(one.use(LINK_ID, aCall()), LinkError)).toMatchObject({ code: "link_unknown" });
  });

  test("is at hand among ten thousand; beyond them the one that was learned first is forgotten", async () => {
    const one = access();
    const record = linkRecord();
    const learn = (id: string) => one.learn({ ...record, id });
    for (let id = 1; id <= 10_000; id++) learn(`lnk_${id}`);
    await one.use("lnk_1", aCall());
    learn("lnk_1");
    learn("lnk_new");
    for (const id of ["lnk_1", "lnk_3", "lnk_10000", "lnk_new"]) await one.use(id, aCall());
    expect(await rejection(one.use("lnk_2", aCall()), LinkError)).toMatchObject({ code: "link_unknown" });
  });
});

describe("a note of a refresh", () => {
  const note = async () => (await readLink(store, LINK_ID)).record.refreshSentAt;
  const gateway = () => answer(502, "<html>", { "content-type": "text/html" });

  test.each<[string, () => Answer]>([
    ["is lost", lost],
    ["is a gateway's", gateway],
    ["can't be read", () => answer(200, "{", JSON_TYPE)],
  ])("stays where its answer %s: the bank may have issued another token", async (_, reply) => {
    await linkGoodFor(0);
    replies = [reply];
    await rejection(access().use(LINK_ID, aCall()), Error);
    expect(await note()).toBeGreaterThan(0);
    // The next one succeeds, and there is nothing to remember.
    await access().use(LINK_ID, aCall());
    expect(await note()).toBeUndefined();
  });

  test("stays where the answer could not be saved, and is told of when the old token is over", async () => {
    await linkGoodFor(0);
    const { put } = store;
    const down = vi.fn(async () => Promise.reject(new StoreError("put", "seal_invalid", "the store is down")));
    replies = [
      () => {
        store.put = down;
        return newTokens();
      },
    ];
    await rejection(access().use(LINK_ID, aCall()), StoreError);
    store.put = put;
    expect(await note()).toBeGreaterThan(0);
    replies = [refuse(400, "invalid_grant")];
    const error = await rejection(access().use(LINK_ID, aCall()), LinkError);
    expect(error.message).toMatch(/answer to a refresh was lost \(20/);
  });

  test.each<[string, () => Answer]>([
    ["refused", refuse(400, "invalid_scope")],
    [
      "not reached",
      () => {
        throw new TransportError("connection_failed", "No connection.", { reached: "no", endpoint: "token" });
      },
    ],
  ])("goes where the bank was %s: then no token was issued", async (_, reply) => {
    await linkGoodFor(0);
    replies = [reply];
    await rejection(access().use(LINK_ID, aCall()), Error);
    expect(await note()).toBeUndefined();
  });

  test("is not written at a bank that is known to keep refresh tokens", async () => {
    await linkGoodFor(0, { rotates: false });
    const put = vi.spyOn(store, "put");
    await access().use(LINK_ID, aCall());
    expect(put).toHaveBeenCalledTimes(1);
  });

  test("that somebody else was before starts the refresh again: the old token is not sent", async () => {
    await linkGoodFor(0);
    const { put } = store;
    store.put = async (name, value, options) => {
      store.put = put;
      // Another process, whose lock had not run out after all.
      await access().use(LINK_ID, aCall());
      return put.call(store, name, value, options);
    };
    const sent: (string | null)[] = [];
    replies = Array.from({ length: 3 }, () => ({ body }: OutgoingRequest) => {
      sent.push(new URLSearchParams(body).get("refresh_token"));
      return newTokens();
    });
    vi.spyOn(store, "lock").mockResolvedValue(true);
    expect((await access().use(LINK_ID, aCall())).accessToken).toBe("at-new-1");
    expect(sent).toEqual(["rt-old"]);
  });
});

test("a refresh that was paused writes nothing over what the customer has allowed meanwhile", async () => {
  await linkGoodFor(0);
  replies = [
    async () => {
      const { record, version } = await readLink(store, LINK_ID);
      const tokens = { accessToken: "at-renewed", refreshToken: "rt-renewed", scopes: ["openid"] };
      await writeLink(store, { ...record, tokens, grantedAt: record.grantedAt + 1 }, version);
      return newTokens();
    },
  ];
  expect((await access().use(LINK_ID, aCall())).accessToken).toBe("at-renewed");
  expect((await readLink(store, LINK_ID)).record.tokens).toMatchObject({ refreshToken: "rt-renewed" });
});

test("a store that fails at a refresh ahead of time costs nothing: what is still good serves", async () => {
  await linkGoodFor(10_000);
  store.put = async () => Promise.reject(new StoreError("put", "seal_invalid", "the store is down"));
  expect((await access().use(LINK_ID, aCall())).accessToken).toBe("at-old");
});
