const { transformSync } = require("esbuild");

const options = { format: "cjs", target: "node20", sourcemap: true, supported: { "dynamic-import": false } };
module.exports = { process: (source, sourcefile) => transformSync(source, { ...options, sourcefile }) };
