/**
 * The form of a contract: tests for any runner.
 *
 * @module
 */

/** One thing that a contract asks, to be handed to a test runner: `test(name, run)`. */
export interface ContractTest {
  /** What must hold. */
  readonly name: string;
  /** Resolves when it holds; rejects with an error that says what does not. */
  readonly run: () => Promise<void>;
}
