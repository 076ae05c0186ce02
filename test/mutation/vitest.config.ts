import { defineConfig, type ViteUserConfig } from "vitest/config";

/** The tests a mutant is put to: those that name what they check, and need no server. */
const config: ViteUserConfig = defineConfig({
  test: { include: ["test/{authorization,links}/**/*.test.ts"] },
});

export default config;
