/**
 * Where every request comes in: recorded, and led to what answers it.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, DROPPED, type Dropped, Problem, send } from "./api/answer.js";
import type { Api } from "./api/api.js";
import { interactionIdOf } from "./api/interaction-id.js";
import type { Interactions } from "./authorization/interaction.js";
import type { Registration } from "./client.js";
import { endpointOf, serves } from "./endpoints.js";
import type { EventLog, SandboxChannel, Visit } from "./events.js";
import type { Faults } from "./faults/faults.js";
import type { Archive } from "./keeping/archive.js";
import { noted, type PresentedCertificate, presentedCertificate, subjectDn } from "./tls/presented-certificate.js";

export interface FrontDoorOptions {
  readonly issuer: string;
  readonly events: EventLog;
  readonly archive: Archive;
  readonly faults: Faults;
  readonly registrations: readonly Registration[];
  readonly interactions: Interactions;
  readonly api: Api;
  readonly grantManagement: Api;
  /** Answers everything else, and ends the visit itself. */
  readonly authorizationServer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

export class FrontDoor {
  readonly #options: FrontDoorOptions;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  async enter(request: IncomingMessage, response: ServerResponse, channel: SandboxChannel): Promise<void> {
    const { issuer, events } = this.#options;
    const url = URL.parse(request.url ?? "/", issuer) ?? new URL(issuer);
    const endpoint = endpointOf(url.pathname);
    const certificate = presentedCertificate(request);
    const visit = events.open(request, {
      channel,
      endpoint,
      method: request.method ?? "",
      // The id of a login in progress is half of what it takes to go on with it.
      path: url.pathname.replace(/^(\/interaction|\/authorize)\/.*/, "$1/:uid"),
      ...noted(certificate),
    });
    const refusal = this.#refusal(visit, certificate);
    if (refusal === undefined && serves(channel, endpoint) && !["api", "grant", "interaction"].includes(endpoint)) {
      // The server builds its addresses from this header: they are the bank's, whatever the caller has written.
      request.headers.host = new URL(issuer).host;
      visit.interactionId = interactionIdOf(request);
      return this.#options.authorizationServer(request, response);
    }
    const answer = this.#kept(refusal ?? (await this.#answer(request, response, url, visit)), visit);
    events.close(visit, answer === DROPPED ? 0 : answer.status);
    send(response, answer);
  }

  /** A fault's answer to a revocation, before anything is revoked: the certificate alone tells who calls. */
  #refusal(visit: Visit, certificate: PresentedCertificate | undefined): Answer | undefined {
    const { channel, endpoint } = visit.received;
    if (channel !== "mtls" || endpoint !== "revocation" || certificate === undefined) return undefined;
    const subject = subjectDn(certificate.x509);
    visit.clientId = this.#options.registrations.find(client => client.subjectDn === subject)?.clientId;
    const [fault] = this.#options.faults.take("revocation", visit.clientId);
    return fault?.();
  }

  /** An answer can leave once all that it says is kept. */
  #kept(answer: Answer | Dropped, visit: Visit): Answer | Dropped {
    try {
      this.#options.archive.save();
      return answer;
    } catch (error) {
      visit.note({ error: "not_kept", reason: error instanceof Error ? error.message : "" });
      return DROPPED;
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, url: URL, visit: Visit): Promise<Answer | Dropped> {
    const { interactions, api, grantManagement } = this.#options;
    const { channel, endpoint } = visit.received;
    try {
      if (!serves(channel, endpoint)) throw new Problem(404, "not_found", "there is nothing at this path");
      if (endpoint === "api") return await api.handle(request, url, visit);
      if (endpoint === "grant") return await grantManagement.handle(request, url, visit);
      return await interactions.handle(request, response, visit);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(500, "internal_error", "the sandbox has failed");
      visit.note({ error: problem.code, reason: error instanceof Error ? error.message : problem.message });
      return problem.toAnswer("");
    }
  }
}
