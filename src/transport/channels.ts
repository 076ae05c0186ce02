/**
 * The channels of `node:diagnostics_channel` on which the client tells what it does.
 *
 * @module
 */
import { type Channel, channel, type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import type { JstDateTime } from "../config/jst.js";
import type { Profile } from "../config/profile.js";

/**
 * The names of the channels. `call`, `request`, `refresh` and `store` are for `tracingChannel(name)`, `debit` and
 * `certificate` for `subscribe(name, …)`.
 *
 * Messages are for reading: what a subscriber writes into one, others see. They hold no token, code, key or personal data, and
 * no id but those of links, of debits (the partner's own `reference`), of certificates and of calls. A subscriber runs within
 * the call: one that throws ends no call, and Node reports it as an uncaught exception of the process.
 */
export const CHANNELS: {
  readonly call: "minna-baas:call";
  readonly request: "minna-baas:request";
  readonly refresh: "minna-baas:refresh";
  readonly store: "minna-baas:store";
  readonly debit: "minna-baas:debit";
  readonly certificate: "minna-baas:certificate";
} = Object.freeze({
  call: "minna-baas:call",
  request: "minna-baas:request",
  refresh: "minna-baas:refresh",
  store: "minna-baas:store",
  debit: "minna-baas:debit",
  certificate: "minna-baas:certificate",
});

/** A method of the client that is a call. Of `accounts.transactions` and `accounts.deposits` each page is one. */
export type CallName =
  | "ready"
  | "publicJwks"
  | "rotateCertificate"
  | "rotateKeys"
  | "links.begin"
  | "links.complete"
  | "links.end"
  | "accounts.list"
  | "accounts.balance"
  | "accounts.transactions"
  | "accounts.deposits"
  | "identity.get"
  | "identity.userInfo"
  | "debits.create"
  | "debits.get"
  | "debits.find"
  | "debits.settled"
  | "debits.recover"
  | "grant.status"
  | "grant.extend"
  | "grant.revoke"
  | "grant.introspect";

/** What every traced message gets when the work has failed. */
export interface TracedMessage {
  /** Why it failed: a `MinnaError`, with its `code`. Absent until then. */
  readonly error?: Error;
}

/** `minna-baas:call`, traced: one call of the partner, from outside in. */
export interface CallMessage extends TracedMessage {
  /** Which method it is. */
  readonly name: CallName;
  /** The link, where the call is one link's. */
  readonly linkId?: string;
  /** The `x-fapi-interaction-id` of its requests. Absent at `start`, and where the call ended before it had one. */
  readonly interactionId?: string;
}

/** `minna-baas:request`, traced: one HTTP request, as often as it is sent. */
export interface RequestMessage extends TracedMessage {
  /** The HTTP method. */
  readonly method: "GET" | "POST" | "DELETE";
  /** Origin and path, without query; ids are replaced by their names in braces. */
  readonly endpoint: string;
  /** The host that it is sent to. */
  readonly address: string;
  /** Its port. */
  readonly port: number;
  /** The profile of the configuration that it is sent under. */
  readonly profile?: Profile;
  /** The `x-fapi-interaction-id` that it carries, where it carries one. */
  readonly interactionId?: string;
  /** The `x5t#S256` of the client certificate, where one is presented. */
  readonly thumbprint?: string;
  /** How often it was sent before: after a lost connection, or with a certificate that the bank refused. */
  readonly resends: number;
  /** The HTTP status, once the answer is complete. */
  readonly status?: number;
}

/** `minna-baas:refresh`, traced: other tokens for a link, by one caller for all who need them in this process. */
export interface RefreshMessage extends TracedMessage {
  /** The link. */
  readonly linkId: string;
  /** The profile that it is refreshed under. */
  readonly profile: Profile;
  /** `issued`: by the bank, just now. `found`: in the store, where somebody else had put them. Absent until then. */
  readonly outcome?: "issued" | "found";
}

/** `minna-baas:store`, traced: one call of the store. */
export interface StoreMessage extends TracedMessage {
  /** The method of the store. */
  readonly method: "get" | "put" | "take" | "find" | "lock" | "unlock";
  /** What kind of entry it is about; `other`: any kind. */
  readonly kind: "link" | "transaction" | "debit" | "lock" | "other";
  /** `nothing`: there was no entry, somebody else wrote it first, or holds the lock. Absent until the store has answered. */
  readonly outcome?: "done" | "nothing";
}

/** `minna-baas:debit`: the journal of debits has another state of one. */
export interface DebitMessage {
  /** The partner's own order id. */
  readonly reference: string;
  /** The link that it was last sent with. */
  readonly linkId: string;
  /** What it was; absent for a new one. */
  readonly from?: "prepared" | "sent" | "unknown" | "known";
  /**
   * What it is. `prepared`: certainly not made. `sent`: on its way. `unknown`: the answer was lost or unclear. `known`: as the
   * bank says in `status`.
   */
  readonly to: "prepared" | "sent" | "unknown" | "known";
  /** What the bank says of it. */
  readonly status?: "processing" | "succeeded" | "failed" | "returned" | (string & {});
  /** Whether `debits.recover()` brought it on. */
  readonly recovered: boolean;
}

/** `minna-baas:certificate`: something happened to a client certificate. */
export interface CertificateMessage {
  /**
   * `in_use`: the first one. `rotated`: from now on this one. `rejected`: a new one can't be used, and this one stays.
   * `expires`: it does so soon, or has. `retired`: it is used no more, and its connections are closed.
   */
  readonly event: "in_use" | "rotated" | "rejected" | "expires" | "retired";
  /** Its `x5t#S256` (RFC 8705 section 3.1). */
  readonly thumbprint: string;
  /** When it expires. */
  readonly notAfter: JstDateTime;
  /** With `rotated`: the one before. */
  readonly replaces?: string;
  /** With `expires`: how many days are left, begun ones included; 0 once it has. */
  readonly daysLeft?: number;
  /** With `rejected`: why. */
  readonly error?: Error;
}

/** @internal */
export const callChannel: TracingChannel<unknown, CallMessage> = tracingChannel(CHANNELS.call);
/** @internal */
export const requestChannel: TracingChannel<unknown, RequestMessage> = tracingChannel(CHANNELS.request);
/** @internal */
export const refreshChannel: TracingChannel<unknown, RefreshMessage> = tracingChannel(CHANNELS.refresh);
/** @internal */
export const storeChannel: TracingChannel<unknown, StoreMessage> = tracingChannel(CHANNELS.store);
/** @internal */
export const debitChannel: Channel<unknown, DebitMessage> = channel(CHANNELS.debit) as Channel<unknown, DebitMessage>;
/** @internal */
export const certificateChannel: Channel<unknown, CertificateMessage> = channel(CHANNELS.certificate) as Channel<
  unknown,
  CertificateMessage
>;

/**
 * A message to whoever writes it.
 *
 * @internal
 */
export type Writable<Message> = { -readonly [Name in keyof Message]: Message[Name] };

/**
 * Where a subscriber of `start` leaves a function that runs the work: for a context that can't be had by `bindStore()`, such
 * as that of OpenTelemetry, whose API does not show its store. Registered, so that another copy of this module knows it, too.
 *
 * @internal
 */
export const WITHIN: unique symbol = Symbol.for("minna-baas.within") as never;

/**
 * Runs work, the way it is handed to {@link WITHIN}.
 *
 * @internal
 */
export type Within = (work: () => Promise<void>) => Promise<void>;

/**
 * Does the work and tells of it. What it returns is not told: it may be anybody's balance.
 *
 * Ask `channel.hasSubscribers` first: where nobody listens, there is no message to be made.
 *
 * @internal
 */
export async function trace<Message extends TracedMessage, Result>(
  channel: TracingChannel<unknown, Message>,
  message: Message & { readonly [WITHIN]?: Within },
  work: () => Promise<Result>,
): Promise<Result> {
  const kept: { result?: Result } = {};
  const done = async () => {
    kept.result = await work();
  };
  await channel.tracePromise(async () => message[WITHIN]?.(done) ?? done(), message);
  return kept.result as Result;
}
