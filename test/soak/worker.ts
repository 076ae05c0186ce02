// One of the processes that share a store: it asks balances, makes debits, recovers, and tells its parent of each.
import "./clock.js";

import { createHash } from "node:crypto";
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DebitOutcomeUnknownError,
  LinkError,
  MinnaClient,
  type MinnaClientOptions,
  MinnaError,
  type Store,
} from "minna-baas";
import { generator } from "./random.js";
import { openStore, type StoreAddress } from "./stores.js";

export interface Work {
  readonly options: Omit<MinnaClientOptions, "store">;
  readonly address: StoreAddress;
  readonly links: readonly string[];
  readonly accountId: string;
  readonly seed: number;
  readonly name: string;
  /** Milliseconds by which the clock of the process is ahead. */
  readonly skew: number;
}

/** What a process tells, as it happens: what is not told has died with it. */
export type Told =
  | { readonly told: "refreshing"; readonly interactionId: string }
  /** What came of a refresh is in the store; it is named by the refresh token that was used, as the bank's events name it. */
  | { readonly told: "saved"; readonly refreshTokenHash: string }
  | { readonly told: "balance" | "recovery" }
  | { readonly told: "begun"; readonly reference: string; readonly linkId: string; readonly shared: boolean }
  | { readonly told: "debit"; readonly reference: string; readonly debitId: string; readonly status: string }
  | { readonly told: "not made" | "unknown"; readonly reference: string }
  | { readonly told: "lost"; readonly linkId: string; readonly interactionId: string; readonly why: string }
  | { readonly told: "failed"; readonly what: string }
  | { readonly told: "unexpected"; readonly what: string };

/** What a link holds in the store. */
interface LinkTokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
}

/** Callers at a time. */
const LANES = 5;
/** Milliseconds. */
const RECOVER_EVERY = 2_000;
const SLOT = 400;
/** Of the debits, those that another process makes too, and those whose caller loses patience. */
const SHARED = 0.1;
const IMPATIENT = 0.03;

let stopping = false;
// It may be told to stop while it still starts.
process.on("message", message => {
  stopping ||= message === "stop";
});

const [work] = (await once(process, "message")) as [Work];
const { store, close } = await openStore(work.address);
const minna = new MinnaClient({ ...work.options, store: tellingOf(store) } as MinnaClientOptions);
const random = generator(work.seed);
const lost = new Set<string>();
let debits = 0;

subscribe("undici:client:sendHeaders", message => {
  const { request, headers } = message as { request: { path: string }; headers: string };
  const [, interactionId] = /x-fapi-interaction-id: ([\da-f-]+)/i.exec(headers) ?? [];
  if (request.path === "/token" && interactionId !== undefined) tell({ told: "refreshing", interactionId });
});

await Promise.all([...Array.from({ length: LANES }, lane), recovering()]);
await minna.close();
await close();
process.disconnect();

function tell(told: Told): void {
  process.send?.(told);
}

/** The store, from which it is told when tokens have been replaced. */
function tellingOf(kept: Store): Store {
  const latest = new Map<string, LinkTokens>();
  const look = (key: string, value: string) => {
    const { tokens } = JSON.parse(value) as { readonly tokens?: LinkTokens };
    if (tokens !== undefined) latest.set(key, tokens);
  };
  return {
    async get(key) {
      const entry = await kept.get(key);
      if (entry !== undefined && key.startsWith("link:")) look(key, entry.value);
      return entry;
    },
    async put(key, value, options) {
      const version = await kept.put(key, value, options);
      if (version === undefined || !key.startsWith("link:")) return version;
      const before = latest.get(key);
      look(key, value);
      const after = latest.get(key);
      const replaced = before?.refreshToken !== after?.refreshToken || before?.accessToken !== after?.accessToken;
      if (before?.refreshToken !== undefined && replaced) {
        const hash = createHash("sha256").update(before.refreshToken).digest("base64url");
        tell({ told: "saved", refreshTokenHash: hash.slice(0, 22) });
      }
      return version;
    },
    take: key => kept.take(key),
    find: options => kept.find(options),
    lock: (key, owner, duration) => kept.lock(key, owner, duration),
    unlock: (key, owner) => kept.unlock(key, owner),
  };
}

async function lane(): Promise<void> {
  while (!stopping) {
    const linkId = work.links[Math.floor(random() * work.links.length)] ?? "";
    // Where all are lost, nobody may keep the process from hearing that it is to stop.
    if (lost.has(linkId)) await sleep(5);
    else if (random() < 0.6) await guarded(linkId, () => balance(linkId));
    else if (random() < SHARED) await together();
    else await debit(linkId, `${work.name}-${++debits}`, false);
  }
}

async function balance(linkId: string): Promise<void> {
  await minna.link(linkId).accounts.balance(work.accountId);
  tell({ told: "balance" });
}

/** At the same moment every process picks the same reference, and so the same link. */
async function together(): Promise<void> {
  const slot = Math.floor((Date.now() - work.skew) / SLOT);
  const linkId = work.links[slot % work.links.length] ?? "";
  if (!lost.has(linkId)) await debit(linkId, `together-${slot}`, true);
}

async function debit(linkId: string, reference: string, shared: boolean): Promise<void> {
  tell({ told: "begun", reference, linkId, shared });
  const unsure = await create(linkId, reference);
  if (unsure && random() < 0.5 && !stopping) await create(linkId, reference);
}

/** @returns whether the outcome is unknown. */
async function create(linkId: string, reference: string): Promise<boolean> {
  let unsure = false;
  const patience = random() < IMPATIENT ? { signal: AbortSignal.timeout(1 + Math.floor(random() * 60)) } : {};
  await guarded(linkId, async () => {
    try {
      const order = { reference, amount: 1, description: "ﾎﾝ" };
      const { debitId, status } = await minna.link(linkId).debits.create(order, patience);
      tell({ told: "debit", reference, debitId, status });
    } catch (error) {
      unsure = error instanceof DebitOutcomeUnknownError;
      tell({ told: unsure ? "unknown" : "not made", reference });
      throw error;
    }
  });
  return unsure;
}

async function recovering(): Promise<void> {
  while (!stopping) {
    await sleep(RECOVER_EVERY * (0.5 + random()));
    await guarded("", async () => {
      for await (const { reference, debit: found, outcome, error } of minna.debits.recover()) {
        tell({ told: "recovery" });
        if (found !== undefined) tell({ told: "debit", reference, debitId: found.debitId, status: found.status });
        else tell({ told: outcome === "not_made" ? "not made" : "unknown", reference });
        if (error !== undefined) tell({ told: "failed", what: nameOf(error) });
      }
    });
  }
}

async function guarded(linkId: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof MinnaError)) {
      tell({ told: "unexpected", what: error instanceof Error ? String(error.stack) : String(error) });
      return;
    }
    tell({ told: "failed", what: nameOf(error) });
    for (const one of [error, error.cause]) {
      if (!(one instanceof LinkError && one.code === "reauthorization_required")) continue;
      lost.add(linkId);
      tell({ told: "lost", linkId, interactionId: one.interactionId ?? "", why: `${one.message} (${work.name})` });
    }
  }
}

function nameOf(error: MinnaError): string {
  return `${error.name} ${error.code}`;
}
