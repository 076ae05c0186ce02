/** Debits through a bank that fails by chance: what the partner believes in the end must be what the ledger says. */
import {
  type Debit,
  DebitOutcomeUnknownError,
  type Link,
  MemoryStore,
  MinnaClient,
  MinnaError,
  type RecoveredDebit,
  type Store,
} from "minna-baas";
import { type FaultName, type Sandbox, startSandbox } from "minna-baas/sandbox";

/** How a run goes. */
export interface ChaosOptions {
  /** How many references are charged. */
  readonly debits: number;
  /** Decides about faults, callers and their impatience. */
  readonly seed: number;
  /** How many callers there are at a time. */
  readonly callers?: number;
  /** How many of the calls are given up on after some milliseconds, wherever they are; 0.05 by default. */
  readonly impatience?: number;
  /** What stands between the clients and the store they share. */
  readonly between?: (store: Store) => Store;
}

/** What a run showed. */
export interface ChaosReport {
  /** References that were debited more than once. */
  readonly twice: readonly string[];
  /** References of which the partner believes something else than the ledger says. */
  readonly lost: readonly string[];
  /** References whose outcome is still unknown. */
  readonly unknown: readonly string[];
  readonly succeeded: number;
  readonly failed: number;
  readonly notMade: number;
  /** Calls of `create()` that ended in an unknown outcome. */
  readonly doubts: number;
  readonly recovered: number;
  /** How often each fault struck. */
  readonly faults: Readonly<Record<string, number>>;
  readonly seconds: number;
}

const ODDS: Readonly<Partial<Record<FaultName, number>>> = {
  "debit-drop-before-commit": 0.04,
  "debit-commit-then-drop": 0.05,
  "debit-504-before-commit": 0.03,
  "debit-commit-then-504": 0.03,
  "debit-504-then-succeeded": 0.03,
  "debit-409": 0.02,
  "debit-answer-unreadable": 0.02,
  "debit-answer-html": 0.01,
  "debit-answer-empty": 0.01,
  "debit-answer-truncated": 0.01,
  "debit-fails-insufficient_funds": 0.02,
  "debit-stuck-processing": 0.2,
  "debit-returned": 0.2,
  "api-503-maintenance": 0.01,
  "api-429": 0.01,
  "api-html-error": 0.02,
  "api-token-rejected-once": 0.02,
  "api-echo-missing": 0.05,
};
/** Rounds of recovering after which what is open stays so. */
const ROUNDS = 20;

/** What a caller was told last of a reference. */
type Belief = Debit | "not made" | "unknown";

/** Charges, recovers, and audits. */
export async function runChaos({
  debits,
  seed,
  callers = 24,
  impatience = 0.05,
  between = same,
}: ChaosOptions): Promise<ChaosReport> {
  const began = performance.now();
  const random = generator(seed);
  await using bank = await startSandbox({ accessTokenSeconds: 3600 });
  const store = new MemoryStore();
  // Two processes that share a store.
  const clients = [0, 1].map(
    () => new MinnaClient({ ...bank.client("fapi2-security"), timeout: 3000, store: between(store) }),
  ) as [MinnaClient, MinnaClient];
  const linkId = await linked(bank, clients[0]);
  const links = clients.map(minna => minna.link(linkId));
  const beliefs = new Map<string, Belief>();
  let doubts = 0;

  const charge = async (reference: string, amount: number): Promise<void> => {
    const link = pick(links, random);
    try {
      learn(
        beliefs,
        reference,
        await create(link, reference, amount, random() < impatience ? 1 + Math.floor(random() * 40) : undefined),
      );
    } catch (error) {
      if (!(error instanceof MinnaError)) throw error;
      if (error instanceof DebitOutcomeUnknownError) doubts++;
      learn(beliefs, reference, error instanceof DebitOutcomeUnknownError ? "unknown" : "not made");
    }
  };
  // This bank tells debits apart by their keys alone: nothing but the journal keeps it from making a second one.
  bank.faults.on("debit-references-not-compared");
  bank.faults.byChance(seed, ODDS);
  await inParallel(callers, debits, async index => {
    const reference = `chaos-${index}`;
    const amount = 1 + (index % 97);
    // Some customers press twice, in two processes or one after the other.
    const calls = random() < 0.1 ? 2 : 1;
    await Promise.all(Array.from({ length: calls }, () => charge(reference, amount)));
    if (beliefs.get(reference) === "unknown" && random() < 0.5) await charge(reference, amount);
  });

  bank.faults.off();
  bank.faults.on("debit-references-not-compared");
  let recovered = 0;
  for (let round = 0; round < ROUNDS && (await pending(clients[0])).length > 0; round++) {
    const found = await Promise.all(clients.map(minna => recover(minna)));
    for (const one of found.flat()) {
      recovered++;
      learn(beliefs, one.reference, one.debit ?? (one.outcome === "not_made" ? "not made" : "unknown"));
    }
  }
  // Who gave up while another call was at the same reference asks once more.
  const open = new Set(await pending(clients[0]));
  for (const [reference, belief] of beliefs) {
    if (belief !== "unknown" || open.has(reference)) continue;
    learn(beliefs, reference, (await links[0]?.debits.find(reference)) ?? "not made");
  }
  const report = audit(bank, beliefs);
  await Promise.all(clients.map(minna => minna.close()));
  const faults = Object.fromEntries(Object.keys(ODDS).map(name => [name, bank.faults.struck(name as FaultName)]));
  return { ...report, doubts, recovered, faults, seconds: Math.round(performance.now() - began) / 1000 };
}

/** A caller who may lose patience: then the call ends wherever it is. */
async function create(link: Link, reference: string, amount: number, patience: number | undefined): Promise<Debit> {
  const options = patience === undefined ? {} : { signal: AbortSignal.timeout(patience) };
  return link.debits.create({ reference, amount, description: "ﾎﾝ" }, options);
}

/** What is known of a debit is not forgotten for what somebody else could not find out. */
function learn(beliefs: Map<string, Belief>, reference: string, belief: Belief): void {
  if (typeof beliefs.get(reference) !== "object" || typeof belief === "object") beliefs.set(reference, belief);
}

function audit(
  bank: Sandbox,
  beliefs: ReadonlyMap<string, Belief>,
): Pick<ChaosReport, "twice" | "lost" | "unknown" | "succeeded" | "failed" | "notMade"> {
  const made = new Map<string, number>();
  for (const { partnerTransactionId: reference, amount } of bank.ledger.entries) {
    if (amount < 0) made.set(reference, (made.get(reference) ?? 0) + 1);
  }
  const of = (wanted: (belief: Belief) => boolean) => [...beliefs].filter(([, belief]) => wanted(belief));
  const moved = (belief: Belief) =>
    typeof belief === "object" && (belief.status === "succeeded" || belief.status === "returned");
  return {
    twice: [...made].filter(([, times]) => times > 1).map(([reference]) => reference),
    lost: [...beliefs]
      .filter(([reference, belief]) => belief !== "unknown" && moved(belief) !== made.has(reference))
      .map(([reference]) => reference),
    unknown: of(belief => belief === "unknown" || (typeof belief === "object" && belief.status === "processing")).map(
      ([reference]) => reference,
    ),
    succeeded: of(moved).length,
    failed: of(belief => typeof belief === "object" && belief.status === "failed").length,
    notMade: of(belief => belief === "not made").length,
  };
}

async function linked(bank: Sandbox, minna: MinnaClient): Promise<string> {
  const { authorizationUrl, transaction } = await minna.links.begin({ customerId: "u-42", scopes: ["debit"] });
  return (await minna.links.complete(await bank.approve(authorizationUrl), { transaction })).id;
}

async function pending(minna: MinnaClient): Promise<string[]> {
  const references: string[] = [];
  for await (const { reference } of minna.debits.pending()) references.push(reference);
  return references;
}

async function recover(minna: MinnaClient): Promise<RecoveredDebit[]> {
  const found: RecoveredDebit[] = [];
  for await (const one of minna.debits.recover()) found.push(one);
  return found;
}

async function inParallel(workers: number, count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)] as T;
}

function same(store: Store): Store {
  return store;
}

/** mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
