import { describe, expect, test } from "vitest";
import { configure } from "../../src/config/configurations.js";
import type { Contract } from "../../src/config/contract.js";
import { problemsOf } from "../support/errors.js";
import { validOptions } from "../support/options.js";

function contractOf(contract: unknown): Contract {
  return configure(validOptions({ contract })).all[0].contract;
}

function wrong(contract: unknown): string[] {
  return problemsOf(() => configure(validOptions({ contract }))).map(problem => problem.option);
}

describe("a contract", () => {
  test("replaces what it names, and nothing else", () => {
    const merged = contractOf({
      scopes: { balance: "bank:balance.read" },
      paths: { accounts: "/v2/kouza", debit: "/v2/debits/{debitId}" },
      headers: { idempotencyKey: "Idempotency-Key" },
      queries: { nextItemKey: "page.token~2-b" },
      codes: { debitStatus: { DONE: "succeeded" } },
      inquiry: "none",
      grantExtension: "authorization",
    });
    const before = contractOf(undefined);
    expect(merged).toEqual({
      ...before,
      scopes: { ...before.scopes, balance: "bank:balance.read" },
      paths: { ...before.paths, accounts: "/v2/kouza", debit: "/v2/debits/{debitId}" },
      headers: { ...before.headers, idempotencyKey: "Idempotency-Key" },
      queries: { ...before.queries, nextItemKey: "page.token~2-b" },
      codes: { debitStatus: { DONE: "succeeded" } },
      inquiry: "none",
      grantExtension: "authorization",
    });
  });

  test("is this one where nothing is said", () => {
    expect(contractOf(undefined)).toStrictEqual({
      scopes: {
        balance: "balance",
        transactions: "transactions",
        deposits: "deposits",
        identity: "identity",
        debit: "debit",
        openid: "openid",
        offlineAccess: "offline_access",
        grantQuery: "grant_management_query",
        grantRevoke: "grant_management_revoke",
      },
      paths: {
        accounts: "/accounts",
        balance: "/accounts/{accountId}/balance",
        transactions: "/accounts/{accountId}/transactions",
        deposits: "/accounts/{accountId}/deposits",
        identity: "/identity",
        debits: "/direct-debits",
        debit: "/direct-debits/{debitId}",
        grant: "/{grantId}",
        grantExtensions: "/{grantId}/extensions",
      },
      headers: {
        interactionId: "x-fapi-interaction-id",
        authDate: "x-fapi-auth-date",
        customerIpAddress: "x-fapi-customer-ip-address",
        idempotencyKey: "x-idempotency-key",
      },
      queries: {
        dateFrom: "dateFrom",
        dateTo: "dateTo",
        nextItemKey: "nextItemKey",
        partnerTransactionId: "partnerTransactionId",
      },
      codes: {},
      operations: {},
      inquiry: "by-reference",
      grantExtension: "call",
      mtlsEndpointAliases: "announced",
    });
  });

  test.each([undefined, {}, { scopes: {} }, { paths: undefined }])(
    "that changes nothing is the default one: %j",
    contract => {
      expect(contractOf(contract)).toEqual(contractOf(undefined));
    },
  );

  test("is frozen, and so are its parts", () => {
    for (const contract of [contractOf(undefined), contractOf({ scopes: { debit: "d" } })]) {
      for (const part of [contract, contract.scopes, contract.paths, contract.headers, contract.queries]) {
        expect(Object.isFrozen(part)).toBe(true);
      }
    }
  });

  test("of one client is not that of another", () => {
    contractOf({ scopes: { balance: "changed" } });
    expect(contractOf(undefined).scopes.balance).toBe("balance");
  });

  test("may lack the scopes that only come along, and no other", () => {
    const { scopes } = contractOf({
      scopes: { openid: null, offlineAccess: null, grantQuery: null, grantRevoke: null },
    });
    expect(scopes).toMatchObject({ openid: null, offlineAccess: null, grantQuery: null, grantRevoke: null });
    expect(wrong({ scopes: { debit: null } })).toEqual(["contract.scopes.debit"]);
    expect(wrong({ paths: { accounts: null } })).toEqual(["contract.paths.accounts"]);
  });

  test.each([
    ["inquiry", ["by-reference", "none"]],
    ["grantExtension", ["call", "authorization"]],
    ["mtlsEndpointAliases", ["announced", "required", "absent"]],
  ])("says what it expects of the bank in one of a few words: %s", (name, [first, ...others]) => {
    expect(contractOf(undefined)).toHaveProperty(name, first);
    expect(contractOf({ [name]: undefined })).toHaveProperty(name, first);
    for (const word of [first, ...others]) expect(contractOf({ [name]: word })).toHaveProperty(name, word);
    for (const [value, found] of [
      ["optional", "a string"],
      ["", "an empty string"],
      [false, "a boolean"],
      [null, "null"],
      [[first], "an array"],
    ]) {
      expect(problemsOf(() => contractOf({ [name]: value }))).toEqual([
        { option: `contract.${name}`, expected: `one of ${[first, ...others].join(", ")}`, found },
      ]);
    }
  });

  test("without OpenID Connect leaves offline access out, too, unless it is given", () => {
    expect(contractOf({ scopes: { openid: null } }).scopes.offlineAccess).toBeNull();
    expect(contractOf({ scopes: { openid: null, offlineAccess: "long" } }).scopes.offlineAccess).toBe("long");
    expect(contractOf({ scopes: { openid: "oidc" } }).scopes).toMatchObject({
      openid: "oidc",
      offlineAccess: "offline_access",
    });
    expect(contractOf({ scopes: { debit: "d" } }).scopes.offlineAccess).toBe("offline_access");
  });

  test("takes as a scope what would be no path, and as a parameter what would be a header of ours", () => {
    expect(contractOf({ scopes: { balance: "urn:x/../{id}" } }).scopes.balance).toBe("urn:x/../{id}");
    expect(contractOf({ queries: { dateFrom: "host" } }).queries.dateFrom).toBe("host");
  });

  test("takes names of parameters that stay what they are in a URL", () => {
    for (const name of ["from", "date_from", "p.1", "a-b~c"]) {
      expect(contractOf({ queries: { dateFrom: name } }).queries.dateFrom).toBe(name);
    }
  });

  test("may name two headers or parameters each other's names", () => {
    const queries = { dateFrom: "dateTo", dateTo: "dateFrom" };
    expect(contractOf({ queries }).queries).toMatchObject(queries);
  });
});

describe("a mistake in a contract", () => {
  test.each<[string, unknown, string]>([
    ["an unknown part", { decoders: {} }, "contract.decoders"],
    ["an unknown scope", { scopes: { payments: "p" } }, "contract.scopes.payments"],
    ["an unknown path", { paths: { transfers: "/t" } }, "contract.paths.transfers"],
    ["an unknown parameter", { queries: { page: "p" } }, "contract.queries.page"],
    ["a parameter with a space", { queries: { dateFrom: "date from" } }, "contract.queries.dateFrom"],
    ["a parameter with another behind it", { queries: { dateFrom: "from=1&to" } }, "contract.queries.dateFrom"],
    ["a parameter in brackets", { queries: { dateFrom: "date[from]" } }, "contract.queries.dateFrom"],
    ["an empty parameter", { queries: { dateFrom: "" } }, "contract.queries.dateFrom"],
    ["a parameter of null", { queries: { dateFrom: null } }, "contract.queries.dateFrom"],
    ["parameters as a list", { queries: ["from"] }, "contract.queries"],
    ["one parameter for two", { queries: { dateFrom: "day", dateTo: "day" } }, "contract.queries"],
    ["another one's parameter", { queries: { dateFrom: "dateTo" } }, "contract.queries"],
    ["two that differ in case only", { headers: { authDate: "X-Fapi-Interaction-Id" } }, "contract.headers"],
    ["a whole that is none", "default", "contract"],
    ["an unknown header", { headers: { traceId: "x" } }, "contract.headers.traceId"],
    ["a name that every object has", { scopes: { toString: "x" } }, "contract.scopes.toString"],
    ["scopes as text", { scopes: "balance" }, "contract.scopes"],
    ["two scopes in one", { scopes: { balance: "a b" } }, "contract.scopes.balance"],
    ["an empty scope", { scopes: { balance: "" } }, "contract.scopes.balance"],
    ["a scope in quotes", { scopes: { balance: '"balance"' } }, "contract.scopes.balance"],
    ["a path without a slash", { paths: { accounts: "accounts" } }, "contract.paths.accounts"],
    ["a whole URL", { paths: { accounts: "https://attacker.example/accounts" } }, "contract.paths.accounts"],
    ["a path to another host", { paths: { accounts: "//attacker.example/accounts" } }, "contract.paths.accounts"],
    ["a path with a query", { paths: { accounts: "/accounts?all=1" } }, "contract.paths.accounts"],
    ["a path with a slash at its end", { paths: { accounts: "/accounts/" } }, "contract.paths.accounts"],
    ["a path upwards", { paths: { accounts: "/v1/../../admin" } }, "contract.paths.accounts"],
    ["a path that ends upwards", { paths: { accounts: "/v1/.." } }, "contract.paths.accounts"],
    ["a path that ends where it is", { paths: { accounts: "/v1/." } }, "contract.paths.accounts"],
    ["a placeholder that nothing fills", { paths: { balance: "/accounts/{id}/balance" } }, "contract.paths.balance"],
    ["a placeholder that is missing", { paths: { balance: "/balance" } }, "contract.paths.balance"],
    ["a header over two lines", { headers: { interactionId: "x-id\r\nx-evil" } }, "contract.headers.interactionId"],
    ["a header with a colon", { headers: { interactionId: "x-id:" } }, "contract.headers.interactionId"],
    [
      "a header that this client sets itself",
      { headers: { idempotencyKey: "Authorization" } },
      "contract.headers.idempotencyKey",
    ],
    ["a value that is no text", { scopes: { balance: 7 } }, "contract.scopes.balance"],
  ])("is named: %s", (_, contract, option) => {
    expect(wrong(contract)).toEqual([option]);
  });

  test.each<[unknown, string, string]>([
    [{ queries: { dateFrom: "a b" } }, "a parameter's name", "a string that is not"],
    [{ queries: { dateFrom: "" } }, "a parameter's name", "an empty string"],
    [{ queries: { x: "x" } }, "one of dateFrom, dateTo, nextItemKey, partnerTransactionId", "an unknown option"],
    [{ queries: { dateFrom: "dateTo" } }, "a name of its own for each", "one name for two of them"],
    [{ queries: 7 }, "an object", "a number"],
    [7, "an object", "a number"],
    [
      { decoders: {} },
      "one of scopes, paths, headers, queries, codes, operations, inquiry, grantExtension, mtlsEndpointAliases",
      "an unknown option",
    ],
    [{ headers: { authDate: "a b" } }, "a header name", "a string that is not"],
    ...["authorization", "accept", "content-type", "content-length", "host", "connection", "transfer-encoding"].map(
      (name): [object, string, string] => [
        { headers: { authDate: name.toUpperCase() } },
        "a header that this client does not set itself",
        name,
      ],
    ),
    [{ scopes: { debit: 7 } }, "a scope string without spaces and quotes", "a number"],
    [{ scopes: { debit: "a b" } }, "a scope string without spaces and quotes", "a string that is not"],
    [{ paths: { accounts: "a" } }, "a path that begins with a slash, without query", "a string that is not"],
    [
      { paths: { debit: "/d" } },
      "a path without dot segments, with the placeholders of /direct-debits/{debitId}",
      "another one",
    ],
  ])("says what was expected, and what was found: %j", (contract, expected, found) => {
    expect(problemsOf(() => contractOf(contract))).toMatchObject([{ expected, found }]);
  });

  test("is named beside every other one", () => {
    expect(wrong({ scopes: { balance: 7, x: 1 }, paths: { debit: "" }, headers: null }).sort()).toEqual([
      "contract.headers",
      "contract.paths.debit",
      "contract.scopes.balance",
      "contract.scopes.x",
    ]);
  });
});
