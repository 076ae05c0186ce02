/** A bank that debits, as small as can be, and commits the faults it is told to. */
import type { Debit } from "../../src/bank/debit.js";
import { TransportError } from "../../src/errors.js";
import type { Answer, OutgoingRequest } from "../../src/transport/door.js";
import { answer } from "./stub-rooms.js";

/** What can become of a POST. */
export const FATES = [
  "succeeds",
  "stays processing",
  "is declined",
  "succeeds, then the connection is lost",
  "is lost on the way",
  "does not leave",
  "succeeds, then answers 500",
  "answers 500",
  "answers 504, and succeeds later",
  "succeeds, then answers 409",
  "succeeds, then answers in HTML",
  "succeeds, then answers about another reference",
  "succeeds, then answers with another amount",
  "succeeds, then says already_processed",
  "answers 400",
  "answers 403",
  "answers 422",
  "answers 429",
] as const;

export type Fate = (typeof FATES)[number];

interface Body {
  readonly partnerTransactionId: string;
  readonly amount: number;
}

const DAY = 86_400_000;

export class DebitBank {
  /** Every debit that was made, by the order of their coming. */
  readonly ledger: Debit[] = [];
  /** Every POST that arrived, or was meant to. */
  readonly posts: { readonly key: string; readonly body: Body }[] = [];
  inquiries = 0;
  /** The fates of the next POSTs; then they succeed. */
  readonly fates: Fate[] = [];
  /** How many of the next inquiries fail. */
  failingInquiries = 0;
  readonly #keys = new Map<string, { readonly at: number; readonly body: string; debit: Debit | undefined }>();
  #late: { readonly reference: string; readonly commit: () => void }[] = [];

  /** Everything that was accepted late is now made. */
  catchUp(): void {
    const late = this.#late;
    this.#late = [];
    for (const { commit } of late) commit();
  }

  /** Whether a debit is under way at the bank that no inquiry shows yet. */
  isRunning(reference: string): boolean {
    return this.#late.some(late => late.reference === reference);
  }

  readonly send = (outgoing: OutgoingRequest): Answer => {
    if (outgoing.method === "POST") return this.#post(outgoing);
    const reference = outgoing.url.searchParams.get("partnerTransactionId");
    if (reference === null) {
      const found = this.ledger.find(({ debitId }) => outgoing.url.pathname.endsWith(`/${debitId}`));
      return found === undefined ? answer(404, { code: "not_found" }) : answer(200, found);
    }
    this.inquiries++;
    if (this.failingInquiries > 0) {
      this.failingInquiries--;
      return answer(503, { code: "maintenance" });
    }
    return answer(200, { directDebits: this.ledger.filter(debit => debit.partnerTransactionId === reference) });
  };

  #post({ headers, body: text = "" }: OutgoingRequest): Answer {
    const body = JSON.parse(text) as Body;
    const key = headers["x-idempotency-key"] ?? "";
    const fate = this.fates.shift() ?? "succeeds";
    this.posts.push({ key, body });
    if (fate === "does not leave") throw lost("no");
    if (fate === "is lost on the way") throw lost("possible");
    if (fate === "answers 500") return answer(500, "<html>Internal Server Error</html>");
    const refused = /^answers (400|403|422|429)$/.exec(fate)?.[1];
    if (refused !== undefined) return answer(Number(refused), { code: "refused" });

    const before = this.#keys.get(key);
    if (before !== undefined && Date.now() - before.at < DAY) {
      if (before.body !== text) return answer(422, { code: "key_reused" });
      if (before.debit === undefined) return answer(409, { code: "still_running" });
      const { debitId } = before.debit;
      return this.#reply(fate, this.ledger.find(debit => debit.debitId === debitId) ?? before.debit);
    }
    const remembered: { at: number; body: string; debit: Debit | undefined } = {
      at: Date.now(),
      body: text,
      debit: undefined,
    };
    this.#keys.set(key, remembered);
    const commit = () => {
      remembered.debit = this.#make(body, fate);
      return remembered.debit;
    };
    if (fate === "answers 504, and succeeds later") {
      this.#late.push({ reference: body.partnerTransactionId, commit });
      return answer(504, "<html>Gateway Timeout</html>");
    }
    return this.#reply(fate, commit());
  }

  #make(body: Body, fate: Fate): Debit {
    const debit: Debit = {
      debitId: `dd-${this.ledger.length + 1}`,
      partnerTransactionId: body.partnerTransactionId,
      status: fate === "stays processing" ? "processing" : fate === "is declined" ? "failed" : "succeeded",
      amount: body.amount,
      acceptedAt: "2026-04-01T09:30:00+09:00",
      ...(fate === "is declined" ? { failure: { code: "insufficient_funds", retryable: true } } : {}),
    };
    this.ledger.push(debit);
    return debit;
  }

  #reply(fate: Fate, debit: Debit): Answer {
    switch (fate) {
      case "succeeds, then the connection is lost":
        throw lost("possible");
      case "succeeds, then answers 500":
        return answer(500, "<html>Internal Server Error</html>");
      case "answers 504, and succeeds later":
        return answer(504, "<html>Gateway Timeout</html>");
      case "succeeds, then answers 409":
        return answer(409, { code: "still_running" });
      case "succeeds, then answers in HTML":
        return answer(201, "<html>Accepted</html>");
      case "succeeds, then answers about another reference":
        return answer(201, { ...debit, partnerTransactionId: "another" });
      case "succeeds, then answers with another amount":
        return answer(201, { ...debit, amount: debit.amount + 1 });
      case "succeeds, then says already_processed":
        return answer(201, {
          ...debit,
          debitId: "dd-shadow",
          status: "failed",
          failure: { code: "already_processed", retryable: false },
        });
      default:
        return answer(201, debit);
    }
  }

  /** What was processing has come to its end. */
  complete(status: string): void {
    for (const [index, debit] of this.ledger.entries()) {
      if (debit.status === "processing") this.ledger[index] = { ...debit, status };
    }
  }
}

function lost(reached: "no" | "possible"): TransportError {
  return new TransportError(reached === "no" ? "connection_failed" : "connection_lost", "The connection is gone.", {
    reached,
    endpoint: "https://api.bank.example/direct-debits",
    retryable: reached === "no",
    sideEffect: reached === "no" ? "none" : "possible",
  });
}
