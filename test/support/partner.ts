/** A partner to test with: a client of the SDK that is connected to a sandbox. */
import {
  type LinkInfo,
  MinnaClient,
  type MinnaClientOptions,
  type Profile,
  type Scope,
  type WithInteractionId,
} from "../../src/index.js";
import type { Sandbox } from "../../src/sandbox/index.js";

export const PROFILES: readonly Profile[] = ["fapi1-advanced", "fapi2-security", "fapi2-message-signing"];
export const SCOPES: readonly Scope[] = ["balance", "transactions", "deposits", "identity", "debit"];

/** Connects a client in a profile; `more` overrides options. */
export function connect(bank: Sandbox, profile: Profile, more: Partial<MinnaClientOptions> = {}): MinnaClient {
  return new MinnaClient({ ...bank.client(profile), ...more } as MinnaClientOptions);
}

/** Links a sample customer's account. */
export async function link(
  bank: Sandbox,
  minna: MinnaClient,
  scopes: readonly Scope[] = SCOPES,
  customer?: string,
): Promise<WithInteractionId<LinkInfo>> {
  const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes });
  const callback = await bank.approve(authorizationUrl, customer === undefined ? {} : { customer });
  return minna.links.complete(callback, { transaction });
}

/** What the bank received since a point: `const since = bank.events.length`. */
export function endpointsSince(bank: Sandbox, since: number): string[] {
  return bank.events.slice(since).map(event => event.endpoint);
}
