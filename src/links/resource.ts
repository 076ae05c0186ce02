/**
 * Calls to the bank's API in the name of a link.
 *
 * @module
 */
import type { Configuration } from "../config/configuration.js";
import type { Contract, Scope } from "../config/contract.js";
import type { OperationName } from "../config/operations.js";
import { type ApiError, ArgumentError, LinkError } from "../errors.js";
import type { Call } from "../transport/call.js";
import { type Answer, type Door, nameOf, type OutgoingRequest } from "../transport/door.js";
import type { Access, UsableLink } from "./access.js";
import { shapeAnswer, shapeRequest } from "./operation.js";
import type { LinkRecord } from "./record.js";
import { refusalOf } from "./refusal.js";
import { repeatSafely } from "./repeat.js";

/** Where a request goes, and how that may be shown. */
export interface Endpoint {
  readonly url: URL;
  /** Without the query, and with the names of ids instead of them. Default: the URL without its query. */
  readonly shownAs?: string;
}

/** A request to the API. The token, the certificate and the FAPI headers are added here. */
export interface ResourceRequest extends Endpoint {
  readonly method: OutgoingRequest["method"];
  /** Which call of the contract it is; absent where it is none. */
  readonly operation?: OperationName;
  /** What the link must have been granted; absent where any grant will do. */
  readonly scope?: Scope;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** Calls protected resources. */
export class Resources {
  readonly #configuration: Configuration;
  readonly #door: Door;
  readonly #access: Access;

  constructor(configuration: Configuration, door: Door, access: Access) {
    this.#configuration = configuration;
    this.#door = door;
    this.#access = access;
  }

  /**
   * Makes sure that the link can be used, with a fresh token.
   *
   * @throws {@link LinkError} when it can't, `scope_missing` when the customer did not grant what the call needs.
   */
  async usable(linkId: string, scope: Scope | undefined, call: Call): Promise<UsableLink> {
    let link = await this.#access.use(linkId, call);
    if (!isGranted(scope, link)) {
      await this.#access.look(linkId);
      link = await this.#access.use(linkId, call);
    }
    if (!isGranted(scope, link)) {
      throw new LinkError(
        "scope_missing",
        linkId,
        `The customer did not grant ${JSON.stringify(scope)} for this link. Send them through links.begin() with this link and that scope.`,
      );
    }
    return link;
  }

  /** What is known of a link that can be used as it is; `undefined` where `usable()` has to find out. The bank is not asked. */
  async asItStands(linkId: string, scope: Scope, call: Call): Promise<LinkRecord | undefined> {
    const record = await this.#access.asItStands(linkId, call).catch(() => undefined);
    return record?.scopes.includes(scope) ? record : undefined;
  }

  /**
   * Makes the call and returns a successful answer.
   *
   * A 401 is answered with a refresh and a repetition; the bank did nothing with a request whose token it rejected. A
   * safe request (GET) is repeated while the bank is busy; nothing else ever is.
   *
   * @throws {@link ApiError} when the bank refuses; {@link LinkError} when the link can't be used, or the bank says that its
   * grant is over; {@link TransportError} when there is no answer.
   */
  async call(linkId: string, wanted: ResourceRequest, call: Call): Promise<Answer> {
    const { contract } = this.#configuration;
    const request = shapeRequest(wanted, contract);
    let link = this.#access.atHand(linkId, call);
    if (link === undefined || !isGranted(request.scope, link)) link = await this.usable(linkId, request.scope, call);
    let answer = await this.#send(link, request, call);
    for (let renewals = 0; answer.status === 401 && isWorthRenewing(link, renewals); renewals++) {
      link = await this.#access.renew(linkId, link.accessToken, call);
      answer = await this.#send(link, request, call);
    }
    if (answer.status === 401 && isLastWord(link)) {
      throw new LinkError(
        "reauthorization_required",
        linkId,
        "The bank rejects the link's tokens, also a fresh one. Send the customer through links.begin() again.",
        { interactionId: call.interactionId, cause: refusalOf(answer, request.method, call) },
      );
    }
    if (answer.status < 200 || answer.status >= 300) {
      const refusal = refusalOf(answer, request.method, call);
      throw grantRefusal(refusal, linkId, contract) ?? refusal;
    }
    return shapeAnswer(answer, request, contract, call);
  }

  #send(link: UsableLink, request: ResourceRequest, call: Call): Promise<Answer> {
    if (request.method !== "GET") return this.#sendOnce(link, request, call);
    const endpoint = request.shownAs ?? nameOf(request.url);
    return repeatSafely(endpoint, call, () => this.#sendOnce(link, request, call));
  }

  #sendOnce(link: UsableLink, request: ResourceRequest, call: Call): Promise<Answer> {
    const { method, url, shownAs, body } = request;
    return this.#door.send(
      {
        method,
        url,
        presents: "client-certificate",
        // RFC 8705 section 3: the token counts only with the certificate that it is bound to.
        thumbprint: link.record.thumbprint,
        headers: this.#headers(link, request, call),
        ...(shownAs === undefined ? {} : { shownAs }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      },
      call,
    );
  }

  #headers({ accessToken }: UsableLink, request: ResourceRequest, call: Call): Record<string, string> {
    const { headers: names } = this.#configuration.contract;
    const headers: Record<string, string> = { accept: "application/json", ...request.headers };
    // RFC 6750 section 2.1: in the header, and nowhere else (P1 6.2.2, SP 5.3.3.1).
    headers["authorization"] = `Bearer ${accessToken}`;
    headers[names.interactionId] = call.interactionId;
    if (call.customerIp !== undefined) headers[names.customerIpAddress] = call.customerIp;
    if (call.customerAuthenticatedAt !== undefined) headers[names.authDate] = call.customerAuthenticatedAt;
    if (request.body !== undefined) headers["content-type"] = "application/json";
    return headers;
  }
}

function isGranted(scope: Scope | undefined, { record }: UsableLink): boolean {
  return scope === undefined || record.scopes.includes(scope);
}

const MOST_RENEWALS = 3;

/**
 * The first rejection may be of a token that ended. So may the next, where another process had refreshed it: by its clock, or
 * on a slow way, it is over as well.
 */
function isWorthRenewing(link: UsableLink, renewals: number): boolean {
  return renewals === 0 || (renewals < MOST_RENEWALS && !isLastWord(link));
}

/** Whether the bank's rejection of the token means the link: it was issued just now, and can't have ended on its way. */
function isLastWord({ issued, record }: UsableLink): boolean {
  const { expiresAt, refreshAt = expiresAt } = record.tokens ?? {};
  return issued && (refreshAt === undefined || refreshAt > Date.now());
}

const GRANT_REFUSALS = {
  grant_expired: "The customer's grant has expired. Send them through links.begin() again.",
  grant_revoked: "The customer released the grant at the bank. Send them through links.begin() again, if they wish.",
  grant_suspended: "The bank has suspended the customer's grant, and only the bank can say why.",
};

/** A 403 of which the bank says that the grant is the reason. */
function grantRefusal(refusal: ApiError, linkId: string, { codes }: Contract): LinkError | undefined {
  const { status, bankCode = "", interactionId } = refusal;
  const table = codes.grantRefusal ?? {};
  const reason = Object.hasOwn(table, bankCode) ? table[bankCode] : bankCode;
  if (status !== 403 || !isGrantRefusal(reason)) return undefined;
  return new LinkError(reason, linkId, GRANT_REFUSALS[reason], { interactionId, cause: refusal });
}

function isGrantRefusal(reason: string | undefined): reason is keyof typeof GRANT_REFUSALS {
  return reason !== undefined && Object.hasOwn(GRANT_REFUSALS, reason);
}

/**
 * Joins a base URL and a contract path, with its parts filled in. A part never becomes a path of its own.
 *
 * @throws {@link ArgumentError} for a part that is empty or a dot segment (RFC 3986 section 3.3).
 */
export function endpointAt(base: string, path: string, parts: Readonly<Record<string, string>> = {}): Endpoint {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(checkPart(name, parts[name])));
  const start = withoutTrailingSlash(base);
  return { url: new URL(start + filled), shownAs: start + path };
}

/** Checks a part of a path. */
export function checkPart(name: string, part: unknown): string {
  // A lone surrogate can't be encoded.
  if (typeof part === "string" && !/^\.{0,2}$|\p{Cs}/u.test(part)) return part;
  throw new ArgumentError(name, `${name} must be an id of the bank's.`);
}

/** Character by character: an expression for it would take quadratic time in a run of slashes. */
function withoutTrailingSlash(base: string): string {
  let end = base.length;
  while (base[end - 1] === "/") end--;
  return base.slice(0, end);
}
