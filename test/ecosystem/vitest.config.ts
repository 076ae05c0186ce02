import { defineConfig, type ViteUserConfig } from "vitest/config";

// These checks install packages of others: CI runs them in a step of their own, `npm run ecosystem`.
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/ecosystem/*.check.ts"],
    globalSetup: ["test/ecosystem/install.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
  },
});

export default config;
