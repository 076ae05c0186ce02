import { expect, test } from "vitest";
import { withFreshKeys, withoutJournal } from "./broken.js";
import { runChaos } from "./chaos.js";

// Another seed: CHAOS_SEED=… npx vitest run test/chaos. Ten thousand debits: npm run chaos -- --debits 10000 --seed …
const seed = Number(process.env["CHAOS_SEED"] ?? 20260401);

test(`a thousand debits through random faults, seed ${seed}: none twice, none lost, none unknown`, async () => {
  const report = await runChaos({ debits: 1000, seed });
  expect(report).toMatchObject({ twice: [], lost: [], unknown: [] });
  expect(report.succeeded + report.failed + report.notMade).toBe(1000);
  // The run was no holiday.
  expect(report.doubts).toBeGreaterThan(0);
  expect(report.recovered).toBeGreaterThan(0);
  const quiet = Object.entries(report.faults).filter(([, times]) => times === 0);
  expect(quiet).toEqual([]);
}, 180_000);

// Where half of the callers give up, many come again: nothing but the journal could keep their debits apart.
test.each([
  ["that is not written before the request", withoutJournal, 0.05],
  ["that gives each attempt a key of its own", withFreshKeys, 0.5],
])(
  "a journal %s is found out",
  async (_, between, impatience) => {
    const { twice, lost, unknown } = await runChaos({ debits: 400, seed, between, impatience });
    expect(twice.length + lost.length + unknown.length).toBeGreaterThan(10);
  },
  120_000,
);
