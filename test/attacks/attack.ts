/** Commits faults at the bank, and shows where they stop the partner. */
import { inspect } from "node:util";
import { expect } from "vitest";
import { type LinkInfo, type MinnaClient, type MinnaClientOptions, MinnaError, type Profile } from "../../src/index.js";
import type { FaultName, Sandbox, SandboxEvent } from "../../src/sandbox/index.js";
import { rejection } from "../support/errors.js";
import { connect, PROFILES } from "../support/partner.js";

/** A way to be a partner of the bank. */
export interface Way {
  readonly name: string;
  readonly profile: Profile;
  readonly more: Partial<MinnaClientOptions>;
}

const BY_VALUE = { requestDelivery: "by-value" } as Partial<MinnaClientOptions>;
const PLAIN_OAUTH = { contract: { scopes: { openid: null } } };

/** A profile as it is by default. */
export function inProfile(profile: Profile, more: Partial<MinnaClientOptions> = {}): Way {
  return { name: profile, profile, more };
}

/** With OpenID Connect: each profile, and the one that can do without PAR. */
export const OPENID_WAYS: readonly Way[] = [
  ...PROFILES.map(profile => inProfile(profile)),
  { name: "fapi1-advanced by value", profile: "fapi1-advanced", more: BY_VALUE },
];

/** All ways: plain OAuth in each profile too. */
export const WAYS: readonly Way[] = [
  ...OPENID_WAYS,
  ...PROFILES.map(profile => ({ name: `${profile} without OpenID Connect`, profile, more: PLAIN_OAUTH })),
];

/** For the title of a test. */
export function titled(ways: readonly Way[]): (readonly [string, Way])[] {
  return ways.map(way => [way.name, way]);
}

/** How a call must fail. */
export interface Outcome {
  readonly name: string;
  readonly code: string;
  readonly check?: string;
}

/** The outcome of an answer that can't be trusted. */
export function untrusted(check: string): Outcome {
  return { name: "ValidationError", code: "validation_failed", check };
}

/** The outcome of a link that the customer must renew. */
export const NEEDS_CUSTOMER: Outcome = { name: "LinkError", code: "reauthorization_required" };

/** What a journey may have asked for when it stops: each of these once, and nothing else. */
const ASKED = {
  discovery: ["discovery"],
  par: ["discovery", "par"],
  /** Refused before a key was fetched. */
  response: ["discovery", "par"],
  jwks: ["discovery", "par", "jwks"],
  token: ["discovery", "par", "jwks", "token"],
} as const;

/** Where a journey stops. */
export type Stage = keyof typeof ASKED;

const PUBLIC = ["discovery", "jwks"];
const VISITS = ["authorization", "interaction"];

/** Expects that nothing left the process since then but these, each once and by the way that it has to take. */
export function expectNothingBut(bank: Sandbox, since: number, allowed: readonly string[]): void {
  const left = [...allowed];
  const more = receivedSince(bank, since).filter(place => {
    const at = left.indexOf(place);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
  expect(more).toEqual([]);
}

/** What came in from the process, the customer's browser left out. */
function receivedSince(bank: Sandbox, since: number): string[] {
  return bank.events.slice(since).flatMap(event => (VISITS.includes(event.endpoint) ? [] : placeOf(event)));
}

function placeOf({ channel, endpoint, method }: SandboxEvent): string {
  if (method === "TLS") return "handshake";
  return channel === (PUBLIC.includes(endpoint) ? "browser" : "mtls") ? endpoint : `${endpoint} (${channel})`;
}

/** Expects that the work fails in this way, shows nothing secret, and asks for nothing but what is allowed. */
export async function expectRefused(
  bank: Sandbox,
  outcome: Outcome,
  allowed: readonly string[],
  work: () => Promise<unknown>,
): Promise<void> {
  const since = bank.events.length;
  const error = await rejection(work(), MinnaError);
  const { name, code, check } = error as MinnaError & { readonly check?: string };
  expect({ name, code, ...(check === undefined ? {} : { check }) }).toEqual(outcome);
  expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(
    /eyJ|Bearer |PRIVATE KEY|"access_token"|code_verifier/,
  );
  expectNothingBut(bank, since, allowed);
}

/** Commits the faults while the work is done. Each of them must strike. */
export async function committing<T>(bank: Sandbox, faults: readonly FaultName[], work: () => Promise<T>): Promise<T> {
  const before = faults.map(fault => bank.faults.struck(fault));
  for (const fault of faults) bank.faults.on(fault);
  try {
    const result = await work();
    expect(faults.filter((fault, i) => bank.faults.struck(fault) === before[i])).toEqual([]);
    return result;
  } finally {
    bank.faults.off();
  }
}

/** Commits the faults, makes the journey, and expects it to stop at the stage with the outcome. */
export async function expectStop(
  bank: Sandbox,
  { profile, more }: Way,
  fault: FaultName | readonly FaultName[],
  stage: Stage,
  outcome: Outcome,
): Promise<void> {
  const minna = connect(bank, profile, more);
  const since = bank.events.length;
  await committing(bank, [fault].flat() as FaultName[], async () => {
    const journey = new Journey(bank, minna);
    await expectRefused(bank, outcome, ASKED[stage], () => journey.make());
    expect(journey.reached).toBe(stage === "discovery" || stage === "par" ? "begin" : "complete");
    if (stage !== "response") expect(receivedSince(bank, since)).toContain(stage);
  }).finally(() => minna.close());
}

/** Commits the fault and expects that the journey works all the same, with all that was asked for, up to a call of the API. */
export async function expectAccepted(bank: Sandbox, { profile, more }: Way, fault: FaultName): Promise<void> {
  const minna = connect(bank, profile, more);
  try {
    const link = await committing(bank, [fault], () => new Journey(bank, minna).make());
    expect(link).toMatchObject({ status: "active", scopes: WISH.scopes, refusedScopes: [] });
  } finally {
    await minna.close();
  }
}

/** What a journey asks for. */
export const WISH = { customerId: "u-42", scopes: ["balance", "debit"] } as const;

/** A customer's way to a linked account, and the first use of it. */
class Journey {
  readonly #bank: Sandbox;
  readonly #minna: MinnaClient;
  reached = "begin";

  constructor(bank: Sandbox, minna: MinnaClient) {
    this.#bank = bank;
    this.#minna = minna;
  }

  async make(): Promise<LinkInfo> {
    const { authorizationUrl, transaction } = await this.#minna.links.begin(WISH);
    this.reached = "approve";
    const callback = await this.#bank.approve(authorizationUrl);
    this.reached = "complete";
    const link = await this.#minna.links.complete(callback, { transaction });
    this.reached = "use";
    expect(await this.#minna.link(link.id).accounts.list()).toHaveLength(2);
    return link;
  }
}
