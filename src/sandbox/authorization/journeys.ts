/**
 * The authorizations that customers are going through, or have gone through a while ago: who comes back to a step of one,
 * with the back button or a second click, is led on.
 *
 * @module
 */
import type { Registration } from "../client.js";

/** What is wrong with what the customer has sent. */
export interface Failure {
  /** The login id that was tried in vain. */
  readonly rejected?: string;
  /** Whether the customer has allowed nothing at all. */
  readonly nothingChosen?: boolean;
}

export interface Journey {
  readonly partner: Registration;
  readonly redirectUri: string;
  /** The uids of the steps that were shown, the latest last. */
  readonly steps: readonly string[];
  /** Whether the customer has decided, or has gone back to the partner. */
  readonly ended: boolean;
  /** What was wrong at the latest step, until it is right. */
  readonly failure: Failure | undefined;
}

/** Older ones are forgotten, and end on the page for what has expired. */
const MOST = 1000;

export class Journeys {
  readonly #journeys = new Map<string, { -readonly [Name in keyof Journey]: Journey[Name] }>();

  /**
   * Notes a step that is shown.
   *
   * @param request - What tells this authorization request from others.
   */
  enter(request: string, step: string, partner: Registration, redirectUri: string): Journey {
    const journey = this.#journeys.get(request);
    if (journey?.steps.includes(step)) return journey;
    const steps = [...(journey?.steps ?? []), step].slice(-10);
    const entered = { partner, redirectUri, steps, ended: false, failure: undefined };
    this.#journeys.delete(request);
    this.#journeys.set(request, entered);
    for (const oldest of this.#journeys.keys()) {
      if (this.#journeys.size <= MOST) break;
      this.#journeys.delete(oldest);
    }
    return entered;
  }

  fail(request: string, failure: Failure): void {
    const journey = this.#journeys.get(request);
    if (journey !== undefined) journey.failure = failure;
  }

  end(request: string): void {
    const journey = this.#journeys.get(request);
    if (journey !== undefined) journey.ended = true;
  }

  /** The journey that a step belonged to. */
  of(step: string): Journey | undefined {
    return [...this.#journeys.values()].find(({ steps }) => steps.includes(step));
  }
}
