/**
 * The bank's API contract as data: what a partner changes by configuration when the real bank differs.
 *
 * The default is an assumption: the bank gives its specification to contracted partners only.
 *
 * @module
 */
import { type Codes, checkCodes, checkOperations, type Operations } from "./operations.js";
import { isObject, kindOf, type Problems } from "./problems.js";

/** What a link may be allowed to do, in the partner's words. */
export type Scope = "balance" | "transactions" | "deposits" | "identity" | "debit";

/** What is asked for besides: an ID Token, a refresh token, and the right to look after the grant. */
export type CompanionScope = "openid" | "offlineAccess" | "grantQuery" | "grantRevoke";

/** The endpoints of the API. A path may hold `{accountId}` or `{debitId}`. */
export type PathName =
  | "accounts"
  | "balance"
  | "transactions"
  | "deposits"
  | "identity"
  | "debits"
  | "debit"
  | "grant"
  | "grantExtensions";

/** The request headers whose names are configured. */
export type HeaderName = "interactionId" | "authDate" | "customerIpAddress" | "idempotencyKey";

/** The query parameters whose names are configured. */
export type QueryName = "dateFrom" | "dateTo" | "nextItemKey" | "partnerTransactionId";

/** What the bank's API looks like. Every entry that is given replaces the default one. */
export interface ContractOptions {
  /**
   * The scope strings that the bank registered for the client. A companion scope that the bank does not have is `null`;
   * without `openid` the bank is used with plain OAuth 2.0: it issues no ID Token, and `offlineAccess`, which is OpenID
   * Connect's, is left out too unless it is given.
   */
  readonly scopes?: Readonly<Partial<Record<Scope, string> & Record<CompanionScope, string | null>>>;
  /** Paths below `api.baseUrl`; `grant` and `grantExtensions` are below the grant management endpoint. */
  readonly paths?: Readonly<Partial<Record<PathName, string>>>;
  /** Names of request headers. */
  readonly headers?: Readonly<Partial<Record<HeaderName, string>>>;
  /** Names of query parameters. */
  readonly queries?: Readonly<Partial<Record<QueryName, string>>>;
  /** What the bank's codes are in the default contract: `{ debitStatus: { DONE: "succeeded" } }`. */
  readonly codes?: Codes;
  /** Calls whose requests or answers have another shape at the bank. */
  readonly operations?: Operations;
  /**
   * Whether the bank can be asked for a debit by the partner's reference. `none`: a debit whose answer was lost is found out
   * by sending it again under its key, while the bank remembers that; after it, nobody can tell.
   */
  readonly inquiry?: "by-reference" | "none";
  /** How a grant is extended: by a call of `grant.extend()`, or by `links.begin({ link })`, a new authorization. */
  readonly grantExtension?: "call" | "authorization";
  /**
   * Where the bank authenticates the client by its certificate (RFC 8705 section 5).
   *
   * - `announced` (default): at its `mtls_endpoint_aliases`; a bank that announces none, at those of its endpoints that
   *   are on another origin than the one for browsers.
   * - `required`: at its aliases only.
   * - `absent`: at the endpoints themselves, wherever they are. Aliases that it announces all the same are used.
   */
  readonly mtlsEndpointAliases?: "announced" | "required" | "absent";
}

/** The contract in force. */
export interface Contract {
  readonly scopes: Readonly<Record<Scope, string> & Record<CompanionScope, string | null>>;
  readonly paths: Readonly<Record<PathName, string>>;
  readonly headers: Readonly<Record<HeaderName, string>>;
  readonly queries: Readonly<Record<QueryName, string>>;
  readonly codes: Codes;
  readonly operations: Operations;
  readonly inquiry: "by-reference" | "none";
  readonly grantExtension: "call" | "authorization";
  readonly mtlsEndpointAliases: "announced" | "required" | "absent";
}

type Section = "scopes" | "paths" | "headers" | "queries";

const DEFAULT: Contract = {
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
};

/** The scopes a partner can ask for. */
export const SCOPES: readonly Scope[] = Object.freeze(["balance", "transactions", "deposits", "identity", "debit"]);

const OWN_HEADERS = [
  "authorization",
  "accept",
  "content-type",
  "content-length",
  "host",
  "connection",
  "transfer-encoding",
];

/** The scopes that come along with each request. */
export const COMPANION_SCOPES: readonly CompanionScope[] = Object.freeze([
  "openid",
  "offlineAccess",
  "grantQuery",
  "grantRevoke",
]);

// RFC 6749 section 3.3 (scope-token), RFC 9110 section 5.1 (field name).
const FORMS: Readonly<Record<Section, { readonly pattern: RegExp; readonly expected: string }>> = {
  scopes: { pattern: /^[\x21\x23-\x5b\x5d-\x7e]+$/, expected: "a scope string without spaces and quotes" },
  paths: { pattern: /^(\/([\w.~-]+|\{\w+\}))+$/, expected: "a path that begins with a slash, without query" },
  headers: { pattern: /^[\w!#$%&'*+.^`|~-]+$/, expected: "a header name" },
  queries: { pattern: /^[\w.~-]+$/, expected: "a parameter's name" },
};

/** Merges the partner's contract over the default one and notes what is wrong with it. */
export function checkContract(value: unknown, problems: Problems): Contract {
  if (value !== undefined && !isObject(value)) {
    problems.add("contract", "an object", kindOf(value));
    return DEFAULT;
  }
  const given = (value ?? {}) as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(DEFAULT, name))
      problems.add(`contract.${name}`, `one of ${Object.keys(DEFAULT).join(", ")}`, "an unknown option");
  }
  return Object.freeze({
    scopes: merge("scopes", plainOAuth(given["scopes"]), problems),
    paths: merge("paths", given["paths"], problems),
    headers: merge("headers", given["headers"], problems),
    queries: merge("queries", given["queries"], problems),
    codes: checkCodes(given["codes"], problems),
    operations: checkOperations(given["operations"], problems),
    inquiry: oneOf("inquiry", given, ["by-reference", "none"], problems),
    grantExtension: oneOf("grantExtension", given, ["call", "authorization"], problems),
    mtlsEndpointAliases: oneOf("mtlsEndpointAliases", given, ["announced", "required", "absent"], problems),
  });
}

/** OIDC Core section 11: `offline_access` belongs to OpenID Connect. */
function plainOAuth(scopes: unknown): unknown {
  return isObject(scopes) && "openid" in scopes && scopes.openid === null ? { offlineAccess: null, ...scopes } : scopes;
}

function merge<Name extends Section>(section: Name, value: unknown, problems: Problems): Contract[Name] {
  const merged: Record<string, string | null> = { ...DEFAULT[section] };
  if (value !== undefined && !isObject(value)) {
    problems.add(`contract.${section}`, "an object", kindOf(value));
    return DEFAULT[section];
  }
  const { pattern, expected } = FORMS[section];
  for (const [name, entry] of Object.entries(value ?? {})) {
    const option = `contract.${section}.${name}`;
    if (!Object.hasOwn(merged, name)) {
      problems.add(option, `one of ${Object.keys(merged).join(", ")}`, "an unknown option");
    } else if (entry === null && section === "scopes" && COMPANION_SCOPES.some(scope => scope === name)) {
      merged[name] = null;
    } else if (typeof entry !== "string" || !pattern.test(entry)) {
      problems.add(
        option,
        expected,
        typeof entry === "string" && entry !== "" ? "a string that is not" : kindOf(entry),
      );
    } else if (section === "paths" && !samePlaceholders(entry, String(merged[name]))) {
      problems.add(option, `a path without dot segments, with the placeholders of ${merged[name]}`, "another one");
    } else if (section === "headers" && OWN_HEADERS.includes(entry.toLowerCase())) {
      problems.add(option, "a header that this client does not set itself", entry.toLowerCase());
    } else {
      merged[name] = entry;
    }
  }
  if (
    (section === "headers" || section === "queries") &&
    new Set(Object.values(merged).map(name => name?.toLowerCase())).size < Object.keys(merged).length
  ) {
    problems.add(`contract.${section}`, "a name of its own for each", "one name for two of them");
  }
  return Object.freeze(merged) as Contract[Name];
}

function samePlaceholders(path: string, standard: string): boolean {
  const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  return placeholders(path) === placeholders(standard) && !/\/\.{1,2}(\/|$)/.test(path);
}

/** Takes one of the values that are named; without any, the default one. */
function oneOf<Name extends "inquiry" | "grantExtension" | "mtlsEndpointAliases">(
  name: Name,
  given: Record<string, unknown>,
  values: readonly Contract[Name][],
  problems: Problems,
): Contract[Name] {
  const value = given[name];
  const found = values.find(one => one === value);
  if (found === undefined && value !== undefined) {
    problems.add(`contract.${name}`, `one of ${values.join(", ")}`, kindOf(value));
  }
  return found ?? DEFAULT[name];
}
