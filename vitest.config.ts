import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/**/*.test.ts", "examples/testing/vitest.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Two cores: more workers only make the handshakes slower.
    maxWorkers: 2,
    // CI counts what ran.
    reporters:
      process.env["CI"] === undefined ? ["default"] : ["default", ["json", { outputFile: ".build/tests.json" }]],
  },
});

export default config;
