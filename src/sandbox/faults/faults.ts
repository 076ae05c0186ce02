/**
 * The named misbehaviours of the sandbox, and the switches that turn them on and off.
 *
 * @module
 */
import {
  apiAnswerFaults,
  apiRequestFaults,
  balanceFaults,
  debitFailureFaults,
  debitFaults,
  grantFaults,
  inquiryFaults,
  keyFaults,
  pageFaults,
  referenceFaults,
  standingFaults,
} from "./api-faults.js";
import { Chance, type FaultOdds } from "./chance.js";
import { FAULT_NAMES, type FaultName } from "./fault-name.js";
import { handshakeFaults } from "./handshake-faults.js";
import type { Hooks } from "./hooks.js";
import { discoveryFaults, jwksFaults, signatureFaults } from "./metadata-faults.js";
import { jarmFaults, parFaults, redirectFaults, responseFaults } from "./response-faults.js";
import { introspectionFaults, revocationFaults, userinfoFaults } from "./statement-faults.js";
import {
  accessTokenFaults,
  idTokenFaults,
  refreshedIdTokenFaults,
  refreshFaults,
  refreshTokenFaults,
  tokenFaults,
} from "./token-faults.js";

/** Whom a fault meets, and how often. */
export interface FaultScope {
  /**
   * Only this client; discovery and keys are asked for by nobody in particular, so they need a fault without it. A TLS
   * handshake can't have it at all.
   */
  readonly clientId?: string;
  /** How many times it strikes; otherwise until it is switched off, or once where more would make no sense. */
  readonly times?: number;
}

/** The switches of the named misbehaviours. */
export interface SandboxFaults {
  /**
   * Switches a fault on. Switching it on again replaces its scope.
   *
   * @throws RangeError if there is no such fault, or none for one client.
   */
  on(name: FaultName, scope?: FaultScope): void;
  /**
   * Leaves faults to chance: from now on each of them strikes with its odds (0 never, 1 always) each time that its place
   * is passed. The same seed and the same order of requests bring the same misfortunes. Called again it begins anew,
   * with these faults alone; those that were switched on stay on.
   *
   * @throws RangeError if there is no such fault, odds are not from 0 to 1, or the seed is no integer.
   */
  byChance(seed: number, odds: FaultOdds): void;
  /** Switches one fault off, or all of them; those left to chance too. */
  off(name?: FaultName): void;
  /**
   * How often a fault has struck since the sandbox was started. It does not strike where there is nothing for it, such
   * as a signature in an answer that is not signed.
   *
   * @throws RangeError if there is no such fault.
   */
  struck(name: FaultName): number;
}

const TABLES: { readonly [Hook in keyof Hooks]: Readonly<Partial<Record<FaultName, Hooks[Hook]>>> } = {
  handshake: handshakeFaults,
  discovery: discoveryFaults,
  jwks: jwksFaults,
  par: parFaults,
  response: responseFaults,
  jarm: jarmFaults,
  redirect: redirectFaults,
  idToken: idTokenFaults,
  refreshedIdToken: refreshedIdTokenFaults,
  signature: signatureFaults,
  accessToken: accessTokenFaults,
  refreshToken: refreshTokenFaults,
  token: tokenFaults,
  refresh: refreshFaults,
  introspection: introspectionFaults,
  userinfo: userinfoFaults,
  revocation: revocationFaults,
  grant: grantFaults,
  standing: standingFaults,
  apiRequest: apiRequestFaults,
  apiAnswer: apiAnswerFaults,
  idempotency: keyFaults,
  reference: referenceFaults,
  debit: { ...debitFaults, ...debitFailureFaults },
  inquiry: inquiryFaults,
  balance: balanceFaults,
  page: pageFaults,
};

/** Those that mean the next time, unless told otherwise. */
const ONCE: ReadonlySet<FaultName> = new Set(["api-token-rejected-once", "jwks-rotated"]);

interface Switch {
  readonly clientId: string | undefined;
  remaining: number;
}

export class Faults implements SandboxFaults {
  readonly #switches = new Map<FaultName, Switch>();
  readonly #strikes = new Map<FaultName, number>();
  #chance: Chance | undefined;

  on(name: FaultName, { clientId, times }: FaultScope = {}): void {
    checkName(name);
    if (clientId !== undefined && name in handshakeFaults) {
      throw new RangeError(`${name} can't be for one client: nobody is known yet in a handshake`);
    }
    const remaining = times ?? (ONCE.has(name) ? 1 : Number.POSITIVE_INFINITY);
    this.#switches.set(name, { clientId, remaining });
  }

  byChance(seed: number, odds: FaultOdds): void {
    for (const name of Object.keys(odds)) checkName(name);
    this.#chance = new Chance(seed, odds);
  }

  off(name?: FaultName): void {
    if (name === undefined) {
      this.#switches.clear();
      this.#chance = undefined;
    } else {
      this.#switches.delete(name);
      this.#chance?.forget(name);
    }
  }

  struck(name: FaultName): number {
    checkName(name);
    return this.#strikes.get(name) ?? 0;
  }

  /** The faults that are on at a hook now, for a client. Calling one is its strike. */
  take<Hook extends keyof Hooks>(hook: Hook, clientId: string | undefined): Hooks[Hook][] {
    const table = TABLES[hook];
    return FAULT_NAMES.flatMap(name => {
      const fault: ((...given: never[]) => unknown) | undefined = table[name];
      if (fault === undefined) return [];
      // Drawn also for a fault that is on, so that what is drawn next does not depend on it.
      const drawn = this.#chance?.strikes(name) ?? false;
      const on = this.#switchFor(name, clientId);
      if (on === undefined && !drawn) return [];
      const strike = (...given: never[]) => {
        const outcome = fault(...given);
        if (outcome !== false) this.#count(name, on);
        return outcome;
      };
      return [strike as Hooks[Hook]];
    });
  }

  #switchFor(name: FaultName, clientId: string | undefined): Switch | undefined {
    const found = this.#switches.get(name);
    return found?.clientId === undefined || found.clientId === clientId ? found : undefined;
  }

  #count(name: FaultName, on: Switch | undefined): void {
    this.#strikes.set(name, this.struck(name) + 1);
    if (on === undefined) return;
    on.remaining -= 1;
    if (on.remaining <= 0) this.#switches.delete(name);
  }
}

function checkName(name: string): void {
  if (!FAULT_NAMES.some(known => known === name)) throw new RangeError(`no fault is called ${name}`);
}
