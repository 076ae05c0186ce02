/**
 * Reads the refusals of the bank's API, in whatever form they come.
 *
 * @module
 */
import { ApiError } from "../errors.js";
import type { Call } from "../transport/call.js";
import type { Answer } from "../transport/door.js";
import { retryAfter } from "../transport/retry-after.js";
import { isRecord } from "../transport/schema.js";

// A code, not prose: what the bank writes for people may hold personal data and is not repeated.
const CODE = /^[\w.:-]{1,40}$/;

const CHALLENGE = /\berror=(?:"([\w.:-]{1,40})"|([\w.:-]{1,40})(?=[\s,]|$))/;

/** Makes the error of a refused call. */
export function refusalOf(answer: Answer, method: string, call: Call): ApiError {
  const { status } = answer;
  const unclear = status >= 500;
  return new ApiError(codeOf(status), {
    status,
    interactionId: call.interactionId,
    bankCode: bankCodeOf(answer),
    retryAfter: retryAfter(answer.headers["retry-after"]),
    retryable: status === 429 || ((unclear || status === 408 || status === 425) && method === "GET"),
    sideEffect: unclear && method !== "GET" ? "possible" : "none",
  });
}

function codeOf(status: number): ApiError["code"] {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 409:
      return "conflict";
    case 422:
      return "unprocessable";
    case 429:
      return "throttled";
    case 503:
      return "maintenance";
    default:
      return status >= 500 ? "server_error" : "bad_request";
  }
}

function bankCodeOf(answer: Answer): string | undefined {
  const code = codesIn(jsonOf(answer.body)).find(one => typeof one === "string" && CODE.test(one));
  if (code !== undefined) return code as string;
  // RFC 6750 section 3; some gateways leave the quotes out.
  const [, quoted, bare] = CHALLENGE.exec(String(answer.headers["www-authenticate"])) ?? [];
  return quoted ?? bare;
}

/** Where a body may hold the code. */
function codesIn(body: unknown): readonly unknown[] {
  if (!isRecord(body)) return [];
  const { code, errorCode, Errors, error } = body;
  const [first] = Array.isArray(Errors) ? Errors : [];
  return [
    // RFC 9457 with the contract's `code`.
    code,
    // GMOあおぞらネット銀行 and others of its family.
    Number.isSafeInteger(errorCode) ? String(errorCode) : errorCode,
    // UK Open Banking.
    isRecord(first) ? first["ErrorCode"] : undefined,
    // RFC 6749 section 5.2.
    error,
  ];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: no code is in it.
  }
  return undefined;
}
