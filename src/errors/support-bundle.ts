/**
 * What the bank's support needs of an error.
 *
 * @module
 */
import { type JstDateTime, toJst } from "../config/jst.js";
import { LONGEST_TRAIL, type MadeRequest, trailsOf } from "./trail.js";
import { versionsAtWork } from "./versions.js";

/** One request of the call that failed. */
export interface SupportRequest {
  /** When it left. */
  readonly at: JstDateTime;
  /** Its HTTP method. */
  readonly method: string;
  /** Origin and path; ids in the path are replaced by their names, as in `/accounts/{accountId}/balance`. */
  readonly endpoint: string;
  /** The `x-fapi-interaction-id` that was sent; absent where none was. */
  readonly interactionId?: string;
  /** The HTTP status; or what became of it instead, as the `code` of an error; or `pending`: no answer yet. */
  readonly outcome: number | string;
  /** Milliseconds until then. */
  readonly durationMs: number;
  /** The `x5t#S256` of the client certificate that was presented; absent where none was. */
  readonly thumbprint?: string;
}

/** What an error's `toSupportBundle()` returns: frozen, and of nothing that JSON has not. */
export interface SupportBundle {
  /** The class of the error. */
  readonly error: string;
  /** The error's own. */
  readonly code: string;
  /** The error's own: without secrets and personal data, but for a `reference` that you gave. */
  readonly message: string;
  /** When the error arose. */
  readonly time: JstDateTime;
  /** Whether the same call may be made again as it is. */
  readonly retryable: boolean;
  /** `possible`: something may have changed at the bank. */
  readonly sideEffect: "none" | "possible";
  /** The `x-fapi-interaction-id` of the call, or of its last request. */
  readonly interactionId?: string;
  /** What only errors of this class have, such as `status`, `bankCode`, `check`, `linkId`, `reference`. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Why, the nearest cause first. */
  readonly causes: readonly {
    readonly error: string;
    readonly code?: string;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
  }[];
  /** The last requests of the call, at most ten, the earliest first. Empty where none left. */
  readonly requests: readonly SupportRequest[];
  /** As whom the bank was asked, where the error is of a call. */
  readonly client?: { readonly issuer: string; readonly clientId: string; readonly profile: string };
  /** By name: `minna-baas`, `node`, `openssl`, `platform`; the dependencies, where they can be found. */
  readonly versions: Readonly<Record<string, string>>;
}

/** What is told of an error; another member of a class is not told until it is named here. */
const DETAILS: readonly string[] = [
  "argument",
  "bankCode",
  "check",
  "endpoint",
  "linkId",
  "operation",
  "problems",
  "reached",
  "reference",
  "retryAfter",
  "status",
];
const MOST_CAUSES = 5;

/** An error of this package, as far as it is looked at here. */
interface Subject extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly sideEffect: "none" | "possible";
  readonly interactionId?: string;
}

/** @param time - When the error arose, milliseconds since the epoch. */
export function supportBundle(error: Subject, time: number): SupportBundle {
  const trails = trailsOf(error);
  const made = [...new Set(trails.flatMap(trail => [...trail.requests()]))].sort((one, other) => one.at - other.at);
  const last = made.slice(-LONGEST_TRAIL);
  const knownAs = last.at(-1)?.knownAs ?? trails.find(trail => trail.knownAs !== undefined)?.knownAs;
  const interactionId = error.interactionId ?? last.at(-1)?.interactionId;
  return frozen({
    error: error.name,
    code: error.code,
    message: error.message,
    time: toJst(time),
    retryable: error.retryable,
    sideEffect: error.sideEffect,
    ...(interactionId === undefined ? {} : { interactionId }),
    details: detailsOf(error),
    causes: [...causesOf(error)],
    requests: last.map(request => told(request, time)),
    ...(knownAs === undefined ? {} : { client: { ...knownAs } }),
    versions: versionsAtWork(),
  });
}

function detailsOf(error: Error): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(error).filter(([name]) => DETAILS.includes(name)));
}

/** Only ours have members of which it is known what they hold. */
function* causesOf(error: Error): Generator<SupportBundle["causes"][number]> {
  for (let link = error.cause, depth = 0; link instanceof Error && depth < MOST_CAUSES; link = link.cause, depth++) {
    const { name, message } = link;
    const code = "code" in link && typeof link.code === "string" ? { code: link.code } : {};
    const details = "toSupportBundle" in link ? { details: detailsOf(link) } : {};
    yield { error: name, ...code, message, ...details };
  }
}

function told({ at, endedAt, ...request }: MadeRequest, time: number): SupportRequest {
  const { method, endpoint, interactionId, thumbprint, outcome = "pending" } = request;
  return {
    at: toJst(at),
    method,
    endpoint,
    ...(interactionId === undefined ? {} : { interactionId }),
    outcome,
    durationMs: Math.max(0, (endedAt ?? time) - at),
    ...(thumbprint === undefined ? {} : { thumbprint }),
  };
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}
