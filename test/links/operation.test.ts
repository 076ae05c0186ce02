import { describe, expect, test, vi } from "vitest";
import type { Contract, ContractOptions } from "../../src/config/contract.js";
import type { Codes, OperationAnswer, OperationName, OperationRequest } from "../../src/config/operations.js";
import { ConfigurationError, type SideEffect, ValidationError } from "../../src/errors.js";
import { shapeAnswer, shapeRequest } from "../../src/links/operation.js";
import { endpointAt, type ResourceRequest, Resources } from "../../src/links/resource.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { aCall, INTERACTION_ID } from "../support/calls.js";
import { everythingShown, problemsOf, rejection, thrown } from "../support/errors.js";
import { configuration } from "../support/options.js";
import { answer, doorTo, LINK_ID, openAccess } from "../support/stub-rooms.js";

const HREF = "https://api.bank.example/direct-debits";
const POST: ResourceRequest = {
  method: "POST",
  url: new URL(HREF),
  operation: "createDebit",
  scope: "debit",
  headers: { "x-idempotency-key": "key-1" },
  body: { amount: 1980 },
};
const GET: ResourceRequest = { method: "GET", url: new URL(HREF), operation: "accounts" };

function contractOf(contract: ContractOptions): Contract {
  return configuration("fapi2-security", { contract }).contract;
}

/** A contract in which one call is asked for in another way. */
function asking(operation: OperationName, request: (request: OperationRequest) => unknown): Contract {
  return contractOf({
    operations: { [operation]: { request: request as (one: OperationRequest) => OperationRequest } },
  });
}

/** A contract in which the answers of one call are read in another way. */
function reading(operation: OperationName, read: (answer: OperationAnswer) => unknown): Contract {
  return contractOf({ operations: { [operation]: { answer: read } } });
}

describe("a request", () => {
  test.each<[string, ResourceRequest, Contract]>([
    ["whose call does not differ", POST, contractOf({})],
    ["of another call", POST, asking("debit", vi.fn())],
    ["whose call differs in its answer only", POST, reading("createDebit", vi.fn())],
    ["that is no call of the contract", { method: "GET", url: new URL(HREF) }, asking("createDebit", vi.fn())],
  ])("%s is sent as it is", (_, request, contract) => {
    expect(shapeRequest(request, contract)).toBe(request);
  });

  test("is shown whole to the contract's function, and takes the form that this gives it", () => {
    const shape = vi.fn(() => ({ url: `${HREF}/v2?x=1`, headers: { "x-a": "b" }, body: { kingaku: "1980" } }));
    const shaped = shapeRequest(POST, asking("createDebit", shape));
    expect(shape.mock.calls).toStrictEqual([
      [{ url: HREF, headers: { "x-idempotency-key": "key-1" }, body: { amount: 1980 } }],
    ]);
    expect(shaped).toStrictEqual({
      method: "POST",
      operation: "createDebit",
      scope: "debit",
      url: new URL(`${HREF}/v2?x=1`),
      shownAs: "https://api.bank.example/{createDebit}",
      headers: { "x-a": "b" },
      body: { kingaku: "1980" },
    });
  });

  test("without headers and body is shown without them, and gets those that it needs", () => {
    const shape = vi.fn(({ url }: OperationRequest) => ({ url, headers: {}, body: [] }));
    expect(shapeRequest(GET, asking("accounts", shape))).toStrictEqual({ ...GET, headers: {}, body: [] });
    expect(shape.mock.calls).toStrictEqual([[{ url: HREF, headers: {} }]]);
  });

  test("has no body where the bank wants none", () => {
    const contract = asking("createDebit", ({ url, headers }) => ({ url, headers }));
    expect(shapeRequest(POST, contract)).not.toHaveProperty("body");
  });

  test.each<[string, unknown, string]>([
    ["nothing", undefined, "one that returned nothing"],
    ["null", null, "one that returned null"],
    ["a text", HREF, "one that returned a string"],
    ["a list", [HREF], "one that returned an array"],
    ["no url", { headers: {} }, "one whose url is none of that origin"],
    ["an object for a url", { url: new URL(HREF), headers: {} }, "one whose url is none of that origin"],
    ["a path", { url: "/direct-debits", headers: {} }, "one whose url is none of that origin"],
    [
      "another host",
      { url: "https://attacker.example/direct-debits", headers: {} },
      "one whose url is none of that origin",
    ],
    ["another port", { url: "https://api.bank.example:444/", headers: {} }, "one whose url is none of that origin"],
    ["another scheme", { url: "http://api.bank.example/", headers: {} }, "one whose url is none of that origin"],
    ["no headers", { url: HREF }, "one whose headers are no strings"],
    ["a list of headers", { url: HREF, headers: [["x-a", "b"]] }, "one whose headers are no strings"],
    ["a header of two", { url: HREF, headers: { "x-a": "b", "x-b": ["c"] } }, "one whose headers are no strings"],
    ["a header of nothing", { url: HREF, headers: { "x-a": undefined } }, "one whose headers are no strings"],
    ["a promise", Promise.resolve(POST), "one whose url is none of that origin"],
  ])("is not sent where the contract's function returns %s", (_, returned, found) => {
    expect(
      problemsOf(() =>
        shapeRequest(
          POST,
          asking("createDebit", () => returned),
        ),
      ),
    ).toEqual([
      {
        option: "contract.operations.createDebit.request",
        expected: "a function that returns { url, headers, body }, with a url of the same origin",
        found,
      },
    ]);
  });

  test.each<[unknown, string]>([
    [new TypeError("CANARY"), "one that failed with TypeError"],
    ["CANARY", "one that failed with string"],
  ])("is not sent where the contract's function throws %s, of which nothing is shown", (reason, found) => {
    const contract = asking("createDebit", () => {
      throw reason;
    });
    const error = thrown(() => shapeRequest(POST, contract), ConfigurationError);
    expect(error.problems).toMatchObject([{ found }]);
    expect(everythingShown(error)).not.toContain("CANARY");
  });
});

function read(contract: Contract, given: Answer, request: ResourceRequest = GET): Answer {
  return shapeAnswer(given, request, contract, aCall());
}

describe("an answer", () => {
  const GIVEN = answer(200, { kouza: [1] }, { "x-next": "k-2" });

  test.each<[string, Contract, ResourceRequest]>([
    ["whose call does not differ", contractOf({}), GET],
    ["of another call", reading("balance", vi.fn()), GET],
    ["whose call differs in its request only", asking("accounts", vi.fn()), GET],
    ["of no call of the contract", reading("accounts", vi.fn()), { method: "GET", url: new URL(HREF) }],
    ["that holds none of the codes that differ", contractOf({ codes: { debitStatus: { X: "succeeded" } } }), GET],
    ["of a call without codes", contractOf({ codes: { debitStatus: {} } }), { ...GET, operation: "identity" }],
  ])("%s is read as it is", (_, contract, request) => {
    expect(read(contract, GIVEN, request)).toBe(GIVEN);
  });

  test("is shown whole to the contract's function, whose result is read in its place", () => {
    const shape = vi.fn(() => ({ accounts: [] }));
    expect(read(reading("accounts", shape), GIVEN)).toStrictEqual({ ...GIVEN, body: '{"accounts":[]}' });
    expect(shape.mock.calls).toStrictEqual([[{ status: 200, headers: { "x-next": "k-2" }, body: { kouza: [1] } }]]);
  });

  test.each(["", "<html>"])("that is no JSON is left to be refused: %j", text => {
    const shape = vi.fn();
    const given = answer(200, text);
    expect(read(reading("accounts", shape), given)).toBe(given);
    expect(shape).not.toHaveBeenCalled();
  });

  test.each(["null", "false", "0", '""'])("that is JSON is shown, whatever it is: %s", text => {
    expect(
      read(
        reading("accounts", ({ body }) => [body]),
        answer(200, text),
      ).body,
    ).toBe(`[${text}]`);
  });

  test("of which the contract's function makes nothing is empty", () => {
    expect(
      read(
        reading("accounts", () => undefined),
        GIVEN,
      ).body,
    ).toBe("");
  });

  test.each<[ResourceRequest["method"], SideEffect]>([
    ["GET", "none"],
    ["POST", "possible"],
    ["DELETE", "possible"],
  ])("that the contract's function can't read is refused, and nothing of it is shown: %s", (method, sideEffect) => {
    const contract = reading("accounts", ({ body }) => {
      throw new RangeError(JSON.stringify(body));
    });
    const error = thrown(() => read(contract, answer(200, { name: "CANARY" }), { ...GET, method }), ValidationError);
    expect(error).toMatchObject({ check: "body", sideEffect, interactionId: INTERACTION_ID });
    expect(error.message).toBe(
      "The bank's answer (accounts) can't be read by contract.operations.accounts.answer: it failed with RangeError. What to do: npx minna-baas explain body.",
    );
    expect(everythingShown(error)).not.toContain("CANARY");
  });

  test("is refused, too, where the result is nothing that JSON has", () => {
    const contract = reading("accounts", () => ({ amount: 1n }));
    expect(thrown(() => read(contract, GIVEN), ValidationError).message).toContain("TypeError");
  });
});

describe("the bank's codes", () => {
  const ALL: Codes = {
    accountType: { A: "ordinary" },
    transactionType: { A: "1" },
    debitStatus: { A: "succeeded" },
    debitFailure: { A: "insufficient_funds" },
    grantStatus: { A: "active" },
  };
  const EVERYWHERE = { accountTypeCode: "A", transactionType: "A", status: "A", code: "A", other: "A" };

  function translated(operation: OperationName, body: unknown, codes: Codes = ALL): unknown {
    return JSON.parse(read(contractOf({ codes }), answer(200, body), { ...GET, operation }).body);
  }

  test.each<[OperationName, object]>([
    ["accounts", { accountTypeCode: "ordinary" }],
    ["balance", {}],
    ["transactions", { transactionType: "1" }],
    ["deposits", { transactionType: "1" }],
    ["identity", {}],
    ["createDebit", { status: "succeeded", code: "insufficient_funds" }],
    ["debit", { status: "succeeded", code: "insufficient_funds" }],
    ["findDebits", { status: "succeeded", code: "insufficient_funds" }],
    ["grant", { status: "active" }],
    ["extendGrant", { status: "active" }],
    ["releaseGrant", {}],
  ])("of %s are translated where they stand, at any depth, and nowhere else", (operation, expected) => {
    const changed = { ...EVERYWHERE, ...expected };
    expect(translated(operation, { ...EVERYWHERE, list: [{ a: EVERYWHERE }] })).toEqual({
      ...changed,
      list: [{ a: changed }],
    });
  });

  test.each(["B", "a", "", "toString", "__proto__", 1, null, true, ["A"]])(
    "that are not named pass through: %j",
    status => {
      expect(translated("debit", { status })).toEqual({ status });
    },
  );

  test("of one table leave those of another alone", () => {
    const codes = { debitFailure: { A: "other" } };
    expect(translated("debit", { status: "A", failure: { code: "A" } }, codes)).toEqual({
      status: "A",
      failure: { code: "other" },
    });
    expect(translated("accounts", EVERYWHERE, { debitStatus: { A: "failed" } })).toEqual(EVERYWHERE);
  });

  test("are translated after the contract's function", () => {
    const contract = contractOf({
      codes: { debitStatus: { A: "failed" } },
      operations: { debit: { answer: ({ body }) => ({ status: (body as { joutai: string }).joutai }) } },
    });
    expect(read(contract, answer(200, { joutai: "A" }), { ...GET, operation: "debit" }).body).toBe(
      '{"status":"failed"}',
    );
  });
});

describe("a call in the bank's shape", () => {
  function resources(contract: ContractOptions, replies: Answer[]): { room: Resources; sent: OutgoingRequest[] } {
    const sent: OutgoingRequest[] = [];
    const door = doorTo(outgoing => {
      sent.push(outgoing);
      return replies.shift() ?? answer(404, "");
    });
    return { room: new Resources(configuration("fapi2-security", { contract }), door, openAccess()), sent };
  }

  test("is shaped once, also where it is repeated with another token, which the function does not see", async () => {
    const request = vi.fn(({ headers }: OperationRequest) => ({
      url: `${HREF}/v2`,
      headers: { ...headers, "x-a": "b" },
      body: { a: 1 },
    }));
    const contract = { operations: { createDebit: { request, answer: () => ({ done: 1 }) } } };
    const { room, sent } = resources(contract, [answer(401, ""), answer(201, {})]);
    expect((await room.call(LINK_ID, POST, aCall())).body).toBe('{"done":1}');
    expect(request).toHaveBeenCalledTimes(1);
    expect(JSON.stringify(request.mock.calls)).not.toContain("CANARY");
    expect(sent).toHaveLength(2);
    for (const { url, headers, body } of sent) {
      expect(url.href).toBe(`${HREF}/v2`);
      expect(headers).toMatchObject({ "x-a": "b", "x-idempotency-key": "key-1", "content-type": "application/json" });
      expect(body).toBe('{"a":1}');
    }
  });

  test("can't change its token, nor the call's id", async () => {
    const headers = { authorization: "Bearer another", "x-fapi-interaction-id": "another" };
    const { room, sent } = resources({ operations: { accounts: { request: ({ url }) => ({ url, headers }) } } }, []);
    await room.call(LINK_ID, GET, aCall()).catch(() => {});
    expect(sent[0]?.headers["authorization"]).toMatch(/CANARY/);
    expect(sent[0]?.headers["x-fapi-interaction-id"]).toBe(INTERACTION_ID);
  });

  test("is not made where its function leads elsewhere", async () => {
    const request = () => ({ url: "https://attacker.example/", headers: {} });
    const { room, sent } = resources({ operations: { accounts: { request } } }, []);
    await rejection(room.call(LINK_ID, GET, aCall()), ConfigurationError);
    expect(sent).toEqual([]);
  });

  test("that is refused is not shown to its function", async () => {
    const read = vi.fn();
    const { room } = resources({ operations: { accounts: { answer: read } } }, [answer(404, { code: "no" })]);
    await expect(room.call(LINK_ID, GET, aCall())).rejects.toMatchObject({ code: "not_found", bankCode: "no" });
    expect(read).not.toHaveBeenCalled();
  });
});

describe("what an endpoint is called", () => {
  const BASE = "https://api.bank.example/open-api/v1/";
  const shown = (operation: OperationName, contract: Contract, name: "balance" | "grantExtensions" | "accounts") => {
    const endpoint = endpointAt(BASE, contract.paths[name], { accountId: "acc/1", grantId: "..g" });
    return shapeRequest({ method: "GET", ...endpoint, operation }, contract).shownAs;
  };

  test("has the names of the ids in its path, below whatever base", () => {
    const contract = contractOf({ paths: { balance: "/kouza/{accountId}/zandaka/ima" } });
    expect(shown("balance", contract, "balance")).toBe(
      "https://api.bank.example/open-api/v1/kouza/{accountId}/zandaka/ima",
    );
    expect(shown("extendGrant", contract, "grantExtensions")).toBe(
      "https://api.bank.example/open-api/v1/{grantId}/extensions",
    );
  });

  test("is the URL's own where there is no id in it", () => {
    expect(shown("accounts", contractOf({}), "accounts")).toBe("https://api.bank.example/open-api/v1/accounts");
  });

  test("is the name of the call where a function of the contract made the path", () => {
    const contract = asking("balance", ({ url, headers }) => ({ url: `${url}/of/acc-1`, headers }));
    expect(shown("balance", contract, "balance")).toBe("https://api.bank.example/{balance}");
  });
});
