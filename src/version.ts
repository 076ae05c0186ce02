/**
 * The version of this package, as package.json has it: a bundled one has no package.json at hand.
 *
 * @module
 */
export const VERSION = "0.1.0";
