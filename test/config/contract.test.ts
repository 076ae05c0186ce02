import { describe, expect, test } from "vitest";
import { configure } from "../../src/config/configuration.js";
import type { Contract } from "../../src/config/contract.js";
import { problemsOf } from "../support/errors.js";
import { validOptions } from "../support/options.js";

function contractOf(contract: unknown): Contract {
  return configure(validOptions({ contract })).contract;
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
    });
    const before = contractOf(undefined);
    expect(merged).toEqual({
      ...before,
      scopes: { ...before.scopes, balance: "bank:balance.read" },
      paths: { ...before.paths, accounts: "/v2/kouza", debit: "/v2/debits/{debitId}" },
      headers: { ...before.headers, idempotencyKey: "Idempotency-Key" },
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
      for (const part of [contract, contract.scopes, contract.paths, contract.headers]) {
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

  test("says whether the bank has aliases for mutual TLS", () => {
    expect(contractOf(undefined).mtlsEndpointAliases).toBe("announced");
    for (const where of ["announced", "required", "absent"]) {
      expect(contractOf({ mtlsEndpointAliases: where }).mtlsEndpointAliases).toBe(where);
    }
    expect(wrong({ mtlsEndpointAliases: "optional" })).toEqual(["contract.mtlsEndpointAliases"]);
    expect(wrong({ mtlsEndpointAliases: false })).toEqual(["contract.mtlsEndpointAliases"]);
  });
});

describe("a mistake in a contract", () => {
  test.each<[string, unknown, string]>([
    ["an unknown part", { decoders: {} }, "contract.decoders"],
    ["an unknown scope", { scopes: { payments: "p" } }, "contract.scopes.payments"],
    ["an unknown path", { paths: { transfers: "/t" } }, "contract.paths.transfers"],
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

  test("is named beside every other one", () => {
    expect(wrong({ scopes: { balance: 7, x: 1 }, paths: { debit: "" }, headers: null }).sort()).toEqual([
      "contract.headers",
      "contract.paths.debit",
      "contract.scopes.balance",
      "contract.scopes.x",
    ]);
  });
});
