/**
 * The bank's API: from the request to the answer, with every rule that all operations share.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TokenStore } from "../authorization/token-store.js";
import type { Bank } from "../bank/bank.js";
import type { Visit } from "../events.js";
import type { Faults } from "../faults/faults.js";
import { presentedCertificate } from "../tls/presented-certificate.js";
import { authorize, type Credentials, presentedToken, requireScope, requireStanding } from "./access.js";
import { listAccounts, readBalance } from "./accounts.js";
import { type Answer, DROPPED, type Dropped, Problem } from "./answer.js";
import { readBody } from "./body.js";
import type { Operation } from "./call.js";
import { createDebit, findDebits, readDebit } from "./direct-debits.js";
import { readIdentity } from "./identity.js";
import { interactionIdOf } from "./interaction-id.js";
import { listDeposits, listTransactions } from "./statements.js";

/** The operations of the contract. */
export const BANK_OPERATIONS: readonly Operation[] = [
  listAccounts,
  readBalance,
  listTransactions,
  listDeposits,
  readIdentity,
  createDebit,
  readDebit,
  findDebits,
];

export interface ApiOptions {
  readonly operations: readonly Operation[];
  /** What comes before the paths of the operations. */
  readonly prefix: string;
  readonly bank: Bank;
  readonly store: TokenStore;
  readonly faults: Faults;
  readonly pageSize: number;
}

export class Api {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, url: URL, visit: Visit): Promise<Answer | Dropped> {
    const interactionId = interactionIdOf(request) ?? randomUUID();
    visit.interactionId = interactionId;
    const body = await readBody(request).catch((problem: unknown) => problem);
    const answer = this.#answer(request, url, visit, body, interactionId);
    if (answer === DROPPED) return DROPPED;
    answer.headers["x-fapi-interaction-id"] = interactionId;
    if (this.#isBank()) for (const fault of this.#options.faults.take("apiAnswer", visit.clientId)) fault(answer);
    return answer;
  }

  #answer(request: IncomingMessage, url: URL, visit: Visit, body: unknown, interactionId: string): Answer | Dropped {
    try {
      if (!Buffer.isBuffer(body)) throw body;
      return this.#run(request, url, visit, body, interactionId);
    } catch (error) {
      const problem =
        error instanceof Problem ? error : new Problem(500, "internal_error", "the sandbox itself has failed");
      visit.note({ error: problem.code, reason: problem.message });
      return problem.toAnswer(interactionId);
    }
  }

  #run(request: IncomingMessage, url: URL, visit: Visit, body: Buffer, interactionId: string): Answer | Dropped {
    const { bank, faults, store, pageSize } = this.#options;
    const credentials: Credentials = {
      headers: request.headers,
      query: url.searchParams,
      certificate: presentedCertificate(request),
    };
    const presented = presentedToken(credentials, store);
    visit.clientId = presented.clientId;
    // The address itself is the customer's own.
    visit.note({ customerPresent: request.headers["x-fapi-customer-ip-address"] !== undefined });
    if (this.#isBank()) {
      if (presented.grantId !== undefined) {
        for (const fault of faults.take("grant", presented.clientId)) fault(presented.grantId, bank.grants);
      }
      for (const fault of faults.take("apiRequest", presented.clientId)) return fault(interactionId);
    }
    const access = authorize(credentials, presented, bank);
    if (this.#isBank()) requireStanding(access, bank, faults);
    const { operation, id } = this.#operation(request.method ?? "", url.pathname);
    requireScope(access, operation.scopes);
    const { headers } = request;
    return operation.run({
      access,
      bank,
      faults,
      visit,
      interactionId,
      id,
      query: url.searchParams,
      headers,
      body,
      pageSize,
    });
  }

  #operation(method: string, pathname: string): { operation: Operation; id: string } {
    const path = pathname.slice(this.#options.prefix.length);
    const candidates = this.#options.operations.filter(operation => operation.path.test(path));
    const operation = candidates.find(candidate => candidate.method === method);
    if (operation !== undefined) return { operation, id: idIn(operation.path, path) };
    if (candidates.length === 0) throw new Problem(404, "not_found", "there is nothing at this path");
    const allow = candidates.map(candidate => candidate.method).join(", ");
    throw new Problem(405, "method_not_allowed", `this path answers ${allow}`, { allow });
  }

  /** Grant management is the authorization server's, and no API call for the faults. */
  #isBank(): boolean {
    return this.#options.operations === BANK_OPERATIONS;
  }
}

function idIn(pattern: RegExp, path: string): string {
  const raw = pattern.exec(path)?.groups?.["id"] ?? "";
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new Problem(400, "invalid_request", "the path is not well-formed");
  }
}
