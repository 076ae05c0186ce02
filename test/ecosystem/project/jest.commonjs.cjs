// Jest's configuration for tests in CommonJS without --experimental-vm-modules: esbuild turns the modules into CommonJS.
module.exports = {
  testMatch: ["**/*.test.cjs"],
  transform: { "\\.m?js$": "<rootDir>/module-to-commonjs.cjs" },
  transformIgnorePatterns: [],
  testTimeout: 60_000, // the first run transforms everything that the sandbox is made of
};
