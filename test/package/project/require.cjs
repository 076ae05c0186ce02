// CommonJS: require() of this package works from Node 20.19.
const assert = require("node:assert/strict");
const { MinnaClient, ConfigurationError } = require("minna-baas");
const { startSandbox } = require("minna-baas/sandbox");

assert.equal(typeof startSandbox, "function");
assert.throws(() => new MinnaClient({}), ConfigurationError);
console.log("required");
