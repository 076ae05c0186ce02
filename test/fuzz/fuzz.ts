/**
 * Runs properties over hostile input.
 *
 * `FC_SEED` chooses the input. `FC_RUNS` is how many inputs a property of weight 1 gets, 20 by default; the weights of
 * all of them come to about 300, so that FC_RUNS=4000 makes well over a million inputs.
 */
import { inspect } from "node:util";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { MinnaError } from "../../src/errors.js";

const SEED = Number(process.env["FC_SEED"] ?? 4);
const RUNS = Number(process.env["FC_RUNS"] ?? 20);
const LONG = RUNS > 20;
const HOUR = 3_600_000;
/** Milliseconds that one input may take. */
const PATIENCE = 5_000;

/** How something ended: with a value, or with an error of the taxonomy. */
export type Outcome<T> = { readonly value: T } | { readonly error: MinnaError };

/** How many inputs of a property were accepted, and how many refused. */
export interface Tally {
  accepted: number;
  refused: number;
}

let inputs = 0;

/** Tells at the end of a file how much it has looked at. */
export function reportInputs(file: string): void {
  afterAll(() => {
    console.log(`${file}: ${inputs} inputs, FC_SEED=${SEED}`);
  });
}

/**
 * A property that must hold for every input: without an error from outside the taxonomy, in time, and without a trace on
 * the built-in prototypes. `weight` multiplies the number of inputs: more for what is quick.
 */
export function holds<T>(
  name: string,
  weight: number,
  input: fc.Arbitrary<T>,
  property: (input: T) => Promise<unknown>,
): void {
  const numRuns = Math.max(Math.round(RUNS * weight), 10);
  test(
    name,
    async () => {
      const guarded = async (one: T) => {
        inputs++;
        const started = performance.now();
        await property(one);
        // A synchronous loop lets no timer fire.
        if (performance.now() - started > PATIENCE) throw new Error("took too long");
        expectCleanPrototypes();
      };
      expectPassed(await fc.check(fc.asyncProperty(input, guarded), { seed: SEED, numRuns, timeout: PATIENCE }));
    },
    LONG ? HOUR : 60_000,
  );
}

/** Names the seed and the smallest input that fails; what is deep or long is cut. */
function expectPassed<T>(run: fc.RunDetails<T>): void {
  if (!run.failed) return;
  const input = inspect(run.counterexample, { depth: 6, maxStringLength: 500, maxArrayLength: 20 }).slice(0, 2_000);
  throw new Error(`FC_SEED=${run.seed}, after ${run.numRuns} inputs, path ${run.counterexamplePath}: ${input}`, {
    cause: run.errorInstance,
  });
}

/** The same, where some inputs must be accepted and some refused: a property that refuses everything proves nothing. */
export function tallies<T>(
  name: string,
  weight: number,
  input: fc.Arbitrary<T>,
  property: (input: T) => Promise<boolean>,
): void {
  const tally: Tally = { accepted: 0, refused: 0 };
  holds(name, weight, input, async one => {
    if (await property(one)) tally.accepted++;
    else tally.refused++;
  });
  test(`${name}: some were accepted, some refused`, () => {
    expect(tally.accepted).toBeGreaterThan(0);
    expect(tally.refused).toBeGreaterThan(0);
  });
}

/** Waits for the end of the work, which may be an error of the taxonomy and no other. */
export async function outcomeOf<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof MinnaError && typeof error.code === "string" && error.code !== "") return { error };
    throw new Error(`an error from outside the taxonomy: ${inspect(error).slice(0, 500)}`);
  }
}

/** The value, or `undefined` where it was refused without showing anything of what was refused. */
export async function accepted<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  const outcome = await outcomeOf(work);
  if ("value" in outcome) return outcome.value;
  expectSilent(outcome.error);
  return undefined;
}

/** Everything secret or personal that the inputs hold has the word CANARY in it. */
export function expectSilent(error: MinnaError): void {
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("CANARY");
}

const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Map.prototype];
const NAMES = PROTOTYPES.map(prototype => Reflect.ownKeys(prototype).length);

function expectCleanPrototypes(): void {
  for (const [index, prototype] of PROTOTYPES.entries()) {
    if (Reflect.ownKeys(prototype).length !== NAMES[index]) throw new Error("a built-in prototype was polluted");
  }
}
