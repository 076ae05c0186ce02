import { beforeEach, expect, test, vi } from "vitest";
import { LinkError, StoreError } from "../../src/errors.js";
import { persist } from "../../src/links/persist.js";
import { rejection } from "../support/errors.js";

const { waits } = vi.hoisted(() => ({ waits: [] as number[] }));
vi.mock("node:timers/promises", () => ({ setTimeout: async (wait: number) => waits.push(wait) }));

let attempts: number;
beforeEach(() => {
  attempts = 0;
  waits.length = 0;
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});

/** Fails so often, then says at which attempt it succeeded. */
async function failing(
  times: number,
  error: Error = new StoreError("put", "store_failed", "connection"),
): Promise<string> {
  attempts++;
  if (attempts <= times) throw error;
  return `written at attempt ${attempts}`;
}

test("what the store takes at once is written once", async () => {
  expect(await persist(() => failing(0))).toBe("written at attempt 1");
  expect(attempts).toBe(1);
  expect(waits).toEqual([]);
});

test("a store that fails in passing is tried again, after longer and longer waits", async () => {
  expect(await persist(() => failing(5))).toBe("written at attempt 6");
  expect(waits).toEqual([50, 150, 400, 1_000, 3_000]);
});

test("a store that stays down is tried six times, and its last error told", async () => {
  const down = new StoreError("put", "store_timeout", "no answer");
  expect(
    await rejection(
      persist(() => failing(7, down)),
      StoreError,
    ),
  ).toBe(down);
  expect(attempts).toBe(6);
});

test.each([
  [0, 25],
  [0.9, 70],
])("waits are spread out: at %d it is %d milliseconds", async (random, wait) => {
  vi.spyOn(Math, "random").mockReturnValue(random);
  await persist(() => failing(1));
  expect(waits).toEqual([wait]);
});

test.each(["store_not_durable", "store_not_migrated", "sealing_key_missing", "seal_invalid"] as const)(
  "%s is told at once: trying again does not mend it",
  async code => {
    const lasting = new StoreError("put", code, "as it is");
    expect(
      await rejection(
        persist(() => failing(7, lasting)),
        StoreError,
      ),
    ).toBe(lasting);
    expect(attempts).toBe(1);
    expect(waits).toEqual([]);
  },
);

test("what is no failure of the store is told at once", async () => {
  const refused = new LinkError("link_released", "lnk_1", "The link was released.");
  expect(
    await rejection(
      persist(() => failing(7, refused)),
      LinkError,
    ),
  ).toBe(refused);
  expect(attempts).toBe(1);
});
