/** A link whose access token has just expired, for processes that have clocks of their own. */
import type { MinnaClient, Store } from "../../src/index.js";
import type { Sandbox } from "../../src/sandbox/index.js";
import { link } from "../support/partner.js";

/** Links an account, and sets the end of its access token in the store to now. */
export async function agedLink(bank: Sandbox, minna: MinnaClient, store: Store): Promise<string> {
  const { id } = await link(bank, minna);
  const key = `link:${id}`;
  const { value, version } = (await store.get(key))!;
  const record = JSON.parse(value);
  const now = Date.now();
  const aged = { ...record, tokens: { ...record.tokens, expiresAt: now, refreshAt: now } };
  const labels = { customer: record.customerId, link: "active" };
  await store.put(key, JSON.stringify(aged), { version, labels });
  return id;
}
