/**
 * A call of the bank's API, once it is known who calls.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Bank } from "../bank/bank.js";
import type { Account } from "../bank/ledger.js";
import type { Visit } from "../events.js";
import type { Faults } from "../faults/faults.js";
import type { Access } from "./access.js";
import { type Answer, type Dropped, Problem } from "./answer.js";

export interface Call {
  readonly access: Access;
  readonly bank: Bank;
  readonly faults: Faults;
  readonly visit: Visit;
  readonly interactionId: string;
  /** The variable parts of the path. */
  readonly id: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Rows on a page. */
  readonly pageSize: number;
}

/** One operation of the API. */
export interface Operation {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: RegExp;
  /** One of these is needed. */
  readonly scopes: readonly string[];
  run(call: Call): Answer | Dropped;
}

/** The customer's own account with this id; 404 for any other. */
export function accountOf({ access, bank }: Call, accountId: string): Account {
  const account = bank.ledger.account(accountId);
  if (account?.owner === access.customer) return account;
  throw new Problem(404, "account_not_found", "the customer has no such account");
}

/** The body as a JSON object; 415 or 400 for anything else. */
export function jsonBody({ headers, body }: Call): Record<string, unknown> {
  if (!/^application\/json\b/i.test(headers["content-type"] ?? "")) {
    throw new Problem(415, "unsupported_media_type", "the body must be application/json");
  }
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below, like every other body that is no object.
  }
  throw new Problem(400, "invalid_request", "the body must be a JSON object");
}
