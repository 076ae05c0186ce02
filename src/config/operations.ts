/**
 * Where the bank's API has another shape than the default contract: functions that turn one into the other.
 *
 * @module
 */
import { isObject, kindOf, type Problems } from "./problems.js";

/** The calls of the API. */
export type OperationName =
  | "accounts"
  | "balance"
  | "transactions"
  | "deposits"
  | "identity"
  | "createDebit"
  | "debit"
  | "findDebits"
  | "grant"
  | "releaseGrant"
  | "extendGrant";

/** A request of the default contract, before token, certificate and FAPI headers are added. */
export interface OperationRequest {
  /** The whole URL. It must stay at its origin: the token goes there. */
  readonly url: string;
  /** With the idempotency key, where there is one. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is sent as JSON; absent where nothing is. */
  readonly body?: unknown;
}

/** An answer of the bank's that was a success. */
export interface OperationAnswer {
  /** From 200 to 299. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The JSON of the answer. */
  readonly body: unknown;
}

/** How a call differs at the bank. */
export interface Operation {
  /** Makes the bank's request of the default contract's: always the same of the same, for a debit may be sent again. */
  readonly request?: (request: OperationRequest) => OperationRequest;
  /** Decodes the bank's answer: makes the default contract's body of it, which is then checked. */
  readonly answer?: (answer: OperationAnswer) => unknown;
}

/** The codes whose values are the bank's. */
export type CodeTable =
  | "accountType"
  | "transactionType"
  | "debitStatus"
  | "debitFailure"
  | "grantStatus"
  /** Why a 403 is the grant's: `grant_expired`, `grant_revoked`, `grant_suspended`. */
  | "grantRefusal";

/** The bank's codes, each with the default contract's. One that is not named passes through. */
export type Codes = Readonly<Partial<Record<CodeTable, Readonly<Record<string, string>>>>>;

/** The calls that differ. */
export type Operations = Readonly<Partial<Record<OperationName, Operation>>>;

const NAMES: readonly OperationName[] = [
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
const TABLES: readonly CodeTable[] = [
  "accountType",
  "transactionType",
  "debitStatus",
  "debitFailure",
  "grantStatus",
  "grantRefusal",
];

/** Checks the operations of a contract and notes what is wrong with them. */
export function checkOperations(value: unknown, problems: Problems): Operations {
  return checkEach("operations", value, NAMES, problems, bound, (option, entry) => {
    for (const [name, member] of Object.entries(entry)) {
      if (name !== "request" && name !== "answer")
        problems.add(`${option}.${name}`, "request or answer", "an unknown option");
      else if (typeof member !== "function") problems.add(`${option}.${name}`, "a function", kindOf(member));
    }
  });
}

/** What the default contract has; the reasons of a failed debit are open. */
const MEANINGS: Readonly<Partial<Record<string, readonly string[]>>> = {
  accountType: ["ordinary", "savings"],
  transactionType: ["1", "2"],
  debitStatus: ["processing", "succeeded", "failed", "returned"],
  grantStatus: ["active", "expired", "revoked", "suspended"],
  grantRefusal: ["grant_expired", "grant_revoked", "grant_suspended"],
};

/** Checks the code tables of a contract and notes what is wrong with them. */
export function checkCodes(value: unknown, problems: Problems): Codes {
  return checkEach(
    "codes",
    value,
    TABLES,
    problems,
    entry => ({ ...entry }),
    (option, entry, table) => {
      const known = MEANINGS[table];
      const expected = known === undefined ? "a code of the default contract" : `one of ${known.join(", ")}`;
      for (const [code, meaning] of Object.entries(entry)) {
        if (typeof meaning === "string" && known?.includes(meaning) !== false) continue;
        problems.add(`${option}.${code.slice(0, 40)}`, expected, kindOf(meaning));
      }
    },
  );
}

/** The functions of an operation, which may be methods. */
function bound(operation: Operation): Operation {
  const { request, answer } = operation;
  return {
    ...(typeof request === "function" ? { request: request.bind(operation) } : {}),
    ...(typeof answer === "function" ? { answer: answer.bind(operation) } : {}),
  };
}

function checkEach<Result extends object>(
  section: string,
  value: unknown,
  names: readonly string[],
  problems: Problems,
  copy: (entry: object) => object,
  check: (option: string, entry: object, name: string) => void,
): Result {
  if (value === undefined) return Object.freeze({}) as Result;
  if (!isObject(value)) problems.add(`contract.${section}`, "an object", kindOf(value));
  const entries = Object.entries(isObject(value) ? value : {});
  for (const [name, entry] of entries) {
    const option = `contract.${section}.${name.slice(0, 40)}`;
    if (!names.includes(name)) problems.add(option, `one of ${names.join(", ")}`, "an unknown option");
    else if (!isObject(entry)) problems.add(option, "an object", kindOf(entry));
    else check(option, entry, name);
  }
  // Copies, so that nothing can be changed after it was checked.
  const copies = entries.map(([name, entry]) => [name, Object.freeze(isObject(entry) ? copy(entry) : {})]);
  return Object.freeze(Object.fromEntries(copies)) as Result;
}
