/**
 * Misbehaviour of the API: gateways, throttling, lost answers, and debits that end badly.
 *
 * @module
 */
import { type Answer, html, Problem } from "../api/answer.js";
import { FAILURES, type FailureCode } from "../bank/debits.js";
import type { Grants } from "../bank/grants.js";
import type { BalanceFigures, DebitPlan, InquiryPlan, KeyPlan, PagePlan, ReferencePlan, Standing } from "./hooks.js";

const HUGE = 12 * 1024 * 1024;

export const grantFaults = {
  "grant-revoked-at-bank": (grantId: string, grants: Grants): void => grants.revoke(grantId),
  "grant-expired": (grantId: string, grants: Grants): void => grants.expire(grantId),
};

/** Lasts as long as the fault is on; the grant itself comes to no harm. */
export const standingFaults = {
  "grant-suspended": (standing: Standing): boolean => {
    if (standing.status !== "active") return false;
    standing.status = "suspended";
    return true;
  },
};

export const apiRequestFaults = {
  "api-503-maintenance": (id: string): Answer =>
    new Problem(503, "maintenance", "the bank is closed for maintenance", { "retry-after": "120" }).toAnswer(id),
  "api-429": (id: string): Answer =>
    new Problem(429, "throttled", "too many requests", { "retry-after": "1" }).toAnswer(id),
  "api-html-error": (_id: string): Answer =>
    html(502, "<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"),
  "api-token-rejected-once": (id: string): Answer =>
    new Problem(401, "invalid_token", "the access token was rejected", {
      "www-authenticate": 'Bearer error="invalid_token"',
    }).toAnswer(id),
};

export const apiAnswerFaults = {
  "api-echo-missing": (answer: Answer): void => {
    delete answer.headers["x-fapi-interaction-id"];
  },
  "api-response-huge": (answer: Answer): void => {
    answer.body = `${answer.body}${" ".repeat(HUGE)}`;
  },
  "api-error-code-message-form": (answer: Answer): boolean =>
    restate(answer, ({ code, detail }) => ({ errorCode: code, errorMessage: detail })),
  "api-error-open-banking-form": (answer: Answer): boolean =>
    restate(answer, ({ code, detail, interactionId }) => ({
      Code: String(answer.status),
      Id: interactionId,
      Message: "refused",
      Errors: [{ ErrorCode: code, Message: detail }],
    })),
  "api-error-oauth-form": (answer: Answer): boolean =>
    restate(answer, ({ code, detail }) => ({ error: code, error_description: detail })),
};

export const keyFaults = {
  "debit-key-forgotten": (plan: KeyPlan): void => {
    plan.remembered = false;
  },
};

export const referenceFaults = {
  "debit-references-not-compared": (plan: ReferencePlan): void => {
    plan.compared = false;
  },
};

export const debitFaults = {
  "debit-drop-before-commit": (plan: DebitPlan): boolean => prevent(plan, "dropped"),
  "debit-504-before-commit": (plan: DebitPlan): boolean => prevent(plan, "gateway-timeout"),
  "debit-409": (plan: DebitPlan): boolean => prevent(plan, "conflict"),
  "debit-commit-then-drop": (plan: DebitPlan): boolean => spoil(plan, "dropped"),
  "debit-commit-then-504": (plan: DebitPlan): boolean => spoil(plan, "gateway-timeout"),
  "debit-504-then-succeeded": (plan: DebitPlan): boolean => {
    if (!spoil(plan, "gateway-timeout")) return false;
    plan.outcome = "processing";
    plan.running = true;
    return true;
  },
  "debit-answer-unreadable": (plan: DebitPlan): boolean => spoil(plan, "unreadable"),
  "debit-answer-html": (plan: DebitPlan): boolean => spoil(plan, "html"),
  "debit-answer-empty": (plan: DebitPlan): boolean => spoil(plan, "empty"),
  "debit-answer-truncated": (plan: DebitPlan): boolean => spoil(plan, "truncated"),
};

/** One fault for each way a debit can fail: `debit-fails-insufficient_funds` and so on. */
export const debitFailureFaults: Readonly<Record<`debit-fails-${FailureCode}`, (plan: DebitPlan) => boolean>> =
  Object.fromEntries(
    FAILURES.map(code => [
      `debit-fails-${code}`,
      (plan: DebitPlan) => {
        if (plan.instead !== undefined || plan.outcome !== undefined) return false;
        plan.outcome = code;
        return true;
      },
    ]),
  ) as Record<`debit-fails-${FailureCode}`, (plan: DebitPlan) => boolean>;

export const inquiryFaults = {
  "debit-stuck-processing": (plan: InquiryPlan): void => {
    plan.settles = false;
  },
  "debit-returned": (plan: InquiryPlan): void => {
    plan.returns = true;
  },
};

/** An overdraft where there is none. */
export const balanceFaults = {
  "balance-negative": (figures: BalanceFigures): boolean => {
    if (figures.balance < 0) return false;
    figures.balance = -figures.balance - 1;
    if (figures.withdrawableAmount !== undefined) figures.withdrawableAmount = 0;
    return true;
  },
};

export const pageFaults = {
  "page-row-repeated": (plan: PagePlan): boolean => {
    if (plan.first) return false;
    plan.overlap = 1;
    return true;
  },
  "page-row-inserted": (plan: PagePlan): boolean => {
    if (plan.first) return false;
    plan.inserted = true;
    return true;
  },
  "page-item-keys-absent": (plan: PagePlan): void => {
    plan.itemKeys = false;
  },
};

/** Of two faults that fall on one debit, one has nothing left to do. */
function prevent(plan: DebitPlan, instead: NonNullable<DebitPlan["instead"]>): boolean {
  if (plan.instead !== undefined) return false;
  plan.instead = instead;
  return true;
}

function spoil(plan: DebitPlan, answer: DebitPlan["answer"]): boolean {
  if (plan.instead !== undefined || plan.answer !== "sent") return false;
  plan.answer = answer;
  return true;
}

/** Says an error in another of the forms that banks use. */
function restate(answer: Answer, form: (problem: Record<string, string>) => unknown): boolean {
  if (!String(answer.headers["content-type"]).startsWith("application/problem+json")) return false;
  answer.headers["content-type"] = "application/json; charset=utf-8";
  answer.body = JSON.stringify(form(JSON.parse(String(answer.body))));
  return true;
}
