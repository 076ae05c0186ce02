/** Runs the journey against a misbehaving bank and shows where it stops. */
import { inspect } from "node:util";
import { expect } from "vitest";
import type { MinnaClient, MinnaClientOptions, MinnaError, Profile } from "../../src/index.js";
import type { FaultName, Sandbox } from "../../src/sandbox/index.js";
import { connect } from "../support/partner.js";

/** How the journey must end. */
export interface Outcome {
  readonly name: string;
  readonly code: string;
  readonly check?: string;
}

/** Where the journey must end. Nothing behind that point may be called. */
export type Stage = "begin" | "complete" | "token";

const LATER: Readonly<Record<Stage, readonly string[]>> = {
  begin: ["authorization", "token", "userinfo", "grant", "api"],
  complete: ["token", "userinfo", "grant", "api"],
  token: ["userinfo", "grant", "api"],
};

/** Commits the fault, makes the journey, and expects it to stop at the stage with the outcome. */
export async function expectStop(
  bank: Sandbox,
  profile: Profile,
  fault: FaultName,
  stage: Stage,
  outcome: Outcome,
  more: Partial<MinnaClientOptions> = {},
): Promise<void> {
  const minna = connect(bank, profile, more);
  const since = bank.events.length;
  bank.faults.on(fault);
  try {
    const { error, reached } = await journey(bank, minna);
    expect(summary(error)).toEqual(outcome);
    expect(reached).toBe(stage === "begin" ? "begin" : "complete");
    const received = bank.events.slice(since).map(event => event.endpoint);
    expect(received.filter(endpoint => LATER[stage].includes(endpoint))).toEqual([]);
    if (stage === "token") expect(received.filter(endpoint => endpoint === "token")).toHaveLength(1);
    expect(inspect(error, { depth: 10 })).not.toMatch(/eyJ|Bearer |"access_token"|code_verifier/);
  } finally {
    bank.faults.off();
    await minna.close();
  }
}

/** Commits the fault and expects that the journey works all the same, up to a call of the API. */
export async function expectAccepted(bank: Sandbox, profile: Profile, fault: FaultName): Promise<void> {
  const minna = connect(bank, profile);
  bank.faults.on(fault);
  try {
    const { error } = await journey(bank, minna);
    expect(error).toBeUndefined();
  } finally {
    bank.faults.off();
    await minna.close();
  }
}

async function journey(bank: Sandbox, minna: MinnaClient): Promise<{ error?: unknown; reached: string }> {
  let reached = "begin";
  try {
    const { authorizationUrl, transaction } = await minna.links.begin({
      customerId: "u-42",
      scopes: ["balance", "debit"],
    });
    reached = "approve";
    const callback = await bank.approve(authorizationUrl);
    reached = "complete";
    const { id } = await minna.links.complete(callback, { transaction });
    reached = "use";
    await minna.link(id).accounts.list();
    return { reached };
  } catch (error) {
    return { error, reached };
  }
}

function summary(error: unknown): Outcome {
  const { name, code } = error as MinnaError;
  const check = (error as { check?: string }).check;
  return { name, code, ...(check === undefined ? {} : { check }) };
}

/** The outcome of an answer that can't be trusted. */
export function untrusted(check: string): Outcome {
  return { name: "ValidationError", code: "validation_failed", check };
}
