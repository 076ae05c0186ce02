/**
 * Grant management: 状態の確認, 解除 and 期限延長 of a customer's grant.
 *
 * @see Grant Management for OAuth 2.0, draft 03, section 6
 * @module
 */
import type { GrantRecord } from "../bank/grants.js";
import { parseExpiry } from "../bank/jst.js";
import { standingOf } from "./access.js";
import { json, Problem } from "./answer.js";
import { type Call, jsonBody, type Operation } from "./call.js";

const readGrant: Operation = {
  method: "GET",
  path: /^\/(?<id>[^/]+)$/,
  scopes: ["grant_management_query"],
  run(call) {
    const grant = grantOf(call);
    return json(200, call.bank.grants.bodyOf(grant, standingOf(grant, call.bank, call.faults)));
  },
};

const revokeGrant: Operation = {
  method: "DELETE",
  path: /^\/(?<id>[^/]+)$/,
  scopes: ["grant_management_revoke"],
  run(call) {
    const { grantId } = grantOf(call);
    if (call.bank.grants.status(grantId) === "revoked") throw notFound();
    call.bank.grants.revoke(grantId);
    return { status: 204, headers: {}, body: "" };
  },
};

/** The contract's own: the draft has no extension. Asked for by whoever may ask after the grant. */
const extendGrant: Operation = {
  method: "POST",
  path: /^\/(?<id>[^/]+)\/extensions$/,
  scopes: ["grant_management_query"],
  run(call) {
    const { bank } = call;
    const grant = grantOf(call);
    if (bank.grants.status(grant.grantId) !== "active") throw notFound();
    const { expiresAt } = jsonBody(call);
    const moment = typeof expiresAt === "string" ? parseExpiry(expiresAt) : undefined;
    if (moment === undefined) throw new Problem(400, "invalid_request", "expiresAt must be a JST date or date-time");
    if (moment <= grant.expiresAt) throw new Problem(400, "invalid_expiry", "expiresAt must be after the present one");
    bank.grants.extend(grant, moment);
    const extended = bank.grants.bodyOf(grant);
    call.visit.note({ expiresAt: extended.expiresAt });
    return json(201, extended);
  },
};

export const GRANT_OPERATIONS: readonly Operation[] = [readGrant, revokeGrant, extendGrant];

function grantOf({ access, bank, id }: Call): GrantRecord {
  const grant = bank.grants.find(id);
  if (grant?.clientId !== access.clientId) throw notFound();
  return grant;
}

function notFound(): Problem {
  return new Problem(404, "grant_not_found", "there is no such grant, or it has ended");
}
