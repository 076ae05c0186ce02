/**
 * 口座振替: `/direct-debits`.
 *
 * @module
 */
import { bodyOf, type Debit, type DebitOrder } from "../bank/debits.js";
import { fingerprint } from "../bank/idempotency.js";
import type { DebitPlan, InquiryPlan } from "../faults/hooks.js";
import { type Answer, DROPPED, type Dropped, html, json, Problem } from "./answer.js";
import { accountOf, type Call, jsonBody, type Operation } from "./call.js";

const TIMEOUT = "<!doctype html><title>504 Gateway Timeout</title><h1>504 Gateway Timeout</h1>";
const KEY_LENGTH = 40;
const KINDS: readonly unknown[] = ["per_purchase", "standing", "charge"];

export const createDebit: Operation = {
  method: "POST",
  path: /^\/direct-debits$/,
  scopes: ["debit"],
  run(call) {
    const { access, bank, visit } = call;
    const key = idempotencyKey(call);
    const body = jsonBody(call);
    visit.note({ partnerTransactionId: referenceIn(body) });
    const print = fingerprint([access.customer.subject, body]);
    const memory = { remembered: true };
    for (const fault of call.faults.take("idempotency", access.clientId)) fault(memory);
    const precedent = memory.remembered
      ? bank.idempotencyKeys.lookUp(access.clientId, key, print)
      : ({ kind: "new" } as const);
    switch (precedent.kind) {
      case "different":
        throw new Problem(422, "idempotency_key_reused", "the key was used with another body");
      case "running":
        throw keyInUse();
      case "same":
        visit.note({
          debitId: precedent.result.debitId,
          amount: precedent.result.amount,
          debitStatus: precedent.result.status,
          failure: precedent.result.failure,
          repeated: true,
        });
        return json(201, bodyOf(precedent.result));
      case "new":
        return execute(call, order(call, body), key, print);
    }
  },
};

export const readDebit: Operation = {
  method: "GET",
  path: /^\/direct-debits\/(?<id>[^/]+)$/,
  scopes: ["debit"],
  run(call) {
    const { access, bank } = call;
    const debit = bank.debits.find(access.clientId, access.customer, call.id);
    if (debit === undefined) throw new Problem(404, "debit_not_found", "the customer has no such debit");
    inquire(call, debit);
    return json(200, bodyOf(debit));
  },
};

export const findDebits: Operation = {
  method: "GET",
  path: /^\/direct-debits$/,
  scopes: ["debit"],
  run(call) {
    const { access, bank, query } = call;
    const partnerTransactionId = query.get("partnerTransactionId");
    if (!partnerTransactionId) throw new Problem(400, "invalid_request", "partnerTransactionId is missing");
    const debit = bank.debits.findByPartnerTransaction(access.clientId, partnerTransactionId);
    if (debit?.customer !== access.customer) return json(200, { directDebits: [] });
    inquire(call, debit);
    return json(200, { directDebits: [bodyOf(debit)] });
  },
};

function execute(call: Call, asked: DebitOrder, key: string, print: string): Answer | Dropped {
  const { access, bank, faults, visit } = call;
  const { clientId } = access;
  const reference = { compared: true };
  for (const fault of faults.take("reference", clientId)) fault(reference);
  const before = bank.debits.findByPartnerTransaction(clientId, asked.partnerTransactionId);
  if (reference.compared && before !== undefined) {
    throw new Problem(409, "already_processed", "there is a debit with this partnerTransactionId: look it up");
  }
  const plan: DebitPlan = { instead: undefined, outcome: undefined, running: false, answer: "sent" };
  for (const fault of faults.take("debit", clientId)) fault(plan);
  switch (plan.instead) {
    case undefined:
      break;
    case "dropped":
      return DROPPED;
    case "gateway-timeout":
      return html(504, TIMEOUT);
    case "conflict":
      throw keyInUse();
  }
  const debit = bank.debits.accept(asked, plan.outcome);
  bank.idempotencyKeys.remember(clientId, key, print, debit, plan.running);
  const { debitId, amount, status: debitStatus, failure } = debit;
  visit.note({ debitId, amount, debitStatus, failure });
  switch (plan.answer) {
    case "dropped":
      return DROPPED;
    case "gateway-timeout":
      return html(504, TIMEOUT);
    case "unreadable":
      return { ...json(201, {}), body: '{"debitId":"' };
    case "html":
      return html(200, "<!doctype html><title>Gateway</title><h1>Your request is being processed</h1>");
    case "empty":
      return { ...json(201, {}), body: "" };
    case "truncated":
      return { ...json(201, bodyOf(debit)), cut: true };
    case "sent":
      return json(201, bodyOf(debit));
  }
}

/** An inquiry is also when a debit that took its time has come to its end. */
function inquire({ access, bank, faults, visit }: Call, debit: Debit): void {
  const plan: InquiryPlan = { settles: true, returns: false };
  for (const fault of faults.take("inquiry", access.clientId)) fault(plan);
  if (plan.settles) {
    bank.debits.settle(debit);
    bank.idempotencyKeys.finish(debit);
  }
  if (plan.returns) bank.debits.giveBack(debit);
  const { debitId, partnerTransactionId, amount, status: debitStatus, failure } = debit;
  visit.note({ debitId, partnerTransactionId, amount, debitStatus, failure });
}

function keyInUse(): Problem {
  return new Problem(409, "idempotency_key_in_use", "the first request with this key is still running");
}

function idempotencyKey({ headers }: Call): string {
  const key = headers["x-idempotency-key"];
  if (typeof key !== "string" || key === "") {
    throw new Problem(400, "idempotency_key_missing", "x-idempotency-key is missing");
  }
  if (key.length > KEY_LENGTH) {
    throw new Problem(400, "idempotency_key_invalid", `x-idempotency-key has at most ${KEY_LENGTH} characters`);
  }
  return key;
}

function order(call: Call, body: Record<string, unknown>): DebitOrder {
  const { access, bank } = call;
  const refuse = (member: string): never => {
    throw new Problem(400, "invalid_request", `${member} is missing or not as the contract has it`);
  };
  const { partnerTransactionId, accountId, currencyCode, description, kind } = body;
  if (typeof partnerTransactionId !== "string" || referenceIn(body) === undefined)
    return refuse("partnerTransactionId");
  if (currencyCode !== "JPY") return refuse("currencyCode");
  if (typeof description !== "string" || description.trim() === "" || description.length > 140)
    return refuse("description");
  if (!KINDS.includes(kind)) return refuse("kind");
  if (accountId !== undefined && typeof accountId !== "string") return refuse("accountId");
  const [ordinary] = bank.ledger.accountsOf(access.customer);
  const account = accountId === undefined ? ordinary : accountOf(call, accountId);
  if (account === undefined) return refuse("accountId");
  const { clientId, customer } = access;
  return { clientId, customer, account, partnerTransactionId, amount: positiveYen(body["amount"]), description };
}

function referenceIn({ partnerTransactionId: reference }: Record<string, unknown>): string | undefined {
  return typeof reference === "string" && /^[\x21-\x7e]{1,64}$/.test(reference) ? reference : undefined;
}

function positiveYen(value: unknown): number {
  const amount = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof amount === "number" && Number.isSafeInteger(amount) && amount > 0) return amount;
  throw new Problem(400, "invalid_amount", "an amount is a positive integer of yen");
}
