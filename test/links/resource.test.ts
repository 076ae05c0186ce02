import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { Configuration } from "../../src/config/configuration.js";
import type { Scope } from "../../src/config/contract.js";
import { ApiError, ArgumentError, LinkError, TransportError } from "../../src/errors.js";
import type { Access, UsableLink } from "../../src/links/access.js";
import { endpointAt, Resources } from "../../src/links/resource.js";
import { Call } from "../../src/transport/call.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { everythingShown, rejection, thrown } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { ACCESS_TOKEN, answer, contextTo, doorTo, LINK_ID, linkRecord, openAccess } from "../support/stub-rooms.js";

vi.mock("node:timers/promises", async original => {
  const timers = await original<typeof import("node:timers/promises")>();
  return { ...timers, setTimeout: vi.fn(timers.setTimeout) };
});

const URL_OF_IT = new URL("https://api.bank.example/accounts");
const settings = configuration("fapi2-security");

/** Resources behind which the answers come in this order; the last one comes again and again. */
interface Answering {
  readonly resources: Resources;
  readonly sent: OutgoingRequest[];
}

function resourcesAnswering(...answers: (Answer | Error)[]): Answering {
  return resourcesOf(settings, ...answers);
}

function resourcesOf(configured: Configuration, ...answers: (Answer | Error)[]): Answering {
  return resourcesWith(openAccess(), configured, ...answers);
}

function resourcesWith(access: Access, configured: Configuration, ...answers: (Answer | Error)[]): Answering {
  const sent: OutgoingRequest[] = [];
  const door = doorTo(outgoing => {
    const next = answers[Math.min(sent.length, answers.length - 1)];
    sent.push(outgoing);
    if (next === undefined || next instanceof Error) throw next;
    return next;
  });
  return { resources: new Resources(configured, door, access), sent };
}

function withCodes(grantRefusal: Record<string, string>): Configuration {
  return { ...settings, contract: { ...settings.contract, codes: { grantRefusal } } };
}

describe("a call", () => {
  test("carries the token in its header only, the certificate, and the FAPI headers", async () => {
    const { resources, sent } = resourcesAnswering(answer(200, "{}"));
    const call = new Call({
      ...aCall(),
      customerIp: "192.0.2.7",
      customerAuthenticatedAt: "Wed, 01 Apr 2026 00:30:00 GMT",
    });
    await resources.call(
      LINK_ID,
      { method: "POST", url: URL_OF_IT, body: { amount: 1 }, headers: { "x-a": "b" } },
      call,
    );
    expect(sent).toEqual([
      {
        method: "POST",
        url: URL_OF_IT,
        presents: "client-certificate",
        thumbprint: "thumbprint-1",
        body: '{"amount":1}',
        headers: {
          accept: "application/json",
          authorization: `Bearer ${ACCESS_TOKEN}`,
          "content-type": "application/json",
          "x-fapi-interaction-id": INTERACTION_ID,
          "x-fapi-customer-ip-address": "192.0.2.7",
          "x-fapi-auth-date": "Wed, 01 Apr 2026 00:30:00 GMT",
          "x-a": "b",
        },
      },
    ]);
  });

  test("may accept something else than JSON, and takes no token of another's", async () => {
    const { resources, sent } = resourcesAnswering(answer(200, "{}"));
    const headers = { accept: "application/jwt", authorization: "Bearer of-somebody-else" };
    await resources.call(LINK_ID, { method: "GET", url: URL_OF_IT, headers }, aCall());
    expect(sent[0]?.headers["accept"]).toBe("application/jwt");
    expect(sent[0]?.headers["authorization"]).toBe(`Bearer ${ACCESS_TOKEN}`);
  });

  test("says nothing of a customer who is not there", async () => {
    const { resources, sent } = resourcesAnswering(answer(200, "{}"));
    await resources.call(LINK_ID, { method: "GET", url: URL_OF_IT }, aCall());
    expect(Object.keys(sent[0]?.headers ?? {}).sort()).toEqual(["accept", "authorization", "x-fapi-interaction-id"]);
    expect(sent[0]).not.toHaveProperty("body");
  });

  test.each(["GET", "POST"] as const)(
    "whose token is rejected is repeated once with another one (%s)",
    async method => {
      const { resources, sent } = resourcesAnswering(answer(401, ""), answer(200, "ok"));
      expect((await resources.call(LINK_ID, { method, url: URL_OF_IT }, aCall())).body).toBe("ok");
      const [first, second] = sent.map(({ headers }) => headers["authorization"]);
      expect(sent).toHaveLength(2);
      expect(second).not.toBe(first);
    },
  );

  test("whose tokens are rejected twice needs the customer again", async () => {
    const { resources, sent } = resourcesAnswering(answer(401, { code: "invalid_token" }));
    const error = await rejection(resources.call(LINK_ID, { method: "GET", url: URL_OF_IT }, aCall()), LinkError);
    expect(error).toMatchObject({ code: "reauthorization_required", linkId: LINK_ID, interactionId: INTERACTION_ID });
    expect(everythingShown(error)).not.toContain("CANARY");
    expect(sent).toHaveLength(2);
  });

  // Tokens of another process: over by the bank's clock, whatever this one's says; or over by the time that they arrive.
  const expired = { ...linkRecord(), tokens: { accessToken: "x", scopes: [], expiresAt: Date.now() - 1 } };
  test.each<[string, Partial<UsableLink>]>([
    ["that another process had", { issued: false }],
    ["that ended on its way", { record: expired }],
  ])("whose second token is one %s goes on with a third", async (_, second) => {
    const rejected = answer(401, { code: "invalid_token" });
    const { resources, sent } = resourcesWith(openAccess(second), settings, rejected, rejected, answer(200, "{}"));
    expect((await resources.call(LINK_ID, { method: "GET", url: URL_OF_IT }, aCall())).status).toBe(200);
    expect(new Set(sent.map(({ headers }) => headers["authorization"])).size).toBe(3);
  });

  test("that never has a token of the bank's last word is refused, and does not call the link dead", async () => {
    const others = Array.from({ length: 9 }, () => ({ issued: false }));
    const { resources, sent } = resourcesWith(openAccess(...others), settings, answer(401, { code: "invalid_token" }));
    const error = await rejection(resources.call(LINK_ID, { method: "GET", url: URL_OF_IT }, aCall()), ApiError);
    expect(error).toMatchObject({ code: "unauthorized", status: 401, sideEffect: "none" });
    expect(sent).toHaveLength(4);
  });

  test.each([
    ...[199, 300, 400, 403, 404, 409, 422].map(status => ["GET", status] as const),
    ...[199, 300, 400, 403, 404, 409, 422, 429, 500, 503].map(status => ["POST", status] as const),
  ])("that is refused is not repeated: %s with %i", async (method, status) => {
    const { resources, sent } = resourcesAnswering(answer(status, { code: "no" }));
    const error = await rejection(resources.call(LINK_ID, { method, url: URL_OF_IT }, aCall()), ApiError);
    expect(error).toMatchObject({ status, bankCode: "no" });
    expect(sent).toHaveLength(1);
  });

  test.each<[string, Record<string, string>, string]>([
    ["grant_expired", {}, "grant_expired"],
    ["grant_revoked", {}, "grant_revoked"],
    ["grant_suspended", {}, "grant_suspended"],
    ["E403-9", { "E403-9": "grant_revoked" }, "grant_revoked"],
  ])("that is refused for its grant says so: %s", async (bankCode, grantRefusal, code) => {
    const { resources } = resourcesOf(withCodes(grantRefusal), answer(403, { code: bankCode }));
    const error = await rejection(resources.call(LINK_ID, { method: "GET", url: URL_OF_IT }, aCall()), LinkError);
    expect(error).toMatchObject({ code, linkId: LINK_ID, interactionId: INTERACTION_ID, cause: { bankCode } });
  });

  test.each<[number, string, Record<string, string>]>([
    [404, "grant_revoked", {}],
    [403, "scope_missing", { E1: "grant_revoked" }],
    [403, "toString", {}],
    [403, "E1", { E1: "constructor" }],
  ])("that is refused for another reason says that: %i %s", async (status, bankCode, grantRefusal) => {
    const { resources } = resourcesOf(withCodes(grantRefusal), answer(status, { code: bankCode }));
    await rejection(resources.call(LINK_ID, { method: "GET", url: URL_OF_IT }, aCall()), ApiError);
  });

  test("that is safe is repeated while the bank is busy", async () => {
    vi.mocked(sleep).mockResolvedValueOnce(undefined);
    const { resources, sent } = resourcesAnswering(answer(503, ""), answer(200, "ok"));
    expect((await resources.call(LINK_ID, { method: "GET", url: URL_OF_IT }, aCall())).body).toBe("ok");
    expect(sent).toHaveLength(2);
  });

  test("that ends before it is repeated says where it was going", async () => {
    vi.mocked(sleep).mockRejectedValueOnce(new Error("aborted"));
    const { resources } = resourcesAnswering(answer(503, ""));
    const refusal = resources.call(LINK_ID, { method: "GET", url: URL_OF_IT }, aCall());
    expect((await rejection(refusal, TransportError)).endpoint).toBe(URL_OF_IT.href);
  });

  test("without an answer is not repeated", async () => {
    const lost = new TransportError("connection_lost", "The connection is gone.", {
      reached: "possible",
      endpoint: "x",
    });
    const { resources, sent } = resourcesAnswering(lost);
    expect(await rejection(resources.call(LINK_ID, { method: "POST", url: URL_OF_IT }, aCall()), TransportError)).toBe(
      lost,
    );
    expect(sent).toHaveLength(1);
  });

  test("for what the customer granted meanwhile, in another process, is made", async () => {
    const { record, accessToken } = await openAccess().use(LINK_ID, aCall());
    let scopes: readonly Scope[] = ["balance"];
    const renewed = {
      atHand: () => ({ record: { ...record, scopes }, accessToken, issued: false }),
      use: async () => ({ record: { ...record, scopes }, accessToken }),
      look: async () => {
        scopes = ["balance", "debit"];
      },
    } as unknown as Access;
    const resources = new Resources(
      settings,
      doorTo(() => answer(200, "made")),
      renewed,
    );
    const request = { method: "GET", url: URL_OF_IT, scope: "debit" } as const;
    expect((await resources.call(LINK_ID, request, aCall())).body).toBe("made");
  });

  test("for what the customer did not grant is not made", async () => {
    const { resources, sent } = resourcesAnswering(answer(200, "{}"));
    const access = openAccess();
    const { record, accessToken } = await access.use(LINK_ID, aCall());
    const narrow = new Resources(
      settings,
      doorTo(outgoing => {
        sent.push(outgoing);
        return answer(200, "{}");
      }),
      {
        atHand: () => ({ record: { ...record, scopes: ["balance"] }, accessToken, issued: false }),
        use: async () => ({ record: { ...record, scopes: ["balance"] }, accessToken }),
        look: async () => {},
      } as unknown as typeof access,
    );
    const request = { method: "GET", url: URL_OF_IT, scope: "debit" } as const;
    const error = await rejection(narrow.call(LINK_ID, request, aCall()), LinkError);
    expect(error).toMatchObject({ code: "scope_missing", linkId: LINK_ID });
    expect(error.message).toContain('"debit"');
    await narrow.call(LINK_ID, { ...request, scope: "balance" }, aCall());
    await resources.call(LINK_ID, request, aCall());
    expect(sent).toHaveLength(2);
  });

  test("has the header names of the contract", async () => {
    const contract = { headers: { interactionId: "x-request-id" } };
    const sent: OutgoingRequest[] = [];
    const { resources } = contextTo(
      outgoing => {
        sent.push(outgoing);
        return answer(200, "{}");
      },
      configuration("fapi2-security", { contract }),
    );
    await resources.call(LINK_ID, { method: "GET", url: URL_OF_IT }, aCall());
    expect(sent[0]?.headers).toMatchObject({ "x-request-id": INTERACTION_ID });
    expect(sent[0]?.headers).not.toHaveProperty("x-fapi-interaction-id");
  });
});

describe("a URL of the API", () => {
  const PATH = "/accounts/{accountId}/balance";

  test.each([
    ["https://api.bank.example", "https://api.bank.example/accounts"],
    ["https://api.bank.example/", "https://api.bank.example/accounts"],
    ["https://api.bank.example/v1", "https://api.bank.example/v1/accounts"],
    ["https://api.bank.example/v1//", "https://api.bank.example/v1/accounts"],
  ])("below %s is %s", (base, expected) => {
    expect(endpointAt(base, "/accounts")).toMatchObject({ url: new URL(expected), shownAs: expected });
  });

  test.each([
    ["acc-1", "acc-1"],
    ["a/b", "a%2Fb"],
    ["../admin", "..%2Fadmin"],
    ["a?b=c#d", "a%3Fb%3Dc%23d"],
    ["%2e%2e", "%252e%252e"],
    ["口座 1", "%E5%8F%A3%E5%BA%A7%201"],
    ["a\\b", "a%5Cb"],
    ["...", "..."],
    ["a\r\nx: y", "a%0D%0Ax%3A%20y"],
  ])("with the id %j stays below its path", (accountId, part) => {
    const { url, shownAs } = endpointAt("https://api.bank.example/v1", PATH, { accountId });
    expect(url.href).toBe(`https://api.bank.example/v1/accounts/${part}/balance`);
    expect(shownAs).toBe("https://api.bank.example/v1/accounts/{accountId}/balance");
  });

  test.each(["", ".", "..", undefined, null, 7, "\ud800"])("has no part such as %j", accountId => {
    const make = () => endpointAt("https://api.bank.example", PATH, { accountId: accountId as string });
    expect(thrown(make, ArgumentError)).toMatchObject({ code: "argument_invalid", argument: "accountId" });
  });
});
