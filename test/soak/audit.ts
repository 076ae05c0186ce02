/** What was believed, what the bank knows, and whether the two are one. */
import type { LedgerEntry, SandboxEvent } from "minna-baas/sandbox";
import type { Told } from "./worker.js";

/** A process that was killed did not save what the bank answered within so many milliseconds before. */
const UNSAVED = 2_000;

/** What was told of one reference. */
interface Belief {
  readonly linkId: string;
  readonly shared: boolean;
  readonly debitIds: Set<string>;
  last: "begun" | "unknown" | "not made" | "moved" | "not moved" | "processing";
}

interface Refresh {
  readonly at: number;
  readonly status: number;
  readonly outcome: string;
  readonly interactionId: string | undefined;
}

/** A process that was told to work. */
export interface Life {
  readonly name: string;
  killedAt: number | undefined;
}

/** Listens to the bank and to the processes. */
export class Audit {
  readonly failures: Map<string, number> = new Map();
  readonly unexpected: string[] = [];
  readonly lost: Set<string> = new Set();
  balances = 0;
  recoveries = 0;
  readonly #beliefs = new Map<string, Belief>();
  readonly #refreshes = new Map<unknown, Refresh[]>();
  /** Who sent which token request. */
  readonly #senders = new Map<string, Life>();

  hear(told: Told, life: Life): void {
    switch (told.told) {
      case "refreshing":
        this.#senders.set(told.interactionId, life);
        return;
      case "balance":
        this.balances++;
        return;
      case "recovery":
        this.recoveries++;
        return;
      case "begun":
        this.#beliefs.set(
          told.reference,
          this.#beliefs.get(told.reference) ?? { ...told, debitIds: new Set(), last: "begun" },
        );
        return;
      case "debit":
        this.learn(told.reference, told);
        return;
      case "not made":
      case "unknown":
        this.learn(told.reference, told.told);
        return;
      case "lost":
        this.lost.add(told.linkId);
        return;
      case "failed":
        this.failures.set(told.what, (this.failures.get(told.what) ?? 0) + 1);
        return;
      case "unexpected":
        this.unexpected.push(told.what);
    }
  }

  /** Takes a belief over. What is known is not forgotten for what somebody else could not find out. */
  learn(reference: string, told: { readonly debitId: string; readonly status: string } | "not made" | "unknown"): void {
    const belief = this.#beliefs.get(reference);
    if (belief === undefined) {
      this.unexpected.push(`a debit that nobody began: ${reference}`);
      return;
    }
    if (typeof told === "object") {
      belief.debitIds.add(told.debitId);
      belief.last = told.status === "processing" ? "processing" : told.status === "succeeded" ? "moved" : "not moved";
    } else if (belief.debitIds.size === 0) belief.last = told;
  }

  watch({ endpoint, status, detail, interactionId }: SandboxEvent): void {
    if (endpoint !== "token" || detail["refresh"] === undefined) return;
    const refresh = { at: Date.now(), status, outcome: String(detail["refresh"]), interactionId };
    const list = this.#refreshes.get(detail["grantId"]) ?? [];
    this.#refreshes.set(detail["grantId"], [...list, refresh]);
  }

  /** Who sent this token request, as far as it was told. */
  senderOf({ interactionId = "" }: SandboxEvent): Life | undefined {
    return this.#senders.get(interactionId);
  }

  get references(): number {
    return this.#beliefs.size;
  }

  /** How often a refresh token was used, used again with success, and used again in vain. */
  get refreshes(): { readonly all: number; readonly retried: number; readonly reused: number } {
    const all = [...this.#refreshes.values()].flat();
    const reused = all.filter(({ outcome }) => outcome === "reused");
    const retried = reused.filter(({ status }) => status === 200).length;
    return { all: all.length, retried, reused: reused.length - retried };
  }

  /** The references whose end nobody has told. */
  get untold(): readonly { readonly reference: string; readonly linkId: string }[] {
    return [...this.#beliefs].flatMap(([reference, { last, linkId }]) =>
      last === "begun" || last === "unknown" || last === "processing" ? [{ reference, linkId }] : [],
    );
  }

  /**
   * Whether the bank's last answer to a refresh of this grant died with the process that had asked: then only the token that
   * was used is left, and a bank takes a second use for theft once the time to try again is over.
   */
  excused(grantId: string, grace: number): boolean {
    const list = this.#refreshes.get(grantId) ?? [];
    const answered = list.findLast(({ outcome, status }) => outcome === "refreshed" && status === 200);
    const killedAt = this.#senders.get(answered?.interactionId ?? "")?.killedAt;
    const refused = list.find(({ outcome, status }) => outcome === "reused" && status !== 200);
    if (answered === undefined || killedAt === undefined || refused === undefined) return false;
    return Math.abs(killedAt - answered.at) < UNSAVED && refused.at - answered.at >= grace * 1000;
  }

  /** What is wrong, in words; nothing where all is well. */
  contradictions(entries: readonly LedgerEntry[]): { readonly twice: string[]; readonly wrong: string[] } {
    const moved = new Map<string, string[]>();
    for (const { partnerTransactionId: reference, debitId } of entries) {
      moved.set(reference, [...(moved.get(reference) ?? []), debitId]);
    }
    const twice = [...moved].filter(([, ids]) => ids.length > 1).map(([reference]) => reference);
    const wrong: string[] = [];
    for (const reference of moved.keys())
      if (!this.#beliefs.has(reference)) wrong.push(`${reference}: nobody began it`);
    for (const [reference, { last, debitIds, shared }] of this.#beliefs) {
      const ids = moved.get(reference) ?? [];
      const say = (what: string) => wrong.push(`${reference}: ${what}, ${ids.length} in the ledger`);
      if (debitIds.size > 1) say(`${debitIds.size} debits were told of it`);
      if (last === "moved" && !ids.some(id => debitIds.has(id))) say("it was told that it succeeded");
      if (last === "not moved" && ids.length > 0) say("it was told that it failed");
      // Another process may have made the same debit, and have died before it could tell.
      if (last === "not made" && !shared && ids.length > 0) say("it was told that it was not made");
      if (last === "begun" || last === "unknown" || last === "processing") say(`${last}, though all is settled`);
    }
    return { twice, wrong };
  }

  /** How many references are believed to have moved money. */
  get succeeded(): number {
    return [...this.#beliefs.values()].filter(({ last }) => last === "moved").length;
  }
}
