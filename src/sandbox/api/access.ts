/**
 * Who may call: the access token, its grant and its scopes, checked against the certificate on every call.
 *
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import type { TokenStore } from "../authorization/token-store.js";
import type { Bank } from "../bank/bank.js";
import type { Customer } from "../bank/customers.js";
import type { GrantStatus } from "../bank/grants.js";
import type { Faults } from "../faults/faults.js";
import type { Standing } from "../faults/hooks.js";
import type { PresentedCertificate } from "../tls/presented-certificate.js";
import { Problem } from "./answer.js";

/** What a caller has shown of itself. */
export interface Credentials {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  readonly certificate: PresentedCertificate | undefined;
}

/** What a valid access token stands for. */
export interface Access {
  readonly clientId: string;
  readonly customer: Customer;
  readonly grantId: string;
  readonly scopes: ReadonlySet<string>;
}

/** The token of a call, and the client and grant it was issued for, before anything about it is believed. */
export interface PresentedToken {
  readonly clientId: string | undefined;
  readonly grantId: string | undefined;
  readonly token: ReturnType<TokenStore["accessToken"]>;
}

/** Reads the `Authorization` header, the only place for a token. */
export function presentedToken({ headers, query }: Credentials, store: TokenStore): PresentedToken {
  if (query.has("access_token")) {
    throw new Problem(400, "invalid_request", "an access token belongs in the Authorization header", {
      "www-authenticate": 'Bearer error="invalid_request"',
    });
  }
  const [, value] = /^Bearer ([\w.~+/-]+=*)$/i.exec(headers.authorization ?? "") ?? [];
  if (value === undefined) throw new Problem(401, "token_missing", "no access token", { "www-authenticate": "Bearer" });
  const token = store.accessToken(value);
  return { token, clientId: token?.clientId, grantId: token?.grantId };
}

/** Checks all of it; throws a {@link Problem} with 401 or 403. */
export function authorize({ certificate }: Credentials, { token }: PresentedToken, bank: Bank): Access {
  const customer = bank.customers.find(({ subject }) => subject === token?.accountId);
  if (token?.clientId === undefined || token.grantId === undefined || customer === undefined) {
    throw invalidToken("the access token is unknown or has expired");
  }
  if (certificate === undefined || !certificate.trusted || certificate.thumbprint !== token["x5t#S256"]) {
    throw invalidToken("the access token is bound to another certificate");
  }
  const status = bank.grants.status(token.grantId);
  if (status !== "active") throw new Problem(403, `grant_${status ?? "unknown"}`, "the customer's grant has ended");
  return { clientId: token.clientId, customer, grantId: token.grantId, scopes: new Set(token.scope?.split(" ")) };
}

/** How a client's grant stands: as the bank has it, unless a fault suspends it. */
export function standingOf(
  { clientId, grantId }: Pick<Access, "clientId" | "grantId">,
  bank: Bank,
  faults: Faults,
): GrantStatus | undefined {
  const standing: Standing = { status: bank.grants.status(grantId) };
  for (const fault of faults.take("standing", clientId)) fault(standing);
  return standing.status;
}

/** Checks that the grant is not suspended: then it can be asked after, and nothing else. */
export function requireStanding(access: Access, bank: Bank, faults: Faults): void {
  if (standingOf(access, bank, faults) !== "suspended") return;
  throw new Problem(403, "grant_suspended", "the customer's grant is suspended");
}

/** Checks that one of the scopes was granted. */
export function requireScope(access: Access, oneOf: readonly string[]): void {
  if (oneOf.some(scope => access.scopes.has(scope))) return;
  const scope = oneOf.join(" ");
  throw new Problem(403, "insufficient_scope", `needs the scope ${oneOf.join(" or ")}`, {
    "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"`,
  });
}

function invalidToken(reason: string): Problem {
  return new Problem(401, "invalid_token", reason, { "www-authenticate": 'Bearer error="invalid_token"' });
}
