/** Paying for orders by 口座振替, each exactly once, and finding out what became of those that are open. */
import {
  ArgumentError,
  type CallOptions,
  type Debit,
  DebitOutcomeUnknownError,
  LinkError,
  type MinnaClient,
  MinnaError,
} from "minna-baas";
import type { Order, OrderState, Orders } from "./orders.js";

/** Milliseconds that the customer waits for the bank. After that the page says that it is not known yet, and means it. */
const PATIENCE = 10_000;
/** Milliseconds after which an order is taken up again that nobody is at any more. */
const FORGOTTEN = 60_000;

export type Log = (event: string, details: Readonly<Record<string, unknown>>) => void;

export class Checkout {
  readonly #minna: MinnaClient;
  readonly #orders: Orders;
  readonly #log: Log;
  readonly #forgotten: number;

  constructor(minna: MinnaClient, orders: Orders, log: Log, forgotten: number = FORGOTTEN) {
    this.#minna = minna;
    this.#orders = orders;
    this.#log = log;
    this.#forgotten = forgotten;
  }

  /** Charges an order that `orders.take()` returned. It does not throw: how the order stands is what there is to say. */
  async pay(order: Order, options?: Pick<CallOptions, "customerPresent">): Promise<void> {
    try {
      const debits = this.#minna.link(order.linkId ?? "").debits;
      // The same reference is the same debit for ever, also if this line runs twice.
      const debit = await debits.create(
        { reference: order.id, amount: order.amount, description: "ﾐﾎﾝｼｮﾃﾝ" },
        { ...options, timeout: PATIENCE },
      );
      this.#settle(order.id, debit);
    } catch (error) {
      this.#failed(order.id, error);
    }
  }

  /** Looks after what is open. Call it at the start and again and again, in as many processes as you like. */
  async settle(): Promise<void> {
    const seen = new Set<string>();
    for await (const { reference, outcome, debit, error } of this.#minna.debits.recover()) {
      seen.add(reference);
      if (debit !== undefined) this.#settle(reference, debit);
      else if (outcome === "not_made") this.#notCharged(reference, error);
      else this.#unknown(reference, error);
    }
    // What recover() does not tell of, it does not know, or told a process that died before it wrote it down: asking for
    // the same reference again either makes the debit that the customer ordered, or tells what became of it.
    for (const { id } of this.#orders.waiting()) {
      const order = seen.has(id) ? undefined : this.#orders.retake(id, this.#forgotten);
      if (order !== undefined) await this.pay(order);
    }
  }

  #settle(id: string, { status, failure }: Debit): void {
    this.#orders.change(id, { state: stateOf(status), ...(failure ? { reason: failure.code } : {}) });
  }

  #failed(id: string, error: unknown): void {
    if (isInDoubt(error)) this.#unknown(id, error);
    else this.#notCharged(id, error);
  }

  /** The one state in which the shop must neither deliver nor let the customer pay again. */
  #unknown(id: string, error: unknown): void {
    const details = detailsOf(error);
    this.#log("debit unknown", { order: id, ...details });
    this.#orders.change(id, { state: "unknown", interactionId: details.interactionId });
  }

  #notCharged(id: string, error: unknown): void {
    const details = detailsOf(error);
    this.#log("debit not made", { order: id, ...details });
    const reason = error instanceof LinkError ? "renew" : details.code;
    this.#orders.change(id, { state: "not_charged", reason, interactionId: details.interactionId });
  }
}

/** Whether the order may have been charged. A MinnaError that is neither of these says that it was not; of the rest nothing is sure. */
function isInDoubt(error: unknown): boolean {
  // There is a debit under the order's reference, only with another body: after a release that changed the description, say.
  const reused = error instanceof ArgumentError && error.code === "reference_reused";
  return reused || error instanceof DebitOutcomeUnknownError || !(error instanceof MinnaError);
}

/** A status that nobody has heard of is none to deliver for. */
function stateOf(status: string): OrderState {
  if (status === "succeeded") return "paid";
  if (status === "failed") return "declined";
  return status === "returned" ? "returned" : "processing";
}

/** What may be logged of an error: its code, and the id that the bank's support asks for. */
export function detailsOf(error: unknown): { readonly code: string; readonly interactionId?: string | undefined } {
  if (!(error instanceof MinnaError)) return { code: error instanceof Error ? error.name : "unknown" };
  const { code, interactionId } = error;
  return { code, interactionId };
}
