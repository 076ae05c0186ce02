/**
 * The customer's part of an authorization: logging in, and deciding.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { InteractionResults, Provider } from "oidc-provider";
import { type Answer, html } from "../api/answer.js";
import { readBody } from "../api/body.js";
import type { Bank } from "../bank/bank.js";
import type { Customer } from "../bank/customers.js";
import type { GrantRecord } from "../bank/grants.js";
import { jstDate } from "../bank/jst.js";
import { PERMISSIONS, TECHNICAL_SCOPES } from "../bank/scopes.js";
import type { Registration } from "../client.js";
import type { Visit } from "../events.js";
import { type ConsentPage, consentPage } from "../pages/consent.js";
import { endedPage, errorPage, unlinkablePage } from "../pages/ending.js";
import { type View, viewOf } from "../pages/language.js";
import { loginPage } from "../pages/login.js";
import { type Party, partyOf } from "../pages/party.js";
import { pageHeaders } from "../pages/style.js";
import { type Failure, Journeys } from "./journeys.js";

type Interaction = Awaited<ReturnType<Provider["interactionDetails"]>>;

export class Interactions {
  readonly #provider: Provider;
  readonly #bank: Bank;
  readonly #registrations: readonly Registration[];
  readonly #journeys: Journeys = new Journeys();

  constructor(provider: Provider, bank: Bank, registrations: readonly Registration[]) {
    this.#provider = provider;
    this.#bank = bank;
    this.#registrations = registrations;
  }

  async handle(request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<Answer> {
    const interaction = await this.#provider.interactionDetails(request, response).catch(() => undefined);
    if (interaction === undefined) return this.#lost(request, visit);
    const { params, uid } = interaction;
    const view = viewOf(request, params["ui_locales"]);
    const partner = this.#registrations.find(({ clientId }) => clientId === params["client_id"]);
    if (partner === undefined) return page(view, 400, errorPage(view, "invalid_client"));
    visit.clientId = partner.clientId;
    visit.note({ prompt: interaction.prompt.name });
    const redirectUri = String(params["redirect_uri"]);
    // Every request has a code challenge of its own (RFC 7636, 4.1).
    const key = `${partner.clientId} ${params["code_challenge"]}`;
    // A second click on the same button decides nothing: the first one stands.
    const { ended, failure } = this.#journeys.enter(key, uid, partner, redirectUri);
    if (ended) return seeOther(interaction.returnTo);
    const party = partyOf(partner.name, redirectUri);
    const step = { interaction, partner, party, redirectUri, view, action: `/interaction/${uid}` };
    if (request.method !== "POST") return this.#show(step, visit, failure);
    const form = new URLSearchParams((await readBody(request)).toString());
    const login = interaction.prompt.name === "login";
    const outcome = login ? this.#logIn(form) : this.#decide(step, form);
    if (isFailure(outcome)) {
      // Not the page at once: on the way back the browser would ask whether to send the form again.
      this.#journeys.fail(key, outcome);
      return seeOther(step.action);
    }
    if (!("login" in outcome)) this.#journeys.end(key);
    const result = "scopes" in outcome ? await this.#grant(step, outcome) : { ...outcome };
    return seeOther(await this.#provider.interactionResult(request, response, result));
  }

  /** A step that is over, or that another browser began. */
  #lost(request: IncomingMessage, visit: Visit): Answer {
    const view = viewOf(request);
    const [, uid = ""] = /^\/interaction\/([^/?]+)/.exec(request.url ?? "") ?? [];
    const journey = this.#journeys.of(uid);
    const latest = journey?.steps.at(-1);
    if (journey === undefined || (!journey.ended && latest === uid)) {
      return page(view, 400, errorPage(view, "session_not_found", "the login has expired"));
    }
    if (!journey.ended) return seeOther(`/interaction/${latest}`);
    const { partner, redirectUri } = journey;
    visit.clientId = partner.clientId;
    return page(view, 410, endedPage(view, { partner: partner.name, origin: new URL(redirectUri).origin }));
  }

  #show(step: Step, visit: Visit, failure: Failure = {}): Answer {
    const { interaction, party, view, action, redirectUri } = step;
    const { rejected, nothingChosen = false } = failure;
    if (interaction.prompt.name === "login") {
      const login = { ...party, action, customers: this.#bank.customers };
      const content = loginPage(view, rejected === undefined ? login : { ...login, rejected });
      return page(view, rejected === undefined ? 200 : 401, content, redirectUri);
    }
    const customer = this.#customer(interaction);
    const obstacle = this.#obstacle(step, customer);
    if (obstacle !== undefined) {
      visit.note({ obstacle: obstacle.why });
      return page(view, 200, unlinkablePage(view, { ...party, action, why: obstacle.why }), redirectUri);
    }
    const content = consentPage(view, { ...this.#consent(step, customer), nothingChosen });
    return page(view, nothingChosen ? 400 : 200, content, redirectUri);
  }

  #consent({ interaction, party, action }: Step, customer: Customer): ConsentPage {
    const requested = requestedScopes(interaction);
    const earlier = this.#earlier(interaction);
    const change = interaction.params["grant_management_action"] === "merge" ? "merge" : "replace";
    return {
      ...party,
      action,
      customer: customer.name,
      accounts: customer.accounts,
      scopes: permissionsAmong(requested),
      technical: requested.filter(scope => !isPermission(scope)),
      until: jstDate(this.#bank.grants.nextExpiry()),
      earlier: earlier && {
        action: change,
        scopes: permissionsAmong(earlier.scopes),
        until: jstDate(earlier.expiresAt),
      },
    };
  }

  #logIn(form: URLSearchParams): Login | Refusal | Failure {
    if (form.get("decision") === "deny") return refusal("access_denied", "the customer did not log in");
    const sample = form.get("sample");
    const id = sample ?? form.get("customer") ?? "";
    const customer = this.#bank.customers.find(candidate => candidate.id === id);
    const known = customer !== undefined && (sample !== null || customer.password === form.get("password"));
    return known ? { login: { accountId: customer.subject } } : { rejected: id };
  }

  #decide(step: Step, form: URLSearchParams): Consent | Refusal | Failure {
    const { interaction } = step;
    const customer = this.#customer(interaction);
    const obstacle = this.#obstacle(step, customer);
    if (obstacle !== undefined) return refusal(obstacle.error, obstacle.description);
    if (form.get("decision") !== "allow") return refusal("access_denied", "the customer did not allow it");

    const requested = requestedScopes(interaction);
    const chosen = form.getAll("scope");
    const allowed = requested.filter(scope => TECHNICAL_SCOPES.includes(scope) || chosen.includes(scope));
    const kept = interaction.params["grant_management_action"] === "merge" ? this.#earlier(interaction)?.scopes : [];
    const scopes = [...new Set([...(kept ?? []), ...allowed])];
    // A link that may do nothing helps nobody: either something is allowed, or the customer declines.
    if (requested.some(isPermission) && !scopes.some(isPermission)) return { nothingChosen: true };
    return { customer, scopes, refused: requested.filter(scope => !scopes.includes(scope)) };
  }

  async #grant({ interaction, partner }: Step, { customer, scopes, refused }: Consent): Promise<InteractionResults> {
    const { subject } = customer;
    const earlier = this.#earlier(interaction);
    const grant = new this.#provider.Grant({ accountId: subject, clientId: partner.clientId });
    if (earlier !== undefined) grant.jti = earlier.grantId;
    grant.addOIDCScope(scopes.join(" "));
    if (refused.length > 0) grant.rejectOIDCScope(refused.join(" "));
    const grantId = await grant.save();
    this.#bank.grants.record({ grantId, clientId: partner.clientId, subject, scopes });
    return { consent: { grantId } };
  }

  /** What stands in the way of any consent. */
  #obstacle({ interaction }: Step, customer: Customer): Obstacle | undefined {
    if (!customer.linkable) {
      return { why: "account", error: "access_denied", description: "the account can't be linked to this partner" };
    }
    const earlier = this.#earlier(interaction);
    if (earlier === undefined) return undefined;
    if (earlier.subject !== customer.subject) {
      return { why: "grant", error: "invalid_grant_id", description: "the grant is another customer's" };
    }
    // It was good when the request came in: a grant that was released since then stays released.
    if (this.#bank.grants.status(earlier.grantId) === "active") return undefined;
    return { why: "end", error: "invalid_grant_id", description: "the grant has ended" };
  }

  /** The grant that the request would change. */
  #earlier({ params }: Interaction): GrantRecord | undefined {
    return this.#bank.grants.find(String(params["grant_id"]));
  }

  #customer({ session }: Interaction): Customer {
    const customer = this.#bank.customers.find(({ subject }) => subject === session?.accountId);
    if (customer === undefined) throw new Error("an interaction beyond the login has a customer");
    return customer;
  }
}

interface Step {
  readonly interaction: Interaction;
  readonly partner: Registration;
  readonly party: Party;
  readonly redirectUri: string;
  readonly view: View;
  readonly action: string;
}

interface Login {
  readonly login: { readonly accountId: string };
}

interface Refusal {
  readonly error: string;
  readonly error_description: string;
}

/** What a customer has allowed. */
interface Consent {
  readonly customer: Customer;
  readonly scopes: readonly string[];
  readonly refused: readonly string[];
}

interface Obstacle {
  readonly why: "account" | "grant" | "end";
  readonly error: string;
  readonly description: string;
}

function isFailure(outcome: Login | Refusal | Consent | Failure): outcome is Failure {
  return "rejected" in outcome || "nothingChosen" in outcome;
}

function isPermission(scope: string): boolean {
  return PERMISSIONS.includes(scope);
}

/** In the bank's order. */
function permissionsAmong(scopes: readonly string[]): readonly string[] {
  return PERMISSIONS.filter(permission => scopes.includes(permission));
}

function requestedScopes({ params }: Interaction): string[] {
  const requested = String(params["scope"] ?? "").split(" ");
  return requested.filter(scope => isPermission(scope) || TECHNICAL_SCOPES.includes(scope));
}

function refusal(error: string, error_description: string): Refusal {
  return { error, error_description };
}

function seeOther(location: string): Answer {
  return { status: 303, headers: { location }, body: "" };
}

function page({ cookie }: View, status: number, body: string, redirectUri?: string): Answer {
  const answer = html(status, body);
  const headers = { ...answer.headers, ...pageHeaders(redirectUri) };
  return { ...answer, headers: cookie === undefined ? headers : { ...headers, "set-cookie": cookie } };
}
