/**
 * What is wrong with how a command was called.
 *
 * @module
 */

/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {}
