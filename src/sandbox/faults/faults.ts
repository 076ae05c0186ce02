/**
 * The named misbehaviours of the sandbox, and the switches that turn them on and off.
 *
 * @module
 */
import {
  apiAnswerFaults,
  apiRequestFaults,
  debitFailureFaults,
  debitFaults,
  grantFaults,
  inquiryFaults,
  pageFaults,
} from "./api-faults.js";
import { FAULT_NAMES, type FaultName } from "./fault-name.js";
import type { Hooks } from "./hooks.js";
import { discoveryFaults, jwksFaults, signatureFaults } from "./metadata-faults.js";
import { jarmFaults, parFaults, responseFaults } from "./response-faults.js";
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
  /** Only this client; discovery and keys are asked for by nobody in particular, so they need a fault without it. */
  readonly clientId?: string;
  /** How many times it strikes; otherwise until it is switched off. */
  readonly times?: number;
}

/** The switches of the named misbehaviours. */
export interface SandboxFaults {
  /** Switches a fault on. Switching it on again replaces its scope. */
  on(name: FaultName, scope?: FaultScope): void;
  /** Switches one fault off, or all of them. */
  off(name?: FaultName): void;
}

const TABLES: { readonly [Hook in keyof Hooks]: Readonly<Partial<Record<FaultName, Hooks[Hook]>>> } = {
  discovery: discoveryFaults,
  jwks: jwksFaults,
  par: parFaults,
  response: responseFaults,
  jarm: jarmFaults,
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
  apiRequest: apiRequestFaults,
  apiAnswer: apiAnswerFaults,
  debit: { ...debitFaults, ...debitFailureFaults },
  inquiry: inquiryFaults,
  page: pageFaults,
};

interface Switch {
  readonly clientId: string | undefined;
  remaining: number;
}

export class Faults implements SandboxFaults {
  readonly #switches = new Map<string, Switch>();

  on(name: FaultName, { clientId, times }: FaultScope = {}): void {
    if (!FAULT_NAMES.includes(name)) throw new RangeError(`no fault is called ${name}`);
    const remaining = times ?? (name === "api-token-rejected-once" ? 1 : Number.POSITIVE_INFINITY);
    this.#switches.set(name, { clientId, remaining });
  }

  off(name?: FaultName): void {
    if (name === undefined) this.#switches.clear();
    else this.#switches.delete(name);
  }

  /** The faults that strike at a hook now, for a client. Taking them counts as one strike of each. */
  take<Hook extends keyof Hooks>(hook: Hook, clientId: string | undefined): Hooks[Hook][] {
    const table = TABLES[hook];
    return FAULT_NAMES.flatMap(name => {
      const fault = table[name];
      const found = this.#switches.get(name);
      if (fault === undefined || found === undefined) return [];
      if (found.clientId !== undefined && found.clientId !== clientId) return [];
      found.remaining -= 1;
      if (found.remaining <= 0) this.#switches.delete(name);
      return [fault];
    });
  }
}
