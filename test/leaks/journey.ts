/** The whole journey of a partner, watched: no step is left out because one before it failed. */
import type { Link, MinnaClient, MinnaClientOptions, Profile } from "../../src/index.js";
import type { Sandbox } from "../../src/sandbox/index.js";
import { connect, SCOPES } from "../support/partner.js";
import { PERSONAL, WatchedStore } from "./canaries.js";
import type { Watch } from "./watch.js";

let number = 0;

/** A client whose keys and store are watched. */
export function watched(
  watch: Watch,
  bank: Sandbox,
  profile: Profile,
  more: Partial<MinnaClientOptions> = {},
): MinnaClient {
  const options = { ...bank.client(profile), ...more } as MinnaClientOptions;
  watch.canaries.addKey("certificate.key", (options.certificate as { key: string }).key);
  const { signing, decryption } = options;
  const keys = typeof decryption === "object" ? decryption.keys : [];
  for (const one of [signing, ...keys]) {
    if (typeof one === "object" && "key" in one) watch.canaries.addKey("key", one.key);
  }
  return connect(bank, profile, { store: new WatchedStore(watch.canaries), ...more });
}

/** Links an account; the fault is committed at the bank meanwhile. */
export async function link(watch: Watch, bank: Sandbox, minna: MinnaClient): Promise<Link | undefined> {
  const { canaries } = watch;
  const begun = await watch.step(() => minna.links.begin({ customerId: "u-42", scopes: SCOPES }));
  if (begun === undefined) return undefined;
  canaries.add("transaction", begun.transaction);
  const url = new URL(begun.authorizationUrl);
  canaries.addJwt("request object", url.searchParams.get("request"));
  canaries.add("request_uri", url.searchParams.get("request_uri"));
  const callback = await bank.approve(begun.authorizationUrl);
  const parameters = new URL(callback).searchParams;
  canaries.add("code", parameters.get("code"));
  canaries.addJwt("response", parameters.get("response"));
  const linked = await watch.step(() => minna.links.complete(callback, { transaction: begun.transaction }));
  // A callback that comes a second time, and one that somebody else's browser brings.
  await watch.step(() => minna.links.complete(callback, { transaction: begun.transaction }));
  await watch.step(() => minna.links.complete(callback, { transaction: `${begun.transaction}x` }));
  watch.print(linked);
  return linked === undefined ? undefined : minna.link(linked.id);
}

/** Uses a link for all that it is good for; `since` is the first day of the rows to ask for. */
export async function use(watch: Watch, handle: Link, since?: string): Promise<void> {
  await read(watch, handle, since);
  await charge(watch, handle);
  await watch.step(() => handle.grant.status());
  await watch.step(() => handle.grant.introspect());
  watch.print(handle, handle.accounts, handle.identity, handle.debits, handle.grant);
}

async function read(watch: Watch, handle: Link, since: string | undefined): Promise<void> {
  const personal = <T>(value: T): T => {
    watch.canaries.addMembers("customer", value, PERSONAL);
    return value;
  };
  const list = personal(await watch.step(() => handle.accounts.list()));
  const accountId = list?.[0]?.accountId ?? "acc-hanako-ordinary";
  await watch.step(() => handle.accounts.balance(accountId));
  await watch.step(() => handle.accounts.balance("acc-none"));
  for (const name of ["transactions", "deposits"] as const) {
    await watch.step(async () => {
      const range = since === undefined ? {} : { from: since };
      for await (const row of handle.accounts[name](accountId, range)) personal(row);
    });
  }
  personal(await watch.step(() => handle.identity.get()));
  personal(await watch.step(() => handle.identity.userInfo()));
}

/** Uses a link where there is no time for more. */
export async function hurry(watch: Watch, handle: Link): Promise<void> {
  const options = { timeout: 900 };
  await watch.step(() => handle.accounts.list(options));
  await watch.step(() => handle.identity.get(options));
  await watch.step(() => handle.grant.status(options));
  const order = { reference: `order-${++number}`, amount: 10, description: "CANARY ｺｳﾆｭｳ ﾎﾝ" };
  await watch.step(() => handle.debits.create(order, options));
}

/** Debits, and asks after the debit in every way. */
export async function charge(watch: Watch, handle: Link): Promise<void> {
  const order = { reference: `order-${++number}`, amount: 10, description: "CANARY ｺｳﾆｭｳ ﾎﾝ" };
  watch.canaries.add("description", order.description);
  const debit = await watch.step(() => handle.debits.create(order));
  await watch.step(() => handle.debits.create(order));
  await watch.step(() => handle.debits.get(debit?.debitId ?? "none"));
  await watch.step(() => handle.debits.find(order.reference));
}
