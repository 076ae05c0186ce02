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
import { jstDate } from "../bank/jst.js";
import { PERMISSIONS, TECHNICAL_SCOPES } from "../bank/scopes.js";
import type { Registration } from "../client.js";
import type { Visit } from "../events.js";
import { consentPage, errorPage, loginPage, pageHeaders, unlinkablePage } from "./pages.js";

type Interaction = Awaited<ReturnType<Provider["interactionDetails"]>>;

export class Interactions {
  readonly #provider: Provider;
  readonly #bank: Bank;
  readonly #registrations: readonly Registration[];

  constructor(provider: Provider, bank: Bank, registrations: readonly Registration[]) {
    this.#provider = provider;
    this.#bank = bank;
    this.#registrations = registrations;
  }

  async handle(request: IncomingMessage, response: ServerResponse, visit: Visit): Promise<Answer> {
    const interaction = await this.#provider.interactionDetails(request, response).catch(() => undefined);
    if (interaction === undefined) return page(400, errorPage("session_not_found", "the login has expired"));
    const partner = this.#registrations.find(({ clientId }) => clientId === interaction.params["client_id"]);
    if (partner === undefined) return page(400, errorPage("invalid_client", undefined));
    visit.clientId = partner.clientId;
    visit.note({ prompt: interaction.prompt.name });
    const step = { interaction, partner, action: `/interaction/${interaction.uid}` };
    if (request.method !== "POST") return this.#show(step);
    const form = new URLSearchParams((await readBody(request)).toString());
    const outcome = interaction.prompt.name === "login" ? this.#logIn(step, form) : await this.#decide(step, form);
    if (isAnswer(outcome)) return outcome;
    const returnTo = await this.#provider.interactionResult(request, response, outcome);
    return { status: 303, headers: { location: returnTo }, body: "" };
  }

  #show({ interaction, partner, action }: Step, rejected?: string): Answer {
    const headers = pageHeaders(String(interaction.params["redirect_uri"]));
    const customers = this.#bank.customers;
    if (interaction.prompt.name === "login") {
      const login = { action, partner: partner.name, customers, ...(rejected === undefined ? {} : { rejected }) };
      return page(rejected === undefined ? 200 : 401, loginPage(login), headers);
    }
    const customer = this.#customer(interaction);
    if (!customer.linkable) return page(200, unlinkablePage({ action, partner: partner.name }), headers);
    const consent = {
      action,
      partner: partner.name,
      customer: customer.name,
      scopes: requestedScopes(interaction).filter(scope => scope in PERMISSIONS),
      until: jstDate(this.#bank.grants.nextExpiry()),
    };
    return page(200, consentPage(consent), headers);
  }

  #logIn(step: Step, form: URLSearchParams): InteractionResults | Answer {
    const id = form.get("customer") ?? "";
    const customer = this.#bank.customers.find(candidate => candidate.id === id);
    if (customer === undefined || customer.password !== form.get("password")) return this.#show(step, id);
    return { login: { accountId: customer.subject } };
  }

  async #decide({ interaction, partner }: Step, form: URLSearchParams): Promise<InteractionResults> {
    const customer = this.#customer(interaction);
    if (!customer.linkable) return refusal("access_denied", "the account can't be linked to this partner");
    if (form.get("decision") !== "allow") return refusal("access_denied", "the customer did not allow it");

    const requested = requestedScopes(interaction);
    const chosen = form.getAll("scope");
    const allowed = requested.filter(scope => TECHNICAL_SCOPES.includes(scope) || chosen.includes(scope));
    const action = interaction.params["grant_management_action"];
    const earlier = this.#bank.grants.find(String(interaction.params["grant_id"]));
    if (earlier !== undefined && earlier.subject !== customer.subject) {
      return refusal("invalid_grant_id", "the grant is another customer's");
    }
    const scopes = action === "merge" ? [...new Set([...(earlier?.scopes ?? []), ...allowed])] : allowed;
    const grant = new this.#provider.Grant({ accountId: customer.subject, clientId: partner.clientId });
    if (earlier !== undefined) grant.jti = earlier.grantId;
    grant.addOIDCScope(scopes.join(" "));
    const refused = requested.filter(scope => !scopes.includes(scope));
    if (refused.length > 0) grant.rejectOIDCScope(refused.join(" "));
    const grantId = await grant.save();
    this.#bank.grants.record({ grantId, clientId: partner.clientId, subject: customer.subject, scopes });
    return { consent: { grantId } };
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
  readonly action: string;
}

function isAnswer(outcome: InteractionResults | Answer): outcome is Answer {
  return "status" in outcome;
}

function requestedScopes({ params }: Interaction): string[] {
  const requested = String(params["scope"] ?? "").split(" ");
  return requested.filter(scope => scope in PERMISSIONS || TECHNICAL_SCOPES.includes(scope));
}

function refusal(error: string, error_description: string): InteractionResults {
  return { error, error_description };
}

function page(status: number, body: string, headers: Record<string, string> = pageHeaders()): Answer {
  const answer = html(status, body);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}
