/**
 * The way between the default contract and a bank whose API has another shape.
 *
 * @module
 */
import type { Contract } from "../config/contract.js";
import type { CodeTable, OperationName } from "../config/operations.js";
import { classOf, isObject, kindOf } from "../config/problems.js";
import { ConfigurationError, ValidationError } from "../errors.js";
import type { Call } from "../transport/call.js";
import type { Answer } from "../transport/door.js";
import type { ResourceRequest } from "./resource.js";

/**
 * The request as the bank wants it.
 *
 * @throws {@link ConfigurationError} when the contract's function fails, or leads to another origin: nothing was sent.
 */
export function shapeRequest(request: ResourceRequest, { operations }: Contract): ResourceRequest {
  const shape = request.operation && operations[request.operation]?.request;
  if (shape === undefined) return request;
  const wrong = (found: string) =>
    new ConfigurationError([
      {
        option: `contract.operations.${request.operation}.request`,
        expected: "a function that returns { url, headers, body }, with a url of the same origin",
        found,
      },
    ]);
  const { headers = {}, body } = request;
  let shaped: unknown;
  try {
    shaped = shape({ url: request.url.href, headers, ...(body === undefined ? {} : { body }) });
  } catch (error) {
    throw wrong(`one that failed with ${classOf(error)}`);
  }
  if (!isObject(shaped)) throw wrong(`one that returned ${kindOf(shaped)}`);
  const { url, headers: given, body: content } = shaped as { url?: unknown; headers?: unknown; body?: unknown };
  if (typeof url !== "string" || !URL.canParse(url) || new URL(url).origin !== request.url.origin) {
    throw wrong("one whose url is none of that origin");
  }
  if (!isObject(given) || Object.values(given).some(value => typeof value !== "string")) {
    throw wrong("one whose headers are no strings");
  }
  const { body: _, ...rest } = request;
  const sent = content === undefined ? {} : { body: content };
  const to = new URL(url);
  // What the function made of the path may hold an id anywhere.
  const shown = to.pathname === request.url.pathname ? {} : { shownAs: `${to.origin}/{${request.operation}}` };
  return { ...rest, ...shown, url: to, headers: given as Record<string, string>, ...sent };
}

/** Which members hold codes of which table. */
const CODES: Readonly<Partial<Record<OperationName, Readonly<Record<string, CodeTable>>>>> = {
  accounts: { accountTypeCode: "accountType" },
  transactions: { transactionType: "transactionType" },
  deposits: { transactionType: "transactionType" },
  createDebit: { status: "debitStatus", code: "debitFailure" },
  debit: { status: "debitStatus", code: "debitFailure" },
  findDebits: { status: "debitStatus", code: "debitFailure" },
  grant: { status: "grantStatus" },
  extendGrant: { status: "grantStatus" },
};

/**
 * The answer as the default contract has it.
 *
 * @throws {@link ValidationError} `body` when the contract's function can't read it.
 */
export function shapeAnswer(answer: Answer, request: ResourceRequest, contract: Contract, call: Call): Answer {
  const { operation } = request;
  if (operation === undefined) return answer;
  const shape = contract.operations[operation]?.answer;
  const members = Object.entries(CODES[operation] ?? {}).filter(([, table]) => contract.codes[table] !== undefined);
  if (shape === undefined && members.length === 0) return answer;
  const body = jsonOf(answer.body);
  // What is no JSON is refused where every other answer is.
  if (body === undefined) return answer;
  let shaped: unknown = body;
  try {
    if (shape !== undefined) shaped = shape({ status: answer.status, headers: answer.headers, body });
    return { ...answer, body: translated(shaped, new Map(members), contract) };
  } catch (error) {
    throw new ValidationError(
      "body",
      `The bank's answer (${operation}) can't be read by contract.operations.${operation}.answer: it failed with ${classOf(error)}.`,
      { interactionId: call.interactionId, sideEffect: request.method === "GET" ? "none" : "possible" },
    );
  }
}

function translated(body: unknown, members: ReadonlyMap<string, CodeTable>, { codes }: Contract): string {
  const text = JSON.stringify(body, (member, value) => {
    const table = members.get(member);
    return table !== undefined && typeof value === "string" ? (meaningOf(codes[table], value) ?? value) : value;
  });
  return text ?? "";
}

function meaningOf(table: Readonly<Record<string, string>> | undefined, code: string): string | undefined {
  return table !== undefined && Object.hasOwn(table, code) ? table[code] : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: there is nothing to shape.
  }
  return undefined;
}
