import { describe, expect, test } from "vitest";
import { configure } from "../../src/config/configurations.js";
import type { Contract } from "../../src/config/contract.js";
import type { OperationName, OperationRequest } from "../../src/config/operations.js";
import type { ConfigurationProblem } from "../../src/errors.js";
import { problemsOf } from "../support/errors.js";
import { validOptions } from "../support/options.js";

const OPERATIONS: readonly OperationName[] = [
  "accounts",
  "balance",
  "transactions",
  "deposits",
  "identity",
  "createDebit",
  "debit",
  "findDebits",
  "grant",
  "releaseGrant",
  "extendGrant",
];
const STATUSES = "one of processing, succeeded, failed, returned";
const MEANING: Readonly<Record<string, string>> = {
  accountType: "savings",
  transactionType: "2",
  debitStatus: "returned",
  debitFailure: "whatever the bank says",
  grantStatus: "suspended",
  grantRefusal: "grant_revoked",
};
const TABLES = ["accountType", "transactionType", "debitStatus", "debitFailure", "grantStatus", "grantRefusal"];

function contractOf(contract: unknown): Contract {
  return configure(validOptions({ contract })).all[0].contract;
}

function wrong(contract: unknown): readonly ConfigurationProblem[] {
  return problemsOf(() => configure(validOptions({ contract })));
}

function itself<T>(value: T): T {
  return value;
}

describe("operations that differ", () => {
  test.each(OPERATIONS)("may be any of the API's calls: %s", name => {
    for (const operation of [{}, { request: itself }, { answer: itself }, { request: itself, answer: itself }]) {
      const { operations } = contractOf({ operations: { [name]: operation } });
      expect(Object.keys(operations)).toEqual([name]);
      expect(Object.keys(operations[name] ?? {})).toEqual(Object.keys(operation));
    }
  });

  test("may be methods of an object that has more to it", () => {
    class Balances {
      readonly #sign = -1;
      answer({ body }: { body: unknown }): unknown {
        return { balance: this.#sign * Number(body) };
      }
      request(request: OperationRequest): OperationRequest {
        return { ...request, headers: { "x-sign": String(this.#sign) } };
      }
    }
    const { balance } = contractOf({ operations: { balance: new Balances() } }).operations;
    expect(balance?.answer?.({ status: 200, headers: {}, body: 5 })).toEqual({ balance: -5 });
    const request = { url: "https://api.bank.example/", headers: {} };
    expect(balance?.request?.(request)).toEqual({ ...request, headers: { "x-sign": "-1" } });
  });

  test.each([undefined, {}, { operations: undefined }, { operations: {} }])("are none in %j", contract => {
    const { operations } = contractOf(contract);
    expect(operations).toStrictEqual({});
    expect(Object.isFrozen(operations)).toBe(true);
  });

  test("are the client's own, and frozen", () => {
    const given = { balance: { answer: itself } };
    const { operations } = contractOf({ operations: given });
    expect(operations).not.toBe(given);
    expect(Object.isFrozen(operations)).toBe(true);
    expect(Object.isFrozen(given)).toBe(false);
    expect(Object.isFrozen(operations.balance)).toBe(true);
    expect(Object.isFrozen(given.balance)).toBe(false);
  });

  test("stay as they were checked", () => {
    const given: Record<string, Record<string, unknown>> = { balance: { answer: itself } };
    const { operations } = contractOf({ operations: given });
    Object.assign(given["balance"]!, { answer: 7, request: 7 });
    given["debit"] = { answer: 7 };
    expect(Object.keys(operations)).toEqual(["balance"]);
    expect(Object.keys(operations.balance ?? {})).toEqual(["answer"]);
    const asked = { status: 200, headers: {}, body: {} };
    expect(operations.balance?.answer?.(asked)).toBe(asked);
  });

  test.each<[string, unknown, ConfigurationProblem[]]>([
    ["a text", "accounts", [{ option: "contract.operations", expected: "an object", found: "a string" }]],
    ["null", null, [{ option: "contract.operations", expected: "an object", found: "null" }]],
    ["a list", [itself], [{ option: "contract.operations", expected: "an object", found: "an array" }]],
    [
      "an unknown call",
      { transfer: {} },
      [
        {
          option: "contract.operations.transfer",
          expected: `one of ${OPERATIONS.join(", ")}`,
          found: "an unknown option",
        },
      ],
    ],
    [
      "a function for a call",
      { accounts: itself },
      [{ option: "contract.operations.accounts", expected: "an object", found: "a function" }],
    ],
    [
      "nothing for a call",
      { accounts: undefined },
      [{ option: "contract.operations.accounts", expected: "an object", found: "nothing" }],
    ],
    [
      "an unknown way to differ",
      { accounts: { response: itself } },
      [{ option: "contract.operations.accounts.response", expected: "request or answer", found: "an unknown option" }],
    ],
    [
      "what is no function",
      { accounts: { request: "{}", answer: null } },
      [
        { option: "contract.operations.accounts.request", expected: "a function", found: "a string" },
        { option: "contract.operations.accounts.answer", expected: "a function", found: "null" },
      ],
    ],
  ])("can't be %s", (_, operations, problems) => {
    expect(wrong({ operations })).toEqual(problems);
  });

  test("are named in an error by 40 characters of their names at most", () => {
    const long = "x".repeat(41);
    expect(wrong({ operations: { [long]: {} } })[0]?.option).toBe(`contract.operations.${"x".repeat(40)}`);
  });
});

describe("codes of the bank's own", () => {
  test.each(TABLES)("may be in any of the tables: %s", table => {
    const meaning = MEANING[table] ?? "";
    for (const codes of [{ [table]: {} }, { [table]: { "01": meaning, "": meaning } }]) {
      expect(contractOf({ codes }).codes).toStrictEqual(codes);
    }
  });

  test.each([undefined, {}, { codes: undefined }, { codes: {} }])("are none in %j", contract => {
    const { codes } = contractOf(contract);
    expect(codes).toStrictEqual({});
    expect(Object.isFrozen(codes)).toBe(true);
  });

  test("are frozen", () => {
    const given = { debitStatus: { A: "succeeded" } };
    const { codes } = contractOf({ codes: given });
    expect(Object.isFrozen(codes)).toBe(true);
    expect(Object.isFrozen(codes.debitStatus)).toBe(true);
    expect(Object.isFrozen(given.debitStatus)).toBe(false);
  });

  test("stay as they were checked", () => {
    const given: Record<string, Record<string, unknown>> = { debitStatus: { A: "succeeded" } };
    const { codes } = contractOf({ codes: given });
    Object.assign(given["debitStatus"]!, { A: 7, B: 7 });
    given["debitFailure"] = { C: 7 };
    expect(codes).toStrictEqual({ debitStatus: { A: "succeeded" } });
  });

  test.each<[string, unknown, ConfigurationProblem[]]>([
    ["a list", [], [{ option: "contract.codes", expected: "an object", found: "an array" }]],
    [
      "an unknown table",
      { currency: {} },
      [{ option: "contract.codes.currency", expected: `one of ${TABLES.join(", ")}`, found: "an unknown option" }],
    ],
    [
      "a text for a table",
      { debitStatus: "succeeded" },
      [{ option: "contract.codes.debitStatus", expected: "an object", found: "a string" }],
    ],
    [
      "what is no text",
      { debitStatus: { A: "succeeded", B: 1, ["x".repeat(41)]: null } },
      [
        { option: "contract.codes.debitStatus.B", expected: STATUSES, found: "a number" },
        {
          option: `contract.codes.debitStatus.${"x".repeat(40)}`,
          expected: STATUSES,
          found: "null",
        },
      ],
    ],
    [
      "a code that the default contract has not",
      { debitStatus: { DONE: "suceeded" }, grantRefusal: { E1: "expired" } },
      [
        { option: "contract.codes.debitStatus.DONE", expected: STATUSES, found: "a string" },
        {
          option: "contract.codes.grantRefusal.E1",
          expected: "one of grant_expired, grant_revoked, grant_suspended",
          found: "a string",
        },
      ],
    ],
    [
      "a reason of a failed debit that is no text",
      { debitFailure: { E1: 1 } },
      [{ option: "contract.codes.debitFailure.E1", expected: "a code of the default contract", found: "a number" }],
    ],
  ])("can't be %s", (_, codes, problems) => {
    expect(wrong({ codes })).toEqual(problems);
  });
});

test("every mistake in operations and codes is named at once", () => {
  const contract = { operations: { a: {}, debit: { answer: 1 } }, codes: { b: {}, debitStatus: { C: 2 } } };
  expect(
    wrong(contract)
      .map(({ option }) => option)
      .sort(),
  ).toEqual([
    "contract.codes.b",
    "contract.codes.debitStatus.C",
    "contract.operations.a",
    "contract.operations.debit.answer",
  ]);
});
