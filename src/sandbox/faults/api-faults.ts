/**
 * Misbehaviour of the API: gateways, throttling, lost answers, and debits that end badly.
 *
 * @module
 */
import { type Answer, html, Problem } from "../api/answer.js";
import { FAILURES, type FailureCode } from "../bank/debits.js";
import type { Grants } from "../bank/grants.js";
import type { DebitPlan, InquiryPlan, PagePlan } from "./hooks.js";

const HUGE = 12 * 1024 * 1024;

export const grantFaults = {
  "grant-revoked-at-bank": (grantId: string, grants: Grants): void => grants.revoke(grantId),
  "grant-expired": (grantId: string, grants: Grants): void => grants.expire(grantId),
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

export const debitFaults = {
  "debit-drop-before-commit": (plan: DebitPlan): void => {
    plan.droppedBefore = true;
  },
  "debit-commit-then-drop": (plan: DebitPlan): void => {
    plan.answer = "dropped";
  },
  "debit-504-then-succeeded": (plan: DebitPlan): void => {
    plan.outcome = "processing";
    plan.running = true;
    plan.answer = "gateway-timeout";
  },
  "debit-answer-unreadable": (plan: DebitPlan): void => {
    plan.answer = "unreadable";
  },
};

/** One fault for each way a debit can fail: `debit-fails-insufficient_funds` and so on. */
export const debitFailureFaults: Readonly<Record<`debit-fails-${FailureCode}`, (plan: DebitPlan) => void>> =
  Object.fromEntries(
    FAILURES.map(code => [
      `debit-fails-${code}`,
      (plan: DebitPlan) => {
        plan.outcome = code;
      },
    ]),
  ) as Record<`debit-fails-${FailureCode}`, (plan: DebitPlan) => void>;

export const inquiryFaults = {
  "debit-stuck-processing": (plan: InquiryPlan): void => {
    plan.settles = false;
  },
  "debit-returned": (plan: InquiryPlan): void => {
    plan.returns = true;
  },
};

export const pageFaults = {
  "page-row-repeated": (plan: PagePlan): void => {
    plan.overlap = 1;
  },
  "page-item-keys-absent": (plan: PagePlan): void => {
    plan.itemKeys = false;
  },
};

/** Says an error in another of the forms that banks use. */
function restate(answer: Answer, form: (problem: Record<string, string>) => unknown): boolean {
  if (!String(answer.headers["content-type"]).startsWith("application/problem+json")) return false;
  answer.headers["content-type"] = "application/json; charset=utf-8";
  answer.body = JSON.stringify(form(JSON.parse(String(answer.body))));
  return true;
}
