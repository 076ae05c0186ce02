/**
 * The requests that a call has made, for whoever has to find out why it failed.
 *
 * @module
 */

/** Whom the bank takes the partner for. */
export interface KnownAs {
  readonly issuer: string;
  readonly clientId: string;
  readonly profile: string;
}

/** One request. `outcome` is the HTTP status, or what became of it instead; absent while it is under way. */
export interface MadeRequest {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  /** Origin and path, without query and without ids. */
  readonly endpoint: string;
  /** The `x-fapi-interaction-id` that was sent. */
  readonly interactionId: string | undefined;
  /** The `x5t#S256` of the certificate that was presented, where one was. */
  readonly thumbprint: string | undefined;
  readonly knownAs: KnownAs | undefined;
  outcome?: number | string;
  /** Milliseconds since the epoch. */
  endedAt?: number;
}

/** Of how many requests a trail knows: the last ones. */
export const LONGEST_TRAIL = 10;

/** The requests of one call, with those that others made for it. Costs nothing until there is one. */
export class Trail {
  /** Given for a call of the partner, and what counts where no request says otherwise. */
  readonly knownAs: KnownAs | undefined;
  readonly #entries: (MadeRequest | Trail)[] = [];

  constructor(knownAs?: KnownAs) {
    this.knownAs = knownAs;
  }

  /** Adds a request that is about to leave. Its end is written into it. */
  add(request: MadeRequest): MadeRequest {
    this.#push(request);
    return request;
  }

  /** The trail of a call that is made for this one, and may go on after it. */
  branch(): Trail {
    const branch = new Trail();
    this.#push(branch);
    return branch;
  }

  /** All requests, those of its branches too. */
  *requests(): Generator<MadeRequest, void, undefined> {
    for (const entry of this.#entries) {
      if (entry instanceof Trail) yield* entry.requests();
      else yield entry;
    }
  }

  // A call that waits for a debit to be settled makes any number of requests.
  #push(entry: MadeRequest | Trail): void {
    if (this.#entries.push(entry) > LONGEST_TRAIL) this.#entries.shift();
  }
}

// Beside the errors and not in them: nothing of it shows where one is printed.
const TRAILS = new WeakMap<object, Trail[]>();

/** Keeps the trail of a call with the error that it ended with. */
export function leaveTrail(error: unknown, trail: Trail): void {
  if (!(error instanceof Error)) return;
  const known = TRAILS.get(error) ?? [];
  if (known.includes(trail)) return;
  // Work for many calls ends them all with one error: its own trail is kept, and that of the first of them.
  const taken = trail.knownAs !== undefined && known.some(other => other.knownAs !== undefined);
  if (!taken) TRAILS.set(error, [...known, trail]);
}

/** The trails that an error and its causes were left with, the innermost call's first. */
export function trailsOf(error: unknown): readonly Trail[] {
  const found: Trail[] = [];
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    found.push(...(TRAILS.get(link) ?? []));
  }
  return found;
}
