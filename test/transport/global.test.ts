import { expect, test } from "vitest";

// What undici keeps there decides how fetch() of the whole process connects.
const DISPATCHERS = ["undici.globalDispatcher.1", "undici.globalDispatcher.2"].map(name => Symbol.for(name));

test("importing the package, and what it loads with its first client, leaves fetch() to Node, and does not make undici's agent the one of the process", async () => {
  const { fetch } = globalThis;
  await import("../../src/index.js");
  await import("../../src/transport/pool.js");
  expect(globalThis.fetch).toBe(fetch);
  const { Agent } = await import("undici");
  for (const symbol of DISPATCHERS) expect(Reflect.get(globalThis, symbol)).not.toBeInstanceOf(Agent);
});
