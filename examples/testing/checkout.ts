/** A partner's own code, small enough to see what its tests need: what becomes of an order when it is charged. */
import { ArgumentError, DebitOutcomeUnknownError, LinkError, type MinnaClient, MinnaError } from "minna-baas";

export interface Order {
  /** Stands for one debit, for ever. */
  readonly id: string;
  /** Yen. */
  readonly amount: number;
}

/** `wait`: neither deliver nor charge again. `link-again`: the customer is needed. `later`: nothing was charged. */
export type Outcome = "deliver" | "declined" | "wait" | "link-again" | "later";

export async function charge(minna: MinnaClient, linkId: string, { id, amount }: Order): Promise<Outcome> {
  try {
    const { status } = await minna.link(linkId).debits.create({ reference: id, amount, description: "ﾎﾝ" });
    return status === "succeeded" ? "deliver" : status === "failed" ? "declined" : "wait";
  } catch (error) {
    if (error instanceof DebitOutcomeUnknownError) return "wait";
    if (error instanceof LinkError) return "link-again";
    // A mistake in the code; `reference_reused` even says that the id has been charged, with another amount.
    if (error instanceof ArgumentError) throw error;
    if (error instanceof MinnaError && error.sideEffect === "none") return "later";
    throw error;
  }
}

/** What a job makes of the orders that wait. */
export async function settle(minna: MinnaClient): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  for await (const { reference, outcome, debit } of minna.debits.recover()) {
    if (outcome === "settled") outcomes.set(reference, debit?.status === "succeeded" ? "deliver" : "declined");
    else outcomes.set(reference, outcome === "not_made" ? "later" : "wait");
  }
  return outcomes;
}
