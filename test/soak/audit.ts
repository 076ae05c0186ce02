/** What was believed, what the bank knows, and whether the two are one. */
import type { LedgerEntry, SandboxEvent } from "minna-baas/sandbox";
import type { Told } from "./worker.js";

const BY_CHANCE = "by chance";

/** What was told of one reference. */
interface Belief {
  readonly linkId: string;
  readonly shared: boolean;
  readonly debitIds: Set<string>;
  last: "begun" | "unknown" | "not made" | "moved" | "not moved" | "processing";
}

interface Refresh {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly refreshTokenHash: string;
  readonly grantId: unknown;
  readonly status: number;
  readonly outcome: string;
  readonly interactionId: string;
}

/** That a link was called lost. */
interface Loss {
  readonly interactionId: string;
  readonly why: string;
}

/** A process that was told to work. */
export interface Life {
  readonly name: string;
  killedAt: number | undefined;
  /** The refresh tokens, by their hashes, for which it has saved others. */
  readonly saved: Set<string>;
}

/** Listens to the bank and to the processes. */
export class Audit {
  readonly failures: Map<string, number> = new Map();
  readonly unexpected: string[] = [];
  /** The links that were called lost, and by whom. */
  readonly lost: Map<string, Loss[]> = new Map();
  balances = 0;
  recoveries = 0;
  readonly #beliefs = new Map<string, Belief>();
  readonly #refreshes: Refresh[] = [];
  /** Of each call, the bank's rejections of its tokens: why, or by chance. */
  readonly #rejections = new Map<string, string[]>();
  /** Who sent which token request. */
  readonly #senders = new Map<string, Life>();

  hear(told: Told, life: Life): void {
    switch (told.told) {
      case "refreshing":
        this.#senders.set(told.interactionId, life);
        return;
      case "saved":
        life.saved.add(told.refreshTokenHash);
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
        this.lose(told.linkId, told);
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

  lose(linkId: string, { interactionId, why }: Loss): void {
    this.lost.set(linkId, [...(this.lost.get(linkId) ?? []), { interactionId, why }]);
  }

  watch({ endpoint, status, detail, interactionId = "" }: SandboxEvent): void {
    if (endpoint === "api" && status === 401) {
      const rejections = this.#rejections.get(interactionId) ?? [];
      this.#rejections.set(interactionId, [...rejections, String(detail["reason"] ?? BY_CHANCE)]);
    }
    if (endpoint !== "token" || detail["refresh"] === undefined) return;
    const { refresh: outcome, refreshTokenHash: hash, grantId } = detail;
    const refreshTokenHash = String(hash);
    this.#refreshes.push({
      ...{ at: Date.now(), refreshTokenHash, grantId, status, outcome: String(outcome), interactionId },
    });
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
    const all = this.#refreshes;
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

  /** Each use of a refresh token that had been used, though its answer did not die with a process: in words. */
  get reuses(): readonly string[] {
    return this.#refreshes
      .filter(refresh => refresh.outcome === "reused" && !this.#isForced(refresh))
      .map(({ refreshTokenHash, interactionId, grantId }) => {
        const uses = this.#usesOf(refreshTokenHash).map(
          ({ at, status, interactionId: id }) => `${id} by ${this.#senders.get(id)?.name}: ${status} at ${at}`,
        );
        return `interaction ${interactionId} used a refresh token again, and no answer had died with a process (grant ${grantId}, token ${refreshTokenHash}; ${uses.join(", ")})`;
      });
  }

  /**
   * Whether a grant was lost as it must be: the bank's answer to a refresh died with the process that had asked, so that only
   * the token that was used is left, and a bank takes a second use for theft once the time to try again is over.
   */
  excused(grantId: string, grace: number): boolean {
    const refused = this.#refreshes.find(
      ({ outcome, status, grantId: its }) => its === grantId && outcome === "reused" && status !== 200,
    );
    if (refused === undefined || !this.#isForced(refused)) return false;
    const [first = refused] = this.#usesOf(refused.refreshTokenHash);
    return refused.at - first.at >= grace * 1000;
  }

  /** Whether a link was called lost for nothing but a fault: the token that the bank had just issued was rejected by chance. */
  misled(linkId: string): boolean {
    const losses = this.lost.get(linkId) ?? [];
    return losses.every(({ interactionId }) => this.#rejections.get(interactionId)?.at(-1) === BY_CHANCE);
  }

  /** How a link was lost, in words. */
  story(linkId: string): string {
    const losses = this.lost.get(linkId) ?? [];
    return losses
      .map(({ interactionId, why }) => `${interactionId}: ${why} [${this.#rejections.get(interactionId)?.join(", ")}]`)
      .join("; ");
  }

  /** Whether each process that had an answer to this token before was killed, and had saved nothing of it. */
  #isForced({ refreshTokenHash, at, interactionId }: Refresh): boolean {
    const uses = this.#usesOf(refreshTokenHash);
    const before = uses.slice(
      0,
      uses.findIndex(use => use.interactionId === interactionId),
    );
    const answered = before.filter(({ status }) => status === 200);
    const isDead = ({ interactionId: id }: Refresh) => {
      const { killedAt = Number.POSITIVE_INFINITY, saved } = this.#senders.get(id) ?? {};
      return killedAt <= at && saved?.has(refreshTokenHash) === false;
    };
    return answered.length > 0 && answered.every(isDead);
  }

  #usesOf(refreshTokenHash: string): readonly Refresh[] {
    return this.#refreshes.filter(use => use.refreshTokenHash === refreshTokenHash);
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
