/** The shop's orders. In memory: with the process they are gone. Yours are rows of your database, beside your other tables. */
import { randomUUID } from "node:crypto";
import type { Product } from "./catalogue.js";

/**
 * `open`: the form is on a page, nobody has pressed its button. `paying`: the bank is being asked. `processing`: the bank
 * has the debit and is not done. `unknown`: the money may have moved; nobody knows yet. The others stay as they are:
 * `paid`, `declined` by the bank, `returned` by the bank afterwards, `not_charged`: certainly not, see `reason`.
 */
export type OrderState =
  | "open"
  | "paying"
  | "processing"
  | "unknown"
  | "paid"
  | "declined"
  | "returned"
  | "not_charged";

/** An order: one attempt to charge. Whoever tries again after a refusal gets a new one, so a new reference, too. */
export interface Order {
  /** Also the `reference` of its debit: one order, one debit, for ever. */
  readonly id: string;
  readonly customerId: string;
  readonly product: Product;
  /** Yen, as the customer saw it: a price that changes later does not change the order. */
  readonly amount: number;
  readonly state: OrderState;
  /** Which link it is charged to, once its button was pressed. */
  readonly linkId?: string;
  /** Why it was declined or not charged: a code, for the page and for support. */
  readonly reason?: string | undefined;
  /** The bank's name for the call that went wrong. */
  readonly interactionId?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
}

const WAITING: readonly OrderState[] = ["paying", "processing", "unknown"];

/** Whether nobody can say yet how the order ends: then it is not to be paid again, by no way. */
export function isWaiting({ state }: Order): boolean {
  return WAITING.includes(state);
}

export class Orders {
  readonly #orders = new Map<string, Order>();
  /** The customers whose orders are not to be taken now. */
  readonly #held = new Set<{ readonly customerId: string }>();

  /**
   * The order that a form for this product is for. It is made when the form is rendered, and every page that shows the form
   * shows the same one: two tabs, a double click and a reload are all the same order.
   */
  offer(customerId: string, product: Product): Order {
    for (const order of this.#orders.values()) {
      const same = order.customerId === customerId && order.product.id === product.id;
      if (same && (order.state === "open" || isWaiting(order))) return order;
    }
    const order: Order = {
      id: `order-${randomUUID()}`,
      customerId,
      product,
      amount: product.price,
      state: "open",
      changedAt: Date.now(),
    };
    this.#orders.set(order.id, order);
    return order;
  }

  /** A customer's own order; nobody sees another's. */
  find(customerId: string, id: string): Order | undefined {
    const order = this.#orders.get(id);
    return order?.customerId === customerId ? order : undefined;
  }

  /** The orders whose buttons were pressed, the latest first. */
  of(customerId: string): Order[] {
    const own = [...this.#orders.values()].filter(order => order.customerId === customerId && order.state !== "open");
    return own.sort((one, other) => other.changedAt - one.changedAt);
  }

  /**
   * Takes an open order for paying: of any number of clicks exactly one gets it.
   * In SQL: `UPDATE orders SET state = 'paying', link_id = $2 WHERE id = $1 AND state = 'open' RETURNING *`.
   */
  take(id: string, linkId: string): Order | undefined {
    const order = this.#orders.get(id);
    if (order?.state !== "open" || [...this.#held].some(({ customerId }) => customerId === order.customerId))
      return undefined;
    return this.#write({ ...order, state: "paying", linkId });
  }

  /**
   * Takes an order up again that nobody has been at for so many milliseconds: of any number of jobs one gets it. What is
   * decided meanwhile is not taken: to ask for it again could charge what the customer was told is not charged.
   */
  retake(id: string, forgotten: number): Order | undefined {
    const order = this.#orders.get(id);
    if (order === undefined || !isWaiting(order) || Date.now() - order.changedAt < forgotten) return undefined;
    return this.#write(order);
  }

  /**
   * Keeps a customer's orders from being taken while their link ends; `undefined` where one is waiting, otherwise what lets
   * them be taken again. In SQL: a lock of the customer's row, which taking an order needs, too.
   */
  hold(customerId: string): (() => void) | undefined {
    if (this.of(customerId).some(isWaiting)) return undefined;
    const hold = { customerId };
    this.#held.add(hold);
    return () => void this.#held.delete(hold);
  }

  /** Writes how a waiting order stands. One that has come to its end stays so: who is late with a doubt takes nothing back. */
  change(id: string, change: Pick<Order, "state" | "reason" | "interactionId">): void {
    const order = this.#orders.get(id);
    if (order !== undefined && isWaiting(order))
      this.#write({ ...order, reason: undefined, interactionId: undefined, ...change });
  }

  /** The orders whose end is not known. */
  waiting(): Order[] {
    return [...this.#orders.values()].filter(isWaiting);
  }

  #write(order: Order): Order {
    const written = { ...order, changedAt: Date.now() };
    this.#orders.set(order.id, written);
    return written;
  }
}
