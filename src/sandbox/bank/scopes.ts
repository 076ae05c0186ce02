/**
 * What a customer can allow a partner to do.
 *
 * @module
 */

/** The permissions a customer decides about one by one, in the order the bank shows them. */
export const PERMISSIONS: readonly string[] = ["balance", "transactions", "deposits", "identity", "debit"];

/** What comes with every link and needs no decision of its own. */
export const TECHNICAL_SCOPES: readonly string[] = [
  "openid",
  "offline_access",
  "grant_management_query",
  "grant_management_revoke",
];

export const SCOPES: readonly string[] = [...TECHNICAL_SCOPES, ...PERMISSIONS];
