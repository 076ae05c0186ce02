import { expect, test } from "vitest";

// What undici keeps there decides how fetch() of the whole process connects.
const DISPATCHERS = ["undici.globalDispatcher.1", "undici.globalDispatcher.2"].map(name => Symbol.for(name));

test("importing the package changes nothing for the fetch of the application around it", async () => {
  const look = () => [globalThis.fetch, ...DISPATCHERS.map(symbol => Reflect.get(globalThis, symbol) as unknown)];
  const before = look();
  await import("../../src/index.js");
  const unchanged = look().map((value, index) => value === before[index]);
  expect(unchanged).toEqual([true, true, true]);
});
